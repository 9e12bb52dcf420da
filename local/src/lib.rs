//! The local program: everything on one server, with an embedded store.

pub mod store;
