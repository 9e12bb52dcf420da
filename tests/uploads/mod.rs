//! Uploads, by clients that others wrote.

mod clients;
// They need /files/ and /resumable/:
// mod peers;
mod reference;
