//! The one test binary.

mod probe;
mod store;
