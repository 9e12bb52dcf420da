//! The only module that knows S3.
//!
//! All state of Pannier is objects in a bucket. What may be relied on, and is checked by the start-up self-test
//! before anything else runs:
//! - an object created with `If-None-Match: *` has exactly one creator;
//! - an object replaced with `If-Match` was not changed in between;
//! - a listing shows every write that was acknowledged before it.
//!
//! What may never happen: a key put together outside [`key`]; a condition on a DELETE (a store in wide
//! use ignores it); state that rests on a lifecycle rule; an error of the store sent to a caller.

mod bucket;
mod checksum;
mod connect;
mod direct;
mod fault;
pub mod image_key;
pub mod instance_key;
pub mod key;
mod listing;
mod multipart;
mod post;
mod presign;
mod record;
mod selftest;
pub mod speech_key;
pub mod upload_key;

pub use bucket::{Bucket, Fetch, Fetched, Head, Put};
pub use connect::{Storage, Transport};
pub use fault::{Fault, StoreError};
pub use image_key::ImageKey;
pub use instance_key::InstanceKey;
pub use key::Key;
pub use listing::{Listed, Pages};
pub use multipart::{Making, Multipart, PART_MINIMUM, PARTS_LIMIT, Part, Source};
pub use post::{PostForm, Posting};
pub use presign::Shown;
pub use record::{Creation, Versioned};
pub use speech_key::SpeechKey;
pub use upload_key::{Item, UploadKey};
