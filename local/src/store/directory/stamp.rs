//! By what two states of a file are told apart.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use sha2::{Digest, Sha256};

use crate::store::ops::list_objects::Listed;

/// Bytes of the hash that make the ETag: 40 hex digits, which nobody takes for the MD5 of the content.
const ETAG_BYTES: usize = 20;

/// Size, modification time, change time and inode of a file at one moment. The change time cannot be set:
/// it tells of a file that was rewritten in place and given its old modification time back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
    changed: (i64, i64),
    inode: u64,
}

impl Stamp {
    pub(super) fn of_file(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// Whether an open file still has the content that it had: a name that was taken from it since, when
    /// another file was put in its place, does not matter.
    pub(super) fn has_content_of(&self, other: &Self) -> bool {
        Self { changed: other.changed, ..*self } == *other
    }

    /// A folder marker has no bytes, whatever size the file system gives to a directory.
    pub(super) fn of_folder(metadata: &Metadata) -> Self {
        Self { size: 0, ..Self::of_file(metadata) }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn modified(&self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add(self.nanoseconds / 1_000_000)
    }

    pub(super) fn etag(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.size.to_le_bytes());
        hash.update(self.seconds.to_le_bytes());
        hash.update(self.nanoseconds.to_le_bytes());
        hash.update(self.changed.0.to_le_bytes());
        hash.update(self.changed.1.to_le_bytes());
        hash.update(self.inode.to_le_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        shared::hex(&hash[..ETAG_BYTES])
    }

    pub(super) fn listed(&self) -> Listed {
        Listed { size: self.size, etag: self.etag(), modified: self.modified(), has_crc32: false }
    }
}
