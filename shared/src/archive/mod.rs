//! Archives: a folder of objects as a ZIP that is made while it is sent. Only checksums are stored.
//!
//! An archive is a [`layout`] over a [`plan`]. The plan is two listings: the objects of the folder, and
//! the CRC-32s recorded for them (empty objects whose names tell, see [`crate::storage::key`]). From it
//! length, entity tag and every offset are known before the first byte; [`send`] then walks the layout
//! and fetches contents a little ahead of the reader.
//!
//! An entry's CRC-32 comes from, in this order: our record of it; the store's own checksum of the whole
//! object, for what is too large to buffer; the content, buffered while it is small; and at last the
//! content as it streams by, in the form of deflate blocks with the CRC-32 behind it. Whatever is
//! learned is recorded, so that the next request has ranges. The worker [`RECORD_CRC32`] learns it when
//! an object arrives. [`import`] goes the other way: an uploaded ZIP becomes a folder. [`assemble`] puts an archive
//! together in the bucket where it is too large to be streamed.
//!
//! What may never happen: a length that is not exact; an archive with the content of two versions of an
//! object, or of fewer bytes than announced, that ends as if it were whole; a name that leads a reader
//! out of the folder it unpacks to; more memory for a larger archive, beyond its list of entries.

mod ahead;
pub mod assemble;
mod checksums;
mod download;
mod from_store;
pub mod import;
mod index;
pub mod layout;
pub mod names;
pub mod plan;
mod record;
pub mod send;

pub use assemble::ASSEMBLE_ARCHIVES;
pub use download::DOWNLOAD;
pub use import::{IMPORT, SWEEP_IMPORTS};
pub use index::INDEX;
pub use record::{RECORD_CRC32, catch_up};
pub(crate) use record::{arrived, folder_of};

use std::time::Duration;

use crate::error::Error;
use crate::http::Limits;

/// Planning an archive of a million entries takes thousands of listings.
pub(crate) const PLANNING: Limits = Limits { time: Duration::from_secs(120), ..Limits::READ };

/// The longest hash, in bytes.
const HASH_LIMIT: usize = 128;

/// A folder's hash out of a path: one segment of 1-128 of `A-Z a-z 0-9 _ -`.
pub(crate) fn folder(hash: &str) -> Result<&str, Error> {
    let fits =
        (1..=HASH_LIMIT).contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if fits { Ok(hash) } else { Err(missing()) }
}

fn missing() -> Error {
    Error::not_found("Archive does not exist or was removed.")
}
