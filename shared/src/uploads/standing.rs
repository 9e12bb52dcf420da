//! Where an upload stands, from one listing.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::task::Upload;
use crate::error::Error;
use crate::storage::upload_key::parse;
use crate::storage::{Creation, Item, Put};

/// The most changes of state: a task that is paused and resumed more often is not used by a person.
const CHANGES_LIMIT: u32 = 100_000;

/// Where an upload stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whether it takes bytes.
    pub phase: Phase,
    /// Its length, if known by now.
    pub size: Option<u64>,
    /// When something of it was last written, as far as the listing shows.
    pub active: SystemTime,
    /// The digest of its first cells.
    pub(super) digest: Digest,
    /// The keys of digests that it has left behind.
    pub(super) outdated: Vec<String>,
    /// Whether a worker was told to finish it.
    pub(super) handed_off: bool,
    changes: u32,
}

/// Whether an upload takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It does.
    Open,
    /// Not until it is resumed.
    Paused,
    /// Not any more.
    Ended {
        /// How it ended.
        verdict: Verdict,
        /// Whether everything that follows from it has happened.
        settled: bool,
    },
    /// Its finished file was deleted.
    Gone,
}

impl Phase {
    /// Whether it has not ended: it takes bytes, or will when it is resumed.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Open | Self::Paused)
    }
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All bytes are there and verified.
    Complete,
    /// All bytes are there, and they are not what was announced.
    Mismatch,
    /// Its client gave it up.
    Cancelled,
    /// Nothing happened for too long.
    Expired,
}

/// The one decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) verdict: Verdict,
    /// The ETag of the object, where it was there before the upload.
    pub(super) found: Option<String>,
}

impl Upload {
    /// Where it stands now.
    pub async fn standing(&self) -> Result<Standing, Error> {
        let mut seen = Seen::default();
        let wants_md5 = self.task.md5.is_some();
        let mut digest = Digest::new(wants_md5);
        let mut outdated = Vec::new();
        let mut pages = self.storage.main.list(&self.key(Item::Control));
        while let Some(page) = pages.next().await? {
            for object in page {
                seen.active = seen.active.max(Some(object.modified));
                match parse(&object.key) {
                    // The furthest is listed first.
                    Some(Item::Digest { cells, digest: text }) if digest.cells == 0 => {
                        let read = Digest::parse(cells, text, wants_md5);
                        digest = read.ok_or_else(|| Error::internal("read digest", object.key.clone()))?;
                    }
                    Some(Item::Digest { .. }) => outdated.push(object.key),
                    Some(item) => seen.note(item),
                    None => {}
                }
            }
        }
        let size = match self.task.size {
            None if seen.length => self.storage.main.read(&self.key(Item::Length)).await?.map(|length| length.value),
            known => known,
        };
        let created = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(self.task.created);
        Ok(Standing {
            phase: self.phase(&seen).await?,
            size,
            active: seen.active.unwrap_or(created),
            digest,
            outdated,
            handed_off: seen.handoff,
            changes: seen.changes,
        })
    }

    /// Pauses or resumes; `false` if it is so already.
    ///
    /// # Errors
    /// 409 if it has ended.
    pub async fn set_paused(&self, standing: &Standing, paused: bool) -> Result<bool, Error> {
        let now = match standing.phase {
            Phase::Open => false,
            Phase::Paused => true,
            _ => return Err(Error::new(crate::error::Kind::Conflict, "The upload has ended.")),
        };
        let seq = standing.changes + 1;
        if seq > CHANGES_LIMIT {
            return Err(Error::new(crate::error::Kind::TooManyRequests, "Paused and resumed too often."));
        }
        if now != paused {
            let word = if paused { PAUSE } else { RESUME };
            let key = self.key(Item::State { seq, word });
            self.storage.main.put(&key, bytes::Bytes::new(), Put::default()).await?;
        }
        Ok(now != paused)
    }

    /// Tells the length of an upload that began without one; the first one told stays.
    ///
    /// # Errors
    /// 400 if it differs from what was told, 413 beyond what fits.
    pub async fn declare_size(&self, size: u64) -> Result<(), Error> {
        if size > self.task.capacity() {
            return Err(Error::new(crate::error::Kind::TooLarge, "The upload is too large."));
        }
        let known = match self.task.size {
            Some(known) => Some(known),
            None if self.storage.main.create(&self.key(Item::Length), &size).await? == Creation::Made => Some(size),
            None => self.storage.main.read(&self.key(Item::Length)).await?.map(|length| length.value),
        };
        if known == Some(size) { Ok(()) } else { Err(Error::invalid("The length of an upload does not change.")) }
    }

    async fn phase(&self, seen: &Seen) -> Result<Phase, Error> {
        if seen.gone {
            return Ok(Phase::Gone);
        }
        if seen.end {
            let end = self.storage.main.read::<End>(&self.key(Item::End)).await?;
            let end = end.ok_or_else(|| Error::internal("read end", "it was listed and is not there"))?;
            return Ok(Phase::Ended { verdict: end.value.verdict, settled: seen.done });
        }
        Ok(if seen.paused { Phase::Paused } else { Phase::Open })
    }
}

const PAUSE: &str = "pause";
const RESUME: &str = "upload";

#[derive(Default)]
struct Seen {
    end: bool,
    done: bool,
    gone: bool,
    length: bool,
    handoff: bool,
    paused: bool,
    changes: u32,
    active: Option<SystemTime>,
}

impl Seen {
    fn note(&mut self, item: Item<'_>) {
        match item {
            Item::End => self.end = true,
            Item::Done => self.done = true,
            Item::Gone => self.gone = true,
            Item::Length => self.length = true,
            Item::Handoff => self.handoff = true,
            // Of two that have the same number the later in the alphabet counts: they were sent at once.
            Item::State { seq, word } => {
                self.changes = seq;
                self.paused = word == PAUSE;
            }
            _ => {}
        }
    }
}

impl Standing {
    /// How many bytes are proven to be there from the start on, by the digest alone.
    pub fn proven(&self, cell: u64) -> u64 {
        let bytes = self.digest.cells * cell;
        self.size.map_or(bytes, |size| bytes.min(size))
    }
}
