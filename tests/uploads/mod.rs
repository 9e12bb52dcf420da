//! Uploads.

mod client;
mod draft;
mod tus;
mod tus_concat;
mod tus_program;
