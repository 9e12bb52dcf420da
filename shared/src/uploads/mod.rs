//! Uploads of files of any size over a bad network, by functions that hold no state.
//!
//! An upload is cut into *cells* of equal size. A cell fills with whatever *fragments* arrive, in any order; the
//! request that brings the last missing byte writes the cell as one object. Each cell is created once, so the
//! bytes that came first stay. The *digest* of the first n cells is the name of an empty object, and says also how
//! far the upload is proven. When all cells are full and the digest is as agreed, somebody creates the *end*: that is
//! the one decision there is, and completing, cancelling and expiring race for it. What follows from it (the object
//! under its key, the callback, the clean-up) can be done by anyone, any number of times, until `done` exists.
//!
//! The objects are listed in [`crate::storage::upload_key`]. There is no lock and no record that changes.
//!
//! What may never happen:
//! - an acknowledged byte is lost or asked for again, or replaced by one whose request began later;
//! - anything appears under the final key that is not the whole, verified file;
//! - two ends of one upload, or two objects of one;
//! - bytes of an upload that ended stay for ever.
//!
//! Doors to this core: [`block`] (the block protocol), `tus` and `draft` (the IETF draft).
//!
//! - [`task`]: what is agreed. - `standing`: where it stands. - `ranges`, `rope`: arithmetic.
//! - `cell`, `fill`, `merge`: one cell. - [`mod@write`]: bytes that arrive. - [`receive`]: bytes as a stream.
//! - `append`, `serve`, `terminate`: for doors whose clients send bytes in order. - `destination`: keys of files.
//! - `digest`, `advance`: what is proven. - [`finish`], `publish`: the end and what follows. - [`sweep`]: the rest.

mod advance;
mod append;
pub mod block;
mod cell;
mod destination;
mod digest;
pub mod draft;
mod fill;
pub mod finish;
mod finished;
mod merge;
mod offset;
mod publish;
pub mod ranges;
pub mod receive;
pub mod resume;
pub mod rope;
mod serve;
mod standing;
pub mod sweep;
pub mod task;
mod tell;
mod terminate;
mod transfer;
pub mod tus;
mod worker;
pub mod write;

pub use finished::{Claim, Finished, PURPOSE, finished};
pub use standing::{Phase, Standing, Verdict};
pub use task::{Origin, Task, Upload};
pub use worker::TEND_UPLOADS;
