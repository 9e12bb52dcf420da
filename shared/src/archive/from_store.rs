//! The contents of an archive, out of the bucket.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use super::checksums;
use super::plan::{Entry, Plan};
use super::send::Contents;
use crate::error::BoxError;
use crate::storage::key::VersionId;
use crate::storage::{Fetch, Fetched, Key, Storage};

/// Contents from the bucket, in the version that the plan saw.
#[derive(Clone)]
pub(super) struct FromStore {
    storage: Storage,
    folder: Arc<str>,
}

impl FromStore {
    /// Those of a folder.
    pub(super) fn new(storage: &Storage, folder: &str) -> Self {
        Self { storage: storage.clone(), folder: folder.into() }
    }
}

impl Contents for FromStore {
    fn fetch(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Fetched, BoxError>> + Send + 'static {
        let (bucket, key, etag) = (self.storage.archives.clone(), entry.key.clone(), entry.etag.clone());
        async move { Ok(bucket.get(&Key::Listed(&key), Fetch { range, if_match: Some(&etag) }).await?) }
    }

    fn learned(&self, entry: &Entry, crc32: u32) -> impl Future<Output = Result<(), BoxError>> + Send + 'static {
        let (storage, folder) = (self.storage.clone(), self.folder.clone());
        let (key, etag, size) = (entry.key.clone(), entry.etag.clone(), entry.size);
        async move {
            checksums::record(&storage, &folder, (&key, &etag, size), crc32).await?;
            if storage.archives.name() != storage.main.name() {
                // A directory sends no events: the records of older versions are taken away here.
                let version = VersionId::of(&key, &etag, size);
                checksums::forget_others(&storage, &folder, &key, Some(version)).await?;
            }
            Ok(())
        }
    }

    /// A listing of just these keys: one request for a thousand of them.
    async fn unchanged(&self, plan: Arc<Plan>, sent: Range<usize>) -> Result<(), BoxError> {
        let prefix = &plan.entries[sent.start].key[..plan.prefix_length()];
        let prefix = Key::Listed(prefix);
        let before = sent.start.checked_sub(1).map(|index| Key::Listed(&plan.entries[index].key));
        let bucket = &self.storage.archives;
        let mut pages = before.map_or_else(|| bucket.list(&prefix), |before| bucket.list_after(&prefix, &before));
        let mut expected = plan.entries[sent].iter().peekable();
        while expected.peek().is_some() {
            let page = pages.next().await?.ok_or("an object has vanished while its archive was sent")?;
            for object in page {
                // What lies between two entries came after the archive was planned.
                match expected.next_if(|entry| *entry.key <= *object.key) {
                    Some(entry) if *entry.key == *object.key && *entry.etag == *object.etag => {}
                    Some(_) => return Err("an object has changed while its archive was sent".into()),
                    None => {}
                }
            }
        }
        Ok(())
    }
}
