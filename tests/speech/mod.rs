//! Speech.

mod contract;
mod life;
mod request;
mod scripted;
