//! What every test stands on: the program itself, stores, doors, and a client that sends what it is told.
//!
//! A contract test is written once, over a [`stack::Stack`]: a door to the functions with a store behind
//! it. [`contract!`](crate::contract) runs it through every door that exists: the function pointers in
//! this process, the local program, and the real function binaries under the Runtime API; on the
//! embedded store and on MinIO.

pub mod arbitrary;
pub mod binaries;
pub mod client;
pub mod functions;
pub mod harness;
pub mod memory;
pub mod minio;
pub mod program;
pub mod provision;
pub mod queues;
pub mod require;
pub mod rights;
pub mod stack;
pub mod tap;
pub mod template;
