//! The worker that records the CRC-32 of an object when it arrives, so that its archive has ranges from
//! the first request on; and forgets it when the object goes.

use tracing::warn;

use super::checksums::{self, Checksums};
use crate::app::App;
use crate::error::Error;
use crate::events::Worker;
use crate::storage::key::VersionId;
use crate::storage::{Key, Storage};

/// Runs on events of the archive bucket. Safe to run twice and in any order: it looks at the object as
/// it is now, and a record names the version that it is of. Two runs for one key may, at worst, take each
/// other's record away; the next download writes it again.
pub const RECORD_CRC32: Worker = Worker {
    name: "record-crc32",
    on_object: Some(|app, event| {
        Box::pin(async move {
            let own = app.storage()?.archives.name() == event.bucket;
            match folder_of(&app.config.archive_prefix, &event.key).filter(|_| own) {
                Some(folder) => bring_up_to_date(app, folder, &event.key).await,
                None => Ok(()),
            }
        })
    }),
    on_schedule: None,
};

/// Records what is missing in all archives: for objects that came while nobody was listening. Returns
/// how many were recorded.
pub async fn catch_up(app: &App) -> Result<u64, Error> {
    let storage = app.storage()?;
    let prefix = &app.config.archive_prefix;
    let (mut folder, mut known, mut recorded) = (String::new(), Checksums::default(), 0);
    let mut pages = storage.archives.list(&Key::Listed(prefix));
    while let Some(page) = pages.next().await? {
        for object in page {
            let Some(own) = folder_of(prefix, &object.key) else { continue };
            if own != folder {
                own.clone_into(&mut folder);
                known = Checksums::of(storage, &folder).await?;
            }
            if known.get(&object.key, &object.etag, object.size).is_none() {
                match record(storage, &folder, (&object.key, &object.etag, object.size)).await {
                    Ok(()) => recorded += 1,
                    // The others are not to wait for it; a download will record it.
                    Err(error) => warn!(key = object.key, causes = error.causes(), "no CRC-32 recorded: {error}"),
                }
            }
        }
    }
    Ok(recorded)
}

/// Records the CRC-32 of an object of the main bucket that we have written, if it lies in an archive.
pub(crate) async fn arrived(storage: &Storage, object: (&str, &str, u64), crc32: u32) -> Result<(), Error> {
    let own = storage.archives.name() == storage.main.name();
    match folder_of(&storage.archive_prefix, object.0).filter(|_| own && object.2 > 0) {
        Some(folder) => Ok(checksums::record(storage, folder, object, crc32).await?),
        None => Ok(()),
    }
}

/// The archive that a key belongs to.
pub(crate) fn folder_of<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    let (folder, _) = key.strip_prefix(prefix)?.split_once('/')?;
    super::folder(folder).ok()
}

async fn bring_up_to_date(app: &App, folder: &str, key: &str) -> Result<(), Error> {
    let storage = app.storage()?;
    let head = storage.archives.head(&Key::Listed(key)).await?;
    let version = head.as_ref().map(|head| VersionId::of(key, &head.etag, head.size));
    if let Some(head) = head {
        record(storage, folder, (key, &head.etag, head.size)).await?;
    }
    Ok(checksums::forget_others(storage, folder, key, version).await?)
}

/// Finds the CRC-32 of one version of an object, from the store or by reading it, and records it. An
/// object that changes meanwhile has an event of its own coming.
pub(super) async fn record(storage: &Storage, folder: &str, (key, etag, size): (&str, &str, u64)) -> Result<(), Error> {
    if size == 0 {
        return Ok(());
    }
    let found = match storage.archives.crc32(&Key::Listed(key), etag).await? {
        Some(crc32) => Some(crc32),
        None => {
            let computed = checksums::compute(storage, key, etag, size).await;
            computed.map_err(|cause| Error::unavailable("Storage does not answer.").caused_by(cause))?
        }
    };
    match found {
        Some(crc32) => Ok(checksums::record(storage, folder, (key, etag, size), crc32).await?),
        None => Ok(()),
    }
}
