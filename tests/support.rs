//! x
pub mod harness;
