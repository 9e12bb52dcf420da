//! Image hosting: upload, validate, clean, permanent links, thumbnails, a catalogue.
//!
//! An image is published under a random *name* (128 bits and an extension), cleaned of all that is not its picture. The
//! SHA-256 of what was uploaded is its *content*; one record a content says which image has it, so that the same bytes
//! get the same link. Each uploader holds a *token*; the image goes when the last one is used. The objects are listed in
//! [`crate::storage::image_key`].
//!
//! The record of a content is the one thing that changes, always by compare-and-swap:
//!
//! ```text
//! nothing, Gone --> Making(image) --> Live(image) <--> Leaving(image) --> Gone
//! ```
//!
//! - `Making`: the name is decided, its objects are being written, by anyone who uploads the same.
//! - `Live`: all objects are there. An uploader who has put its token and *then* reads `Live` may answer.
//! - `Leaving`: no token was seen. Whoever reads it looks for tokens *after* that: one there leads back to `Live`, none
//!   to `Gone`. A token that was answered was put before its uploader read `Live`, so that this look finds it.
//! - `Gone`: the name is never used again; its objects may be deleted by anyone, at any time.
//!
//! Each upload, deletion and making of a variant leaves an *attempt* while it is under way; one that is an hour old was cut
//! short, and the worker `sweep-images` undoes or finishes it.
//!
//! What may never happen:
//! - bytes are published that were not decoded to their end, or that hold more than the picture ([`pixels`] names the
//!   two exceptions);
//! - the catalogue lists an image that cannot be fetched: a line is written while a token that nobody was told yet is held;
//! - an image vanishes while somebody holds a token, or stays when nobody does;
//! - a picture keeps the process from its other work: decoding is done beside it, as many at once as there are
//!   processors.
//!
//! - [`pixels`]: from bytes to clean bytes. - `contents`, `publish`, `attempt`, `sweep`: the life of an image.
//! - `upload`, `receive`, `presign`, `confirm`: ways in. - `serve`, `variant`, [`catalogue`]: ways out. - `delete`.

mod answer;
mod attempt;
pub mod catalogue;
mod confirm;
mod contents;
mod delete;
mod file;
mod image;
pub mod pixels;
mod presign;
mod publish;
mod receive;
mod serve;
mod sharex;
pub mod sweep;
mod turn;
mod upload;
mod variant;

pub(crate) use answer::describe;
pub use catalogue::LIST;
pub use confirm::CONFIRM;
pub use delete::{DELETE, look_for, use_token};
pub use presign::PRESIGN;
pub use publish::{Published, publish};
pub use serve::SERVE;
pub use sharex::SHAREX;
pub use sweep::SWEEP_IMAGES;
pub use upload::{Taken, UPLOAD, receive_all};

pub use self::image::Image;

/// For whom a processor had no time.
const BUSY: &str = "Too many images at once.";

/// The largest image, in bytes.
pub const FILE_LIMIT: u64 = 5 * 1024 * 1024;

/// The largest body of a call that carries no image, in bytes.
const CALL_LIMIT: u64 = 16 * 1024;

/// The widths in which an image can be had, in pixels.
pub const WIDTHS: [u32; 5] = [160, 320, 640, 1280, 1920];

/// The width of a thumbnail, which is made with the upload.
pub const THUMBNAIL: u32 = 320;
