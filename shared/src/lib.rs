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
//! - [`speech`]: text in, MP3 out, each text rendered once, by background workers.
//! - [`instances`]: databases on request, as containers or as managed services.
//! - [`outbox`]: callbacks to business servers, signed and tried again until they arrive.
//! - [`pages`]: what people see, in three languages; and what describes the service: heart beat, health, OpenAPI.
//! - [`app`], [`config`], [`cloud`], [`error`], [`auth`], [`clock`], [`log`]: what all of them stand on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;

pub mod app;
pub mod archive;
pub mod auth;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod endpoints;
pub mod error;
pub mod events;
pub mod http;
pub mod images;
pub mod instances;
pub mod lambda;
pub(crate) mod lease;
pub mod log;
pub mod memory;
pub mod outbox;
pub mod pages;
pub(crate) mod seal;
pub mod speech;
pub mod storage;
pub mod uploads;
pub(crate) mod work;

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

/// 128 random bits: a name that nobody can guess, in a form that fits a key and a URL.
pub fn random_name() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// Whether a text has at most `limit` bytes and fits a key, a URL and a header as it is, as [`random_name`] does.
pub(crate) fn is_id(text: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

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
