//! What nobody else does: ends uploads that stand still, finishes what was left, removes what is over.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;
use tracing::{info, warn};

use super::finish::{WORKER_BUDGET, is_passing};
use super::resume;
use super::standing::{Phase, Standing, Verdict};
use super::task::{Origin, Upload};
use crate::error::Error;
use crate::storage::upload_key::{parse, split};
use crate::storage::{Item, Key, Listed, Storage};

/// How long a finished upload is remembered: for clients that ask late how it ended.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Uploads that are tended at once.
const AT_ONCE: usize = 8;

/// How long an end that nobody follows up is left alone: whoever decided it is at work.
const FOLLOWED_UP: Duration = Duration::from_secs(60);

/// How long an upload that stands still is looked at again and again, for what its last request left undone.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How long objects without an upload, or of one that is over, are left alone: a request may be writing them.
const STRAY: Duration = Duration::from_secs(3600);

/// How long bytes that nobody has checked are kept.
const UNCHECKED: Duration = Duration::from_secs(24 * 3600);

/// Goes over all uploads once. One that cannot be handled does not hold up the others.
pub async fn sweep(storage: &Storage, expiry: Duration) -> Result<(), Error> {
    let mut pages = storage.main.list(&Key::Uploads);
    let mut seen = Seen::default();
    while let Some(page) = pages.next().await? {
        let mut complete = Vec::new();
        for object in page {
            let Some((id, _)) = split(&object.key) else { continue };
            if seen.id != id {
                let next = Seen { id: id.to_owned(), ..Seen::default() };
                complete.push(std::mem::replace(&mut seen, next));
            }
            seen.note(object);
        }
        tend_all(storage, expiry, complete).await;
    }
    tend_all(storage, expiry, vec![seen]).await;
    Ok(())
}

/// One that takes long does not keep the others waiting.
async fn tend_all(storage: &Storage, expiry: Duration, uploads: Vec<Seen>) {
    let tending = uploads.into_iter().map(|seen| tend(storage.clone(), expiry, seen));
    stream::iter(tending).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// What a listing shows of one upload.
#[derive(Default)]
struct Seen {
    id: String,
    task: bool,
    ended: Option<SystemTime>,
    done: Option<SystemTime>,
    gone: bool,
    kept: bool,
    joins: bool,
    handoff: bool,
    active: Option<SystemTime>,
    passing: bool,
    unchecked: Vec<String>,
}

impl Seen {
    fn note(&mut self, object: Listed) {
        self.active = self.active.max(Some(object.modified));
        self.passing |= is_passing(&object.key);
        match parse(&object.key) {
            Some(Item::Task) => self.task = true,
            Some(Item::End) => self.ended = Some(object.modified),
            Some(Item::Done) => self.done = Some(object.modified),
            Some(Item::Gone) => self.gone = true,
            Some(Item::Kept) => self.kept = true,
            Some(Item::Joins) => self.joins = true,
            Some(Item::Handoff) => self.handoff = true,
            Some(Item::Incoming(_)) if older(object.modified, UNCHECKED) => self.unchecked.push(object.key),
            _ => {}
        }
    }

    /// What is to be done about it.
    fn chore(&self, expiry: Duration) -> Chore {
        let still = |limit| self.active.is_some_and(|active| older(active, limit));
        match (self.ended, self.done) {
            _ if !self.task || self.gone => {
                if still(STRAY) {
                    Chore::Remove
                } else {
                    Chore::None
                }
            }
            (_, Some(done)) if older(done, REMEMBERED) && !self.kept => Chore::Remove,
            (_, Some(done)) if self.passing && older(done, STRAY) => Chore::Proceed,
            (_, Some(_)) => Chore::None,
            (Some(ended), None) if self.handoff || older(ended, FOLLOWED_UP) => Chore::Proceed,
            (Some(_), None) => Chore::None,
            (None, None) if still(expiry) => Chore::Expire,
            (None, None) if self.handoff || self.joins => Chore::Proceed,
            // It may be complete, and whoever brought the last byte did not live to see it.
            (None, None) if still(FOLLOWED_UP) && !still(FORGOTTEN) => Chore::Proceed,
            (None, None) => Chore::None,
        }
    }
}

enum Chore {
    None,
    Proceed,
    Expire,
    Remove,
}

async fn tend(storage: Storage, expiry: Duration, seen: Seen) {
    if let Err(error) = try_tend(&storage, expiry, &seen).await {
        warn!(upload = seen.id, causes = error.causes(), "not tended: {error}");
    }
}

async fn try_tend(storage: &Storage, expiry: Duration, seen: &Seen) -> Result<(), Error> {
    storage.main.delete_all(&seen.unchecked).await?;
    match seen.chore(expiry) {
        Chore::None => Ok(()),
        Chore::Remove => remove(storage, &seen.id).await,
        Chore::Proceed => finish(storage, &seen.id).await,
        Chore::Expire => expire(storage, &seen.id).await,
    }
}

/// Finishes what was left of an upload, as long as a worker may take.
pub async fn finish(storage: &Storage, id: &str) -> Result<(), Error> {
    let Some(upload) = Upload::open(storage, id).await? else { return Ok(()) };
    let mut standing = upload.standing().await?;
    if let Phase::Ended { settled: true, .. } = standing.phase {
        upload.settle(&mut standing, Instant::now() + WORKER_BUDGET).await?;
    } else if upload.may_proceed(&standing) {
        upload.proceed(&mut standing, WORKER_BUDGET).await?;
    }
    Ok(())
}

async fn expire(storage: &Storage, id: &str) -> Result<(), Error> {
    let Some(upload) = Upload::open(storage, id).await? else { return Ok(()) };
    if upload.task.name.is_some() && resume::names_of(&upload).await?.is_empty() {
        // Nobody was ever told of it: whoever applied was given another, or did not wait for the answer.
        return upload.remove().await;
    }
    if upload.waits_for_others().await? {
        return Ok(());
    }
    let mut standing = upload.standing().await?;
    // It may be complete, and whoever brought the last byte did not live to see it.
    let phase = if upload.may_proceed(&standing) {
        let proceeded = upload.proceed(&mut standing, WORKER_BUDGET).await;
        proceeded.unwrap_or_else(|error| {
            warn!(upload = id, causes = error.causes(), "it cannot be completed: {error}");
            standing.phase
        })
    } else {
        standing.phase
    };
    if phase.is_under_way() {
        info!(upload = id, "expired");
        upload.end(&mut standing, Verdict::Expired, Instant::now() + WORKER_BUDGET).await?;
    }
    Ok(())
}

async fn remove(storage: &Storage, id: &str) -> Result<(), Error> {
    match Upload::open(storage, id).await? {
        Some(upload) => {
            if upload.standing().await?.phase == Phase::Gone {
                // Whoever marked it may not have lived to delete its file.
                upload.delete().await?;
            }
            upload.remove().await
        }
        None => delete_under(storage, id).await,
    }
}

impl Upload {
    /// Whether it is complete as soon as its bytes are. One of the IETF draft is when its client has said so.
    fn may_proceed(&self, standing: &Standing) -> bool {
        let waits = matches!(self.task.origin, Origin::Draft { .. }) && !standing.handed_off;
        !(waits && standing.phase.is_under_way())
    }

    /// Whether it joins others that are still under way: they expire by themselves.
    async fn waits_for_others(&self) -> Result<bool, Error> {
        for id in &self.task.joins {
            let Some(part) = Self::open(&self.storage, id).await? else { continue };
            if part.standing().await?.phase.is_under_way() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes every trace, the file of one that was only a part of others included.
    pub(super) async fn remove(&self) -> Result<(), Error> {
        if self.task.destination.is_none() {
            self.storage.main.delete(&Key::File(&self.id)).await?;
        }
        self.storage.main.delete_all(&resume::names_of(self).await?).await?;
        delete_under(&self.storage, &self.id).await
    }
}

/// The task goes last: as long as anything is there, the next sweep knows what it is.
async fn delete_under(storage: &Storage, id: &str) -> Result<(), Error> {
    let key = |item| Key::Upload(crate::storage::UploadKey { id, item });
    let task = key(Item::Task).to_string();
    storage.main.delete_listed(&key(Item::All), |object| object.key != task).await?;
    Ok(storage.main.delete(&key(Item::Task)).await?)
}

fn older(time: SystemTime, limit: Duration) -> bool {
    SystemTime::now().duration_since(time).is_ok_and(|age| age > limit)
}
