//! Uploads: the core under every interleaving, and each of its doors.

mod model;
