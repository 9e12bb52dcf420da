//! Uploads: the core under every interleaving, and each of its doors; by clients that others wrote, by our own
//! page and by the example programs.

mod block_contract;
mod block_crowd;
mod block_input;
mod block_life;
mod block_presign;
mod block_task;
mod browser;
mod client;
mod clients;
mod draft;
mod elsewhere;
mod examples;
mod model;
mod page;
mod peers;
mod reference;
mod tus;
mod tus_concat;
mod tus_program;
