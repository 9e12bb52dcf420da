//! The work itself: parts copied, parts sent, and the multipart upload completed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use super::claim::{Holder, lost};
use super::parts::Part;
use super::{find, later};
use crate::archive::from_store::FromStore;
use crate::archive::plan::Plan;
use crate::archive::record::record;
use crate::archive::send::{Contents, send};
use crate::error::{BoxError, Error};
use crate::storage::{Fault, Key, Multipart, PARTS_LIMIT, Part as Taken, Put, Source, Storage, StoreError};

/// Parts on their way at once.
const AT_ONCE: usize = 8;

/// Room for parts that are sent, in bytes, for all archives of the process together.
static ROOM: Semaphore = Semaphore::const_new(128 << 20);

/// Objects that are read at once for their CRC-32s.
const READ_AT_ONCE: usize = 4;

/// How often it is begun again, because the multipart upload is gone or others send the same parts.
const BEGINNINGS: u32 = 3;

/// What came of it.
pub(super) enum Outcome {
    /// The archive is there.
    Made,
    /// Every CRC-32 was looked for; it is to be planned anew.
    Settled,
    /// There was no time for the rest.
    Late,
}

/// Works on an archive until `deadline`, or as long as the work is the holder's. `parts` are those it is to have; without them
/// its CRC-32s are looked for.
pub(super) async fn work(
    storage: Storage,
    plan: Arc<Plan>,
    parts: Option<Vec<Part>>,
    holder: Holder,
    deadline: Instant,
) -> Result<Outcome, Error> {
    let step = async {
        match &parts {
            Some(parts) => assemble(&storage, &plan, parts, &holder).await.map(|()| Outcome::Made),
            None => settle(&storage, &plan).await.map(|()| Outcome::Settled),
        }
    };
    let outcome = tokio::select! {
        outcome = timeout_at(deadline, step) => outcome.unwrap_or(Ok(Outcome::Late)),
        kept = holder.keep() => return Err(kept.err().unwrap_or_else(lost)),
    };
    let ended = match &outcome {
        Ok(Outcome::Made) => holder.finish().await,
        _ => holder.release().await,
    };
    if let Err(error) = ended {
        warn!(folder = plan.folder, causes = error.causes(), "the work ends with its lease: {error}");
    }
    outcome
}

/// Finds the CRC-32s that are not known. What is learned is recorded, and need not be learned again.
async fn settle(storage: &Storage, plan: &Arc<Plan>) -> Result<(), Error> {
    let unknown: Vec<usize> =
        plan.entries.iter().enumerate().filter(|(_, entry)| entry.crc32.is_none()).map(|(index, _)| index).collect();
    let reads = stream::iter(unknown).map(|index| {
        let (storage, plan) = (storage.clone(), plan.clone());
        async move {
            let entry = &plan.entries[index];
            record(&storage, &plan.folder, (&entry.key, &entry.etag, entry.size)).await
        }
    });
    reads.buffer_unordered(READ_AT_ONCE).try_collect().await
}

async fn assemble(storage: &Storage, plan: &Arc<Plan>, parts: &[Part], holder: &Holder) -> Result<(), Error> {
    let (contents, began) = (FromStore::new(storage, &plan.folder), Instant::now());
    let mut failed = None;
    for _ in 0..BEGINNINGS {
        if find(storage, plan).await?.is_some() {
            return Ok(());
        }
        let multipart = holder.multipart().await?;
        let cause = match fill(&multipart, &contents, plan, parts).await {
            Ok(here) => {
                report(plan, parts, here, began);
                continue;
            }
            Err(cause) => cause,
        };
        check_unchanged(&contents, plan, holder).await?;
        match cause.downcast_ref::<StoreError>().map(|error| error.fault) {
            Some(Fault::Missing) => holder.begin_again(&multipart).await?,
            Some(Fault::Conflict) => {}
            _ => return Err(Error::unavailable("The archive could not be put together.").caused_by(cause)),
        }
        failed = Some(cause);
    }
    if find(storage, plan).await?.is_some() {
        return Ok(());
    }
    let error = Error::unavailable("The archive could not be put together.");
    Err(failed.map_or_else(
        || Error::internal("assemble an archive", "it is not of its length"),
        |cause| error.caused_by(cause),
    ))
}

/// Makes what is missing of a multipart upload and completes it; how many parts were made here.
async fn fill(
    multipart: &Multipart,
    contents: &FromStore,
    plan: &Arc<Plan>,
    parts: &[Part],
) -> Result<usize, BoxError> {
    let mut made = multipart.parts().await?;
    let missing = (1..=PARTS_LIMIT).zip(parts).filter(|(number, _)| !made.contains_key(number));
    // With everything of their own, or the compiler does not see that they are `Send`.
    let making: Vec<_> = missing
        .map(|(number, part)| {
            let (multipart, contents, plan, part) = (multipart.clone(), contents.clone(), plan.clone(), part.clone());
            async move { Ok::<_, BoxError>((number, make(&multipart, contents, plan, number, part).await?)) }
        })
        .collect();
    let here = making.len();
    let mut making = stream::iter(making).buffer_unordered(AT_ONCE);
    while let Some((number, part)) = making.try_next().await? {
        made.insert(number, part);
    }
    drop(making);
    // As before the last byte of one that is streamed.
    contents.unchanged(plan.clone(), 0..plan.entries.len()).await?;
    multipart.complete(made.into_values().collect(), Put::default()).await?;
    Ok(here)
}

async fn make(
    multipart: &Multipart,
    contents: FromStore,
    plan: Arc<Plan>,
    number: i32,
    part: Part,
) -> Result<Taken, BoxError> {
    let length = part.length();
    if let Some((entry, range)) = part.copied {
        let entry = &plan.entries[entry];
        let (key, size) = (&Key::Listed(&entry.key), entry.size);
        let source = Source { key, size, range, if_match: Some(&entry.etag) };
        return Ok(multipart.part_copy(number, source).await?);
    }
    let _room = ROOM.acquire_many(u32::try_from(length)?).await?;
    let mut bytes = BytesMut::with_capacity(usize::try_from(length)?);
    let mut chunks = pin!(send(plan, contents, part.bytes, Duration::ZERO));
    while let Some(chunk) = chunks.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(multipart.part(number, Bytes::from(bytes)).await?)
}

/// Ends the work if the folder is no longer what was planned.
async fn check_unchanged(contents: &FromStore, plan: &Arc<Plan>, holder: &Holder) -> Result<(), Error> {
    let Err(cause) = contents.unchanged(plan.clone(), 0..plan.entries.len()).await else { return Ok(()) };
    if cause.is::<StoreError>() {
        return Err(Error::unavailable("Storage does not answer.").caused_by(cause));
    }
    holder.give_up().await?;
    Err(later("The folder has changed while its archive was put together.").caused_by(cause))
}

fn report(plan: &Plan, parts: &[Part], here: usize, began: Instant) {
    let sent: u64 = parts.iter().filter(|part| part.copied.is_none()).map(Part::length).sum();
    let (bytes, milliseconds) = (plan.layout.total(), crate::clock::milliseconds(began.elapsed()));
    info!(folder = plan.folder, bytes, sent, parts = parts.len(), here, milliseconds, "archive put together");
}
