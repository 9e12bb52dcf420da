//! Speech: text in, MP3 out, each text rendered once, by background workers.
//!
//! A *route* is what a client calls a text, by a name of its own. A *render* is one text in one voice, known by the SHA-256
//! of both; it becomes a *track*, an MP3 with a link that nobody can guess. A route wants one render; any number of routes may
//! want the same. The objects are listed in [`crate::storage::speech_key`].
//!
//! Two records change, always by compare-and-swap. A route's says which render it wants. A render's says what became of it:
//!
//! ```text
//! nothing, Broken, Cancelled, Done (but the track is damaged) --> Queued --> Running --> Done, Broken
//!                                                                 Queued, Running --> Cancelled
//! ```
//!
//! - `Queued` and `Running` have a *ticket*, an empty object that a worker finds the work by. It is put before anybody is told
//!   that the text was accepted, and deleted after the state was left.
//! - `Running` has a *lease*. Who renders extends it, and looks whether the state is still its own; a lease that has run out is
//!   taken by another, so many times. What an engine failed at is tried again, with a pause, by the one that holds the lease.
//! - `Done` is what the record and the object together say: size and checksum are compared before a link is given out.
//! - `Cancelled`: no route wanted it. A route puts its *want* before it looks at the render; who leaves a render deletes its
//!   want, looks for others, cancels, and looks *again*: a want that came meanwhile leads back to `Queued`.
//!
//! What may never happen:
//! - a route is told of a track that is not of its text, or of one that is not whole;
//! - a text is rendered twice, unless a process died or its track was damaged;
//! - a text that was accepted is forgotten, by whichever death of a process;
//! - a text gets into a log, or a route's name into a key or a command line.
//!
//! - [`script`]: what is to be spoken. - [`engine`]: what speaks. - [`audio`]: sound as bytes.
//! - `render`, `route`: the records. - `accept`: a text for a route. - `claim`, `worker`: rendering. - The others: one endpoint each.

mod accept;
pub mod audio;
mod claim;
pub mod engine;
mod input;
mod list;
mod render;
mod route;
mod route_to_audio;
pub mod script;
mod serve;
mod speak;
mod track;
mod worker;

pub use accept::{Accepted, accept};
pub use list::{LIST, Page, Row, page};
pub use route::ROUTE_ID_LIMIT;
pub use route_to_audio::{ROUTE_TO_AUDIO, STRING_TO_AUDIO};
pub use serve::SERVE;
pub use speak::SPEAK;
pub use track::{Progress, TRACK, find};
pub use worker::RENDER_SPEECH;

/// For whoever waited in vain.
const BUSY: &str = "Too many texts are spoken at once.";

/// The path of a track, which is its link.
pub fn link(name: &str) -> String {
    format!("/audio/{name}.mp3")
}
