//! A Lambda platform for one function: a real Runtime API on loopback, the real function binary under it
//! with the environment that Lambda gives one, and the parts of API Gateway and of function URLs that turn
//! requests into events and answers into responses.
//!
//! What a test asserts about a response it gets here is what a caller would get; what is not in a response
//! (the raw answer, trailers, arrival of bytes, error reports) is there as well.

mod answer;
mod event;
mod platform;
mod process;

pub use answer::{Answer, End, Failure};
pub use event::Event;
pub use platform::{InitError, Terms};
pub use process::{Function, Mode};
