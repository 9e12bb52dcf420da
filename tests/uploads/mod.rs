//! Uploads.

mod client;
mod tus;
mod tus_concat;
mod tus_program;
