//! What describes the service.
