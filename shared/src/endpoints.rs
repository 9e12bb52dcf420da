//! The table of contents: every endpoint and every worker there is.

use crate::events::Worker;
use crate::http::Endpoint;
use crate::pages;

/// Every endpoint, in the order in which they are documented.
pub const ALL: &[&Endpoint] = &[&pages::HEART_BEAT];

/// Every worker: what is driven by events instead of requests.
pub const WORKERS: &[&Worker] = &[];
