//! The window ahead of the reader: contents that are being fetched before they are needed, in order.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::task::AbortOnDropHandle;

use super::layout::{Form, Part, Pieces};
use super::plan::Plan;
use super::send::Contents;
use crate::error::BoxError;
use crate::http::Body;
use crate::storage::Fetched;

/// The most objects that are fetched ahead: enough to hide a store's latency behind small ones.
const WINDOW_COUNT: usize = 64;

/// The most content, in bytes, that is on its way for one archive.
const WINDOW_BYTES: u64 = 16 * 1024 * 1024;

/// Contents up to this many bytes are read whole ahead of time; of larger ones only the response is
/// waited for, so that their bytes stay with the store until they can be sent.
const WHOLE_LIMIT: u64 = 64 * 1024;

/// Places for objects fetched ahead, for all archives of the process together: what they hold, at most
/// [`BUFFER_LIMIT`](super::plan::BUFFER_LIMIT) each, is 128 MiB however many readers stand still. One that
/// somebody is waiting for needs no place.
static PLACES: Semaphore = Semaphore::const_new(512);

/// What was fetched.
pub(super) enum Content {
    /// All of it, of the right length.
    Whole(Bytes),
    /// On its way.
    Stream(Body),
}

/// The window of one archive. Dropping it aborts what is under way.
pub(super) struct Ahead {
    pieces: Pieces,
    window: VecDeque<Fetching>,
    bytes: u64,
}

struct Fetching {
    /// Its place among all that is fetched ahead.
    _place: Option<SemaphorePermit<'static>>,
    cost: u64,
    task: AbortOnDropHandle<Result<Content, BoxError>>,
}

impl Ahead {
    /// `pieces` are those that will be sent.
    pub(super) fn new(pieces: Pieces) -> Self {
        Self { pieces, window: VecDeque::new(), bytes: 0 }
    }

    /// Whether the content in front is there.
    pub(super) fn is_ready(&self) -> bool {
        self.window.front().is_some_and(|fetching| fetching.task.is_finished())
    }

    /// Waits for the content in front.
    pub(super) async fn take(&mut self) -> Result<Content, BoxError> {
        let front = self.window.pop_front().ok_or("nothing is being fetched")?;
        self.bytes -= front.cost;
        front.task.await?
    }

    /// Begins to fetch what fits into the window.
    pub(super) fn fill<C: Contents>(&mut self, plan: &Plan, contents: &C) {
        while self.window.is_empty() || (self.window.len() < WINDOW_COUNT && self.bytes < WINDOW_BYTES) {
            let place = PLACES.try_acquire().ok();
            if place.is_none() && !self.window.is_empty() {
                return;
            }
            let Some(piece) = self.pieces.next(&plan.layout, |index| plan.member(index)) else { return };
            let Part::Content(index) = piece.part else { continue };
            let entry = &plan.entries[index];
            let all = piece.whole || entry.form() == Form::Blocks;
            let length = if all { entry.size } else { piece.bytes.end - piece.bytes.start };
            let fetched = contents.fetch(entry, (!all).then_some(piece.bytes));
            let whole = length <= WHOLE_LIMIT || entry.is_buffered();
            self.bytes += length;
            self.window.push_back(Fetching {
                _place: place,
                cost: length,
                task: AbortOnDropHandle::new(tokio::spawn(async move { receive(fetched.await?, length, whole).await })),
            });
        }
    }
}

async fn receive(fetched: Fetched, length: u64, whole: bool) -> Result<Content, BoxError> {
    if fetched.length != length {
        return Err("an object is not of its listed length".into());
    }
    if whole { Ok(Content::Whole(fetched.bytes().await?)) } else { Ok(Content::Stream(fetched.body)) }
}
