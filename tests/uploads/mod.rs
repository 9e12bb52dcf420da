//! Uploads, by clients that others wrote and by our own page.

mod clients;
mod page;
// They need /files/ and /resumable/:
// mod peers;
mod reference;
