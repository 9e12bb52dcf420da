//! Speech.

mod contract;
mod request;
