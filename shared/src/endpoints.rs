//! The table of contents: every endpoint there is.

use crate::http::Endpoint;
use crate::pages;

/// Every endpoint, in the order in which they are documented.
pub const ALL: &[&Endpoint] = &[&pages::HEART_BEAT, &pages::HEALTH, &pages::OPENAPI, &pages::DOCS];
