//! The door (contract, section 0), with endpoints made for the purpose: every request goes through
//! `dispatch` directly and through a real HTTP/1 server, and both must answer the same.

mod dialects;
pub(crate) mod fixture;
mod headers;
mod limits;
mod log;
mod paths;
mod ranges;
mod table;
