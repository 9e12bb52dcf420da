//! The end of an upload, and what follows from it.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::advance::Reach;
use super::publish::{self, Published};
use super::standing::{End, Phase, Standing, Verdict};
use super::task::{Origin, Upload};
use crate::archive;
use crate::error::{Error, Kind};
use crate::storage::{Creation, Item, Key, Put, Storage, UploadKey};

/// How long a request works on what follows from its bytes; a worker does the rest.
pub const REQUEST_BUDGET: Duration = Duration::from_secs(4);

/// How long a worker works on one upload at a time: below the fifteen minutes that a function has.
pub const WORKER_BUDGET: Duration = Duration::from_secs(12 * 60);

/// How many of the uploads that one joins are looked at at once.
const AT_ONCE: usize = 16;

/// What a settled upload left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    /// How it ended.
    pub verdict: Verdict,
    /// The object, if it was completed.
    pub object: Option<Object>,
}

/// A finished object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Object {
    /// Its key in the main bucket.
    pub key: String,
    /// Its ETag, with quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// Its CRC-32, unless it was there before the upload.
    pub crc32: Option<u32>,
}

impl Upload {
    /// Does what is due after bytes have arrived: carries the digest on, and ends the upload if it is complete.
    /// Returns the phase it is in then. What does not get done in time is left to a worker.
    pub async fn proceed(&self, standing: &mut Standing, budget: Duration) -> Result<Phase, Error> {
        let deadline = Instant::now() + budget;
        if standing.phase.is_under_way() {
            if !self.task.joins.is_empty() {
                return self.join(standing, deadline).await;
            }
            match self.advance(standing, deadline).await? {
                Reach::End => {
                    let verdict =
                        if standing.digest.md5() == self.task.md5 { Verdict::Complete } else { Verdict::Mismatch };
                    return self.end(standing, verdict, deadline).await;
                }
                Reach::Late => self.hand_off(standing).await?,
                // The other may not live to see it.
                Reach::Busy if self.all_full(standing).await? => self.hand_off(standing).await?,
                Reach::Gap | Reach::Busy => {}
            }
        } else if let Phase::Ended { settled: false, .. } = standing.phase {
            return self.settle(standing, deadline).await;
        }
        Ok(standing.phase)
    }

    /// Cancels; the parts are deleted.
    ///
    /// # Errors
    /// 409 if it has ended already.
    pub async fn cancel(&self, standing: &mut Standing) -> Result<Phase, Error> {
        if !standing.phase.is_under_way() {
            return Err(Error::new(Kind::Conflict, "The upload has ended."));
        }
        self.end(standing, Verdict::Cancelled, Instant::now() + REQUEST_BUDGET).await
    }

    /// Ends it, unless it has ended, and does what follows. The phase says how it did end.
    pub(super) async fn end(
        &self,
        standing: &mut Standing,
        verdict: Verdict,
        deadline: Instant,
    ) -> Result<Phase, Error> {
        self.decide(standing, End { verdict, found: None }).await?;
        self.settle(standing, deadline).await
    }

    /// Ends an upload at once whose content is at its destination already: same size, same MD5.
    pub async fn end_if_there(&self, standing: &mut Standing) -> Result<Phase, Error> {
        let (Some(md5), Phase::Open) = (&self.task.md5, standing.phase) else { return Ok(standing.phase) };
        let Some(head) = self.storage.main.head(&Key::Listed(&self.destination())).await? else {
            return Ok(standing.phase);
        };
        // The ETag of an object that came in one piece is its MD5 (S3 API reference, "Object").
        let same = head.metadata.get(publish::MD5) == Some(md5) || head.etag.trim_matches('"') == md5;
        if !same || Some(head.size) != standing.size {
            return Ok(standing.phase);
        }
        self.decide(standing, End { verdict: Verdict::Complete, found: Some(head.etag) }).await?;
        self.settle(standing, Instant::now() + REQUEST_BUDGET).await
    }

    /// What was left of a settled upload.
    pub async fn done(&self) -> Result<Option<Done>, Error> {
        done(self.storage.clone(), self.id.clone()).await
    }

    async fn decide(&self, standing: &mut Standing, end: End) -> Result<(), Error> {
        let verdict = match self.storage.main.create(&self.key(Item::End), &end).await? {
            Creation::Made => end.verdict,
            Creation::Existed => self.decided().await?.verdict,
        };
        standing.phase = Phase::Ended { verdict, settled: false };
        Ok(())
    }

    async fn decided(&self) -> Result<End, Error> {
        let end = self.storage.main.read::<End>(&self.key(Item::End)).await?;
        end.map(|end| end.value).ok_or_else(|| Error::new(Kind::Gone, "The upload is gone."))
    }

    /// Does what follows from the end, as far as it has not happened. Any number of times, by anyone, at once.
    pub(super) async fn settle(&self, standing: &mut Standing, deadline: Instant) -> Result<Phase, Error> {
        let end = self.decided().await?;
        if self.done().await?.is_none() {
            let object = if end.verdict == Verdict::Complete {
                match self.object(standing, &end, deadline).await {
                    Ok(Some(object)) => Some(object),
                    Ok(None) => {
                        self.hand_off(standing).await?;
                        return Ok(standing.phase);
                    }
                    // Another was quicker and has cleaned up behind it.
                    Err(error) => self.done().await?.ok_or(error)?.object,
                }
            } else {
                None
            };
            self.tell(end.verdict).await?;
            if self.is_kept(end.verdict) {
                self.storage.main.put(&self.key(Item::Kept), bytes::Bytes::new(), Put::default()).await?;
            }
            self.storage.main.create(&self.key(Item::Done), &Done { verdict: end.verdict, object }).await?;
        }
        standing.phase = Phase::Ended { verdict: end.verdict, settled: true };
        // The sweep would do it too.
        if let Err(error) = self.clean_up().await {
            tracing::warn!(upload = self.id, causes = error.causes(), "parts stay for now");
        }
        Ok(standing.phase)
    }

    /// The finished object; `None` if there was no time to make it.
    async fn object(&self, standing: &Standing, end: &End, deadline: Instant) -> Result<Option<Object>, Error> {
        let key = self.destination();
        if let Some(etag) = &end.found {
            let size = standing.size.unwrap_or_default();
            return Ok(Some(Object { key, etag: etag.clone(), size, crc32: None }));
        }
        let crc32 = self.crc32(standing).await?;
        let Some(Published { etag, size }) = self.publish(standing, deadline).await? else { return Ok(None) };
        if let Some(etag) = &etag {
            archive::arrived(&self.storage, (&key, etag, size), crc32).await?;
        }
        Ok(Some(Object { key, etag: etag.unwrap_or_default(), size, crc32: Some(crc32) }))
    }

    async fn crc32(&self, standing: &Standing) -> Result<u32, Error> {
        if self.task.joins.is_empty() {
            return Ok(standing.digest.crc32());
        }
        let mut whole = crc32fast::Hasher::new();
        for object in self.parts().await? {
            let Some(Object { crc32: Some(crc32), size, .. }) = object else {
                return Err(Error::new(Kind::Gone, "A part of the upload is gone."));
            };
            whole.combine(&crc32fast::Hasher::new_with_initial_len(crc32, size));
        }
        Ok(whole.finalize())
    }

    /// The finished objects of the uploads that this one joins; `None` for one that is not finished.
    pub(super) async fn parts(&self) -> Result<Vec<Option<Object>>, Error> {
        let reads: Vec<_> = self.task.joins.iter().cloned().map(|id| done(self.storage.clone(), id)).collect();
        let dones: Vec<Option<Done>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(dones.into_iter().map(|done| done.and_then(|done| done.object)).collect())
    }

    /// Ends an upload that joins others once all of them are complete.
    fn join<'a>(&'a self, standing: &'a mut Standing, deadline: Instant) -> BoxFuture<'a, Result<Phase, Error>> {
        Box::pin(async move {
            let parts = self.parts().await?;
            for (id, _) in self.task.joins.iter().zip(parts).filter(|(_, object)| object.is_none()) {
                let Some(part) = Self::open(&self.storage, id).await? else { return Ok(standing.phase) };
                let mut other = part.standing().await?;
                let phase = part.proceed(&mut other, REQUEST_BUDGET).await?;
                if phase != (Phase::Ended { verdict: Verdict::Complete, settled: true }) {
                    return Ok(standing.phase);
                }
            }
            self.end(standing, Verdict::Complete, deadline).await
        })
    }

    /// Leaves the rest to a worker.
    async fn hand_off(&self, standing: &Standing) -> Result<(), Error> {
        if !standing.handed_off {
            self.storage.main.put(&self.key(Item::Handoff), bytes::Bytes::new(), Put::default()).await?;
        }
        Ok(())
    }

    /// Whether its record stays as long as its file: clients ask for it by its id.
    fn is_kept(&self, verdict: Verdict) -> bool {
        let lasting = match self.task.origin {
            Origin::Block { .. } => false,
            Origin::Tus { partial, .. } => !partial,
            Origin::Draft { .. } => true,
        };
        lasting && verdict == Verdict::Complete
    }

    /// Deletes what only an upload under way needs.
    async fn clean_up(&self) -> Result<(), Error> {
        for prefix in [Item::Cells, Item::Incomings, Item::Control] {
            self.storage.main.delete_listed(&self.key(prefix), |object| is_passing(&object.key)).await?;
        }
        Ok(())
    }

    /// Deletes the finished file and marks the upload as gone. The file of one that is a part of others goes with
    /// its record, later: they may be being made of it.
    pub async fn delete(&self) -> Result<(), Error> {
        self.storage.main.create(&self.key(Item::Gone), &()).await?;
        if matches!(self.task.origin, Origin::Tus { partial: true, .. }) {
            return Ok(());
        }
        let key = self.destination();
        let head = self.storage.main.head(&Key::Listed(&key)).await?;
        if head.is_some_and(|head| publish::made_by(&head) == Some(&self.id)) {
            self.storage.main.delete(&Key::Listed(&key)).await?;
        }
        Ok(())
    }
}

/// What was left of a settled upload.
async fn done(storage: Storage, id: String) -> Result<Option<Done>, Error> {
    let key = Key::Upload(UploadKey { id: &id, item: Item::Done });
    Ok(storage.main.read(&key).await?.map(|done| done.value))
}

/// Whether an object is of use only while the upload is under way.
pub(super) fn is_passing(key: &str) -> bool {
    use crate::storage::upload_key::parse;
    match parse(key) {
        Some(
            Item::Full(_)
            | Item::Fragment { .. }
            | Item::Pack { .. }
            | Item::Incoming(_)
            | Item::Digest { .. }
            | Item::Handoff
            | Item::Completing
            | Item::Joins,
        ) => true,
        Some(_) | None => false,
    }
}
