//! What describes the service.

mod heart_beat;

pub use heart_beat::HEART_BEAT;
