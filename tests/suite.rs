//! The one test binary: the contract through every door, and the house rules.

// A failed unwrap is a failed test, in a helper too.
#![allow(clippy::unwrap_used)]

mod archive;
mod browser;
mod cloud;
mod door;
mod images;
mod instances;
mod lambda;
mod model;
mod outbox;
mod pages;
mod probe;
mod program;
mod speech;
mod storage;
mod store;
mod tidy;
mod uploads;
