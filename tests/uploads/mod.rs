//! Uploads: the core under every interleaving, and each of its doors; by clients that others wrote, by our own
//! page and by the example programs.

mod client;
mod clients;
mod model;
mod page;
mod peers;
mod reference;
mod tus;
mod tus_concat;
mod tus_program;
// These need the block protocol:
// mod browser;
// mod examples;
