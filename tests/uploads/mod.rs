//! Uploads: the core under every interleaving, and each of its doors; by clients that others wrote, by our own
//! page and by the example programs.

mod clients;
mod model;
mod page;
mod reference;
// These need /files/, /resumable/ and the block protocol:
// mod browser;
// mod examples;
// mod peers;
