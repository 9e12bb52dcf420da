//! The local program as a library: everything but `main`, so that tests and benchmarks can use its parts.
//!
//! - [`action_log`]: what users did, in a file.
//! - [`flags`]: what may be said on the command line.
//! - [`open`]: what the flags name is opened: the data folder, the store, the directory.
//! - [`server`]: one hyper server for every function, and its shutdown.
//! - [`workers`]: the functions that run on events, driven in this process.
//! - [`store`]: the embedded S3 store.

pub mod action_log;
mod cloud;
pub mod flags;
pub mod open;
pub mod server;
pub mod store;
pub mod workers;
