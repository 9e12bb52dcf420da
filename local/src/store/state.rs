//! What every operation works with.

use std::fs::File;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use s3s::S3Result;

use super::blobs::{Blobs, Pinned};
use super::commit::Commits;
use super::directory::DirectoryBucket;
use super::error;
use super::event::Subscribers;
use super::index::Index;
use super::row::{Body, Object};

/// How often a read of an object that keeps being overwritten is begun anew.
const REREAD_LIMIT: usize = 100;

/// The open store.
pub(super) struct State {
    // Dropped first: the commit thread ends before the lock is given up.
    pub(super) commits: Commits,
    pub(super) index: Index,
    pub(super) blobs: Arc<Blobs>,
    pub(super) subscribers: Arc<Subscribers>,
    pub(super) directory: Option<Arc<DirectoryBucket>>,
    pub(super) _lock: File,
}

impl State {
    /// The directory on disk that is mounted as this bucket.
    pub(super) fn directory(&self, bucket: &str) -> Option<&Arc<DirectoryBucket>> {
        self.directory.as_ref().filter(|directory| directory.bucket() == bucket)
    }

    /// # Errors
    /// `AccessDenied` for a write into the directory bucket.
    pub(super) fn check_writable(&self, bucket: &str) -> S3Result<()> {
        if self.directory(bucket).is_some() { Err(error::read_only()) } else { Ok(()) }
    }

    /// An object with its body, the blobs of which stay until the pin is dropped.
    pub(super) fn read_pinned(&self, bucket: &str, key: &str) -> S3Result<(Object, Body, Pinned)> {
        for _ in 0..REREAD_LIMIT {
            let (object, body) = self.index.snapshot()?.object_and_body(bucket, key)?;
            let pinned = self.blobs.pin(body.blobs());
            if matches!(body, Body::Inline(_)) {
                return Ok((object, body, pinned));
            }
            // Pinned in time exactly if the row still names these blobs; see `Blobs::pin`.
            let (object, again) = self.index.snapshot()?.object_and_body(bucket, key)?;
            if again == body {
                return Ok((object, body, pinned));
            }
        }
        Err(s3s::s3_error!(SlowDown, "The object is being overwritten faster than it can be opened"))
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
