//! What became of a text in a voice: the record that changes, and the moves between its states.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::engine::Voice;
use super::route;
use crate::error::Error;
use crate::lease::Lease;
use crate::storage::speech_key::{Ticket, parse_want};
use crate::storage::{Bucket, Creation, Key, Put, SpeechKey, Versioned};
use crate::{clock, random_name, sha256};

/// How often a record is read again because another write came first: each of them moved it on.
pub(super) const ROUNDS: usize = 64;

/// How old a want is, at least, when nobody can be at work on it any more: several times the longest request.
pub(super) const ABANDONED: Duration = Duration::from_secs(5 * 60);

/// How long work is queued or stands still, in milliseconds, until somebody who asks for it looks after its ticket.
const UNNOTICED: u64 = 10_000;

/// What is to be rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) voice: Voice,
    /// An SSML fragment that was checked.
    pub(super) ssml: String,
}

impl Work {
    /// By which it is known.
    pub(super) fn id(&self) -> String {
        let Voice { engine, name, language } = &self.voice;
        // None of them has a NUL.
        sha256([engine, name, language, &self.ssml].map(String::as_str).join("\0").as_bytes())
    }
}

/// The record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Render {
    pub(super) work: Work,
    /// Of its track, for good.
    pub(super) name: String,
    pub(super) state: State,
}

/// The states; see the folder's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Queued(Order),
    Running {
        order: Order,
        lease: Lease,
        /// Which try of the engine this is, from 1.
        attempt: u32,
        /// How many processes have ended with it.
        deaths: u32,
    },
    Done(Track),
    Broken {
        /// In words that anybody may read.
        reason: String,
    },
    Cancelled,
}

/// What its ticket says besides the render.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Milliseconds since 1970.
    asked: u64,
    nonce: String,
}

/// What was rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Track {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
    /// Of the object, when it was put.
    pub(super) etag: String,
    pub(super) milliseconds: u64,
}

impl Order {
    fn new() -> Self {
        Self { asked: clock::now(), nonce: random_name() }
    }

    /// The key of its ticket.
    fn key<'a>(&'a self, render: &'a str) -> Key<'a> {
        Key::Speech(SpeechKey::Ticket(Ticket { asked: self.asked, render, nonce: &self.nonce }))
    }

    /// Whether it is this ticket's.
    pub(super) fn is_of(&self, ticket: &Ticket<'_>) -> bool {
        self.asked == ticket.asked && self.nonce == ticket.nonce
    }

    /// Says that there is work; twice is as good.
    async fn put_ticket(&self, bucket: &Bucket, render: &str) -> Result<(), Error> {
        bucket.put(&self.key(render), bytes::Bytes::new(), Put::default()).await?;
        Ok(())
    }

    /// Says that the work is over.
    pub(super) async fn delete_ticket(&self, bucket: &Bucket, render: &str) -> Result<(), Error> {
        Ok(bucket.delete(&self.key(render)).await?)
    }
}

impl State {
    /// The order of work that is not over.
    pub(super) fn order(&self) -> Option<&Order> {
        match self {
            Self::Queued(order) | Self::Running { order, .. } => Some(order),
            Self::Done(_) | Self::Broken { .. } | Self::Cancelled => None,
        }
    }

    /// Whether it is run by that holder.
    pub(super) fn is_run_by(&self, holder: &str) -> bool {
        matches!(self, Self::Running { lease, .. } if lease.is_of(holder))
    }
}

/// How a render stands for somebody who wants it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was asked for by this call.
    Ordered,
    /// It was asked for before.
    Working,
    /// There is a track.
    Done,
}

pub(super) async fn read(bucket: &Bucket, id: &str) -> Result<Option<Versioned<Render>>, Error> {
    Ok(bucket.read(&Key::Speech(SpeechKey::Render(id))).await?)
}

/// Sees to it that there is a track, or work on one.
pub(super) async fn order(bucket: &Bucket, work: &Work) -> Result<Standing, Error> {
    let id = work.id();
    for _ in 0..ROUNDS {
        let Some(found) = read(bucket, &id).await? else {
            if begin(bucket, &id, work).await? {
                return Ok(Standing::Ordered);
            }
            continue;
        };
        let standing = match &found.value.state {
            State::Done(track) if is_intact(bucket, &found.value.name, track).await? => Standing::Done,
            State::Queued(order) => {
                // Whoever made it may have died before this.
                order.put_ticket(bucket, &id).await?;
                Standing::Working
            }
            State::Running { .. } => Standing::Working,
            State::Done(_) | State::Broken { .. } | State::Cancelled => {
                if !again(bucket, &id, &found).await? {
                    continue;
                }
                Standing::Ordered
            }
        };
        return Ok(standing);
    }
    Err(busy())
}

/// `false` if another was quicker.
async fn begin(bucket: &Bucket, id: &str, work: &Work) -> Result<bool, Error> {
    let order = Order::new();
    let render = Render { work: work.clone(), name: random_name(), state: State::Queued(order.clone()) };
    if bucket.create(&Key::Speech(SpeechKey::Render(id)), &render).await? != Creation::Made {
        return Ok(false);
    }
    order.put_ticket(bucket, id).await?;
    Ok(true)
}

/// Queues once more what is over; `false` if it was changed since it was read.
async fn again(bucket: &Bucket, id: &str, found: &Versioned<Render>) -> Result<bool, Error> {
    let order = Order::new();
    if !change(bucket, id, found, State::Queued(order.clone())).await? {
        return Ok(false);
    }
    order.put_ticket(bucket, id).await?;
    Ok(true)
}

/// Sees to it that what a route was promised is not forgotten: that there is work on it which a worker can find. `true` if
/// that had to be done.
pub(super) async fn mend(bucket: &Bucket, id: &str, found: &Versioned<Render>) -> Result<bool, Error> {
    let unnoticed = |since: u64| clock::now().saturating_sub(since) > UNNOTICED;
    match &found.value.state {
        State::Queued(order) if unnoticed(order.asked) => {
            order.put_ticket(bucket, id).await?;
            Ok(true)
        }
        State::Running { order, lease, .. } if unnoticed(lease.end()) => {
            order.put_ticket(bucket, id).await?;
            Ok(true)
        }
        State::Done(track) if !is_intact(bucket, &found.value.name, track).await? => {
            again(bucket, id, found).await?;
            Ok(true)
        }
        State::Cancelled => {
            again(bucket, id, found).await?;
            // The route may have left it in between.
            Box::pin(leave(bucket, id)).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Whether the object is what the record says.
async fn is_intact(bucket: &Bucket, name: &str, track: &Track) -> Result<bool, Error> {
    let key = Key::Speech(SpeechKey::Track(name));
    let Some(head) = bucket.head(&key).await?.filter(|head| head.size == track.bytes) else { return Ok(false) };
    // The same bytes may have been put twice.
    Ok(head.etag == track.etag || bucket.crc32(&key, &head.etag).await? == Some(track.crc32))
}

/// `false` if it was changed since it was read.
pub(super) async fn change(bucket: &Bucket, id: &str, found: &Versioned<Render>, state: State) -> Result<bool, Error> {
    let render = Render { state, ..found.value.clone() };
    Ok(bucket.replace(&Key::Speech(SpeechKey::Render(id)), found, &render).await?)
}

/// Cancels work that no route wants; see `Cancelled`.
pub(super) async fn leave(bucket: &Bucket, id: &str) -> Result<(), Error> {
    for _ in 0..ROUNDS {
        let Some(found) = read(bucket, id).await? else { return Ok(()) };
        let Some(order) = found.value.state.order() else { return Ok(()) };
        if is_wanted(bucket, id).await? {
            return Ok(());
        }
        if change(bucket, id, &found, State::Cancelled).await? {
            // The ticket goes last: by it a worker finds what is left to do here, if this ends before.
            revive(bucket, id, &found.value.work).await?;
            return order.delete_ticket(bucket, id).await;
        }
    }
    Err(busy())
}

/// Orders again what was cancelled and is wanted all the same.
pub(super) async fn revive(bucket: &Bucket, id: &str, work: &Work) -> Result<(), Error> {
    if is_wanted(bucket, id).await? {
        order(bucket, work).await?;
    }
    Ok(())
}

/// Whether a route wants it. A want whose route says something else was left by somebody who died: it is deleted once nobody
/// can be at work on it any more.
async fn is_wanted(bucket: &Bucket, id: &str) -> Result<bool, Error> {
    let mut pages = bucket.list(&Key::Speech(SpeechKey::Wants(id)));
    while let Some(page) = pages.next().await? {
        for want in page {
            let Some((route, nonce)) = parse_want(&want.key) else { continue };
            let is_new = want.modified.elapsed().is_ok_and(|age| age < ABANDONED) || want.modified > SystemTime::now();
            if is_new || route::read(bucket, route).await?.is_some_and(|route| route.value.want == nonce) {
                return Ok(true);
            }
            bucket.delete(&Key::Listed(&want.key)).await?;
        }
    }
    Ok(false)
}

pub(super) fn busy() -> Error {
    Error::unavailable("Too many requests for this text at once.")
}
