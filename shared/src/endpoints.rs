//! The table of contents: every endpoint there is.

use crate::archive;
use crate::http::Endpoint;

/// Every endpoint, in the order in which they are documented.
pub const ALL: &[&Endpoint] = &[&archive::DOWNLOAD, &archive::INDEX];
