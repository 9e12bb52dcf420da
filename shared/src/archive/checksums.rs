//! Recorded CRC-32s: which versions of which objects have one, and recording another.

use std::collections::HashMap;

use bytes::Bytes;

use crate::error::BoxError;
use crate::storage::key::{KeyId, VersionId, parse_crc32};
use crate::storage::{Fault, Fetch, Key, Listed, Put, Storage, StoreError};

/// How long a read may stand still before it is given up.
pub(super) const IDLE_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// The most records of one folder that are read: twice the entries of the largest archive. What is beyond
/// counts as not known.
const RECORDS_LIMIT: usize = 2 * super::plan::ENTRIES_LIMIT;

/// The recorded CRC-32s of a folder.
#[derive(Default)]
pub(super) struct Checksums(HashMap<VersionId, u32>);

impl Checksums {
    /// Reads them all: a listing, a thousand at a time; no object is opened.
    pub(super) async fn of(storage: &Storage, folder: &str) -> Result<Self, StoreError> {
        let mut known = HashMap::new();
        let mut pages = storage.main.list(&Key::Crc32Folder(folder));
        while known.len() < RECORDS_LIMIT
            && let Some(page) = pages.next().await?
        {
            known.extend(page.iter().filter_map(|object| parse_crc32(&object.key)));
        }
        Ok(Self(known))
    }

    /// The CRC-32 of one version of an object.
    pub(super) fn get(&self, key: &str, etag: &str, size: u64) -> Option<u32> {
        if size == 0 {
            return Some(0);
        }
        self.0.get(&VersionId::of(key, etag, size)).copied()
    }
}

/// Records one. Writing the same again changes nothing.
pub(super) async fn record(
    storage: &Storage,
    folder: &str,
    (key, etag, size): (&str, &str, u64),
    crc32: u32,
) -> Result<(), StoreError> {
    let record = Key::Crc32 { folder, key: KeyId::of(key), version: VersionId::of(key, etag, size), crc32 };
    storage.main.put(&record, Bytes::new(), Put::default()).await.map(drop)
}

/// Reads an object in this version and computes its CRC-32; `None` if it has changed meanwhile.
pub(super) async fn compute(storage: &Storage, key: &str, etag: &str, size: u64) -> Result<Option<u32>, BoxError> {
    let fetch = Fetch { if_match: Some(etag), ..Fetch::default() };
    let object = match storage.archives.get(&Key::Listed(key), fetch).await {
        Ok(object) => object,
        Err(error) if matches!(error.fault, Fault::Precondition | Fault::Missing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if object.length != size {
        return Err("the object's body is not of its length".into());
    }
    let mut hasher = crc32fast::Hasher::new();
    object.read(|frame| hasher.update(frame)).await?;
    Ok(Some(hasher.finalize()))
}

/// Takes away the records of a key's other versions, or of all if it is gone.
pub(super) async fn forget_others(
    storage: &Storage,
    folder: &str,
    key: &str,
    current: Option<VersionId>,
) -> Result<(), StoreError> {
    let versions = Key::Crc32Versions { folder, key: KeyId::of(key) };
    let other = |object: &Listed| parse_crc32(&object.key).map(|(version, _)| version) != current;
    storage.main.delete_listed(&versions, other).await
}
