//! Pannier: a file backend in a bucket. This crate is everything it does; the packages around it only
//! wire it to a function runtime (`functions`) or to one local server (`local`).
//!
//! # The map
//! - [`endpoints`]: the table of contents. Every endpoint and worker, and nothing else, is listed there.
//! - [`http`]: the door that every request passes; dialects, limits, ranges, pages.
//! - [`lambda`]: the same door under the Lambda Runtime API; [`events`]: workers under it.
//! - [`storage`]: the only module that knows S3. All state lives there, guarded by conditional writes.
//! - [`archive`]: the first job: a folder of objects as a ZIP that is made while it is sent.
//! - [`uploads`]: files of any size, in pieces, over a bad network.
//! - [`outbox`]: callbacks to business servers, signed and tried again until they arrive.
//! - [`pages`]: what describes the service: heart beat, health, OpenAPI, documentation.
//! - [`app`], [`config`], [`error`], [`auth`], [`log`]: what all of them stand on.

pub mod app;
pub mod archive;
pub mod auth;
pub mod config;
pub mod endpoints;
pub mod error;
pub mod events;
pub mod http;
pub mod lambda;
pub mod log;
pub mod outbox;
pub mod pages;
pub mod storage;
pub mod uploads;

/// Bytes from the system's generator.
///
/// # Panics
/// If the system has none to give, which no request could recover from.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[allow(clippy::expect_used)]
    getrandom::fill(&mut bytes).expect("the system's random generator works");
    bytes
}
