//! The directory bucket: a plain directory on disk, mounted read-only as a bucket.
//!
//! Keys are paths relative to the directory; files that arrive by other means appear at once. An empty
//! sub-directory is a folder-marker object `sub/`; one that holds only what is skipped has no key (with
//! the delimiter `/` it still shows as a common prefix, because the level below is not read).
//! A symbolic link is followed to a file, and only as long as it is relative and stays inside; links to
//! directories are not listed. Sockets, devices, names that are not UTF-8 and names with control
//! characters are skipped. A body that changes while it is sent breaks off: a client never gets a mix of
//! two versions. Nothing is ever written here.
//!
//! Two changes within one tick of the file system's clock (some milliseconds) that keep the size cannot
//! be told apart.

mod frames;
mod names;
mod open;
mod stamp;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use s3s::dto::{GetObjectOutput, HeadObjectOutput, Range};
use s3s::{S3Error, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use self::frames::FileFrames;
use self::names::Names;
use self::open::{Root, is_listable};
use self::stamp::Stamp;
use super::condition::ReadConditions;
use super::error::{internal, no_such_key};
use super::listing::{Page, Query, page_of_sorted};
use super::ops::get_object::{judge, with_partial_status};
use super::ops::list_objects::Listed;
use super::ops::{etag, length, timestamp};
use super::range::Selection;
use super::stream::body_of;

/// What S3 calls a body of which nobody said what it is.
const DEFAULT_TYPE: &str = "binary/octet-stream";

/// A directory as a bucket.
pub(super) struct DirectoryBucket {
    bucket: String,
    root: Root,
    names: Names,
    mounted_at: i64,
}

impl DirectoryBucket {
    /// # Errors
    /// When the directory cannot be opened.
    pub(super) fn mount(bucket: String, path: &Path) -> io::Result<Self> {
        let root = Root::open(path)?;
        Ok(Self { bucket, root, names: Names::default(), mounted_at: super::state::now() })
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn mounted_at(&self) -> i64 {
        self.mounted_at
    }

    /// One page of keys; reads the directory, so it belongs on a blocking thread.
    pub(super) fn page(&self, query: Query) -> S3Result<Page<Listed>> {
        let names = self.names.sorted(&self.root, &query)?;
        page_of_sorted(&names, query, |key| match self.find(key) {
            Ok((_, stamp)) => Ok(Some(stamp.listed())),
            // It went away since the directory was read, or was never readable as an object.
            Err(Missing::Gone) => Ok(None),
            // What lists it wants to read it, all of it: better told now than halfway through.
            Err(denied @ Missing::Denied) => Err(denied.into()),
            Err(Missing::Failed(error)) => Err(internal(error)),
        })
    }

    pub(super) async fn get(
        self: &Arc<Self>,
        key: String,
        conditions: ReadConditions,
        range: Option<Range>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let (file, stamp) = self.find_async(key).await?;
        judge(&conditions, &stamp.etag(), stamp.modified())?;
        let selection = Selection::new(range.as_ref(), stamp.size())?;
        let len = selection.len();
        let frames = FileFrames::new(file, stamp, selection.range.start);
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            body: Some(body_of(frames, len)),
            content_length: Some(length(len)),
            content_range: selection.content_range,
            content_type: Some(DEFAULT_TYPE.into()),
            e_tag: Some(etag(&stamp.etag())),
            last_modified: Some(timestamp(stamp.modified())),
            ..GetObjectOutput::default()
        }))
    }

    pub(super) async fn head(
        self: &Arc<Self>,
        key: String,
        conditions: ReadConditions,
        range: Option<Range>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let (_, stamp) = self.find_async(key).await?;
        judge(&conditions, &stamp.etag(), stamp.modified())?;
        let selection = Selection::new(range.as_ref(), stamp.size())?;
        Ok(with_partial_status(HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: Some(length(selection.len())),
            content_range: selection.content_range,
            content_type: Some(DEFAULT_TYPE.into()),
            e_tag: Some(etag(&stamp.etag())),
            last_modified: Some(timestamp(stamp.modified())),
            ..HeadObjectOutput::default()
        }))
    }

    async fn find_async(self: &Arc<Self>, key: String) -> S3Result<(File, Stamp)> {
        let directory = Arc::clone(self);
        let found = spawn_blocking(move || directory.find(&key)).await.map_err(internal)?;
        found.map_err(S3Error::from)
    }

    /// Opens the file (or the empty folder) that the key names.
    fn find(&self, key: &str) -> Result<(File, Stamp), Missing> {
        if !is_listable(key) {
            return Err(Missing::Gone);
        }
        let found = match key.strip_suffix('/') {
            Some(folder) => self.root.open_empty_folder(folder),
            None => self.root.open_file(key),
        };
        found.map_err(Missing::from)?.ok_or(Missing::Gone)
    }
}

/// Why a key has no object.
enum Missing {
    Gone,
    Denied,
    Failed(io::Error),
}

impl From<io::Error> for Missing {
    /// A link that leads out (EXDEV) or round in circles (ELOOP) is no object.
    fn from(error: io::Error) -> Self {
        use rustix::io::Errno;
        match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NAMETOOLONG | Errno::NXIO) => {
                Self::Gone
            }
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied,
            _ => Self::Failed(error),
        }
    }
}

impl From<Missing> for S3Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Gone => no_such_key(),
            Missing::Denied => s3_error!(AccessDenied, "The file cannot be read"),
            Missing::Failed(error) => internal(error),
        }
    }
}
