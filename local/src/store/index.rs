//! The index: one redb file with a row for everything the store knows.
//!
//! Reads are snapshots (MVCC) and never wait for a commit. They run on the calling thread: a lookup is
//! a few page-cache reads, microseconds, where handing it to another thread costs more. Listings,
//! which read up to thousands of rows, are moved to a blocking thread by their callers. All writes go
//! through the commit thread ([`super::commit`]).

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, TableDefinition};
use s3s::S3Result;

use super::error::{bad_row, internal, no_such_bucket, no_such_key, no_such_upload};
use super::row::{Body, Object, Part, Upload};

/// Bucket and key.
pub(super) type ObjectKey = (&'static str, &'static str);
/// Bucket, key and upload id.
pub(super) type UploadKey = (&'static str, &'static str, &'static str);
/// Upload id and part number.
pub(super) type PartKey = (&'static str, u32);
/// A value of [`super::row`], encoded.
pub(super) type Row = &'static [u8];

/// Name to creation time in milliseconds.
pub(super) const BUCKETS: TableDefinition<'_, &str, i64> = TableDefinition::new("buckets");
/// To [`Object`].
pub(super) const OBJECTS: TableDefinition<'_, ObjectKey, Row> = TableDefinition::new("objects");
/// To [`Body`].
pub(super) const BODIES: TableDefinition<'_, ObjectKey, Row> = TableDefinition::new("bodies");
/// Blob to the number of chunks in bodies and parts that refer to it; a row exactly while that is > 0.
pub(super) const BLOBS: TableDefinition<'_, u64, u32> = TableDefinition::new("blobs");
/// To [`Upload`].
pub(super) const UPLOADS: TableDefinition<'_, UploadKey, Row> = TableDefinition::new("uploads");
/// To [`Part`].
pub(super) const PARTS: TableDefinition<'_, PartKey, Row> = TableDefinition::new("parts");

/// Memory for pages of the index.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The index file.
#[derive(Clone)]
pub(super) struct Index {
    database: Arc<Database>,
}

impl Index {
    /// Opens the file, making it with mode 0600 when it is missing, and repairs it after a crash.
    pub(super) fn open(path: &Path) -> Result<Self, redb::Error> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(redb::Error::Io)?;
        let database = Database::builder().set_cache_size(CACHE_BYTES).create_file(file)?;
        let index = Self { database: Arc::new(database) };
        index.make_tables()?;
        Ok(index)
    }

    pub(super) fn begin_write(&self) -> Result<redb::WriteTransaction, redb::TransactionError> {
        self.database.begin_write()
    }

    /// A consistent view of everything committed so far.
    pub(super) fn snapshot(&self) -> S3Result<Snapshot> {
        Ok(Snapshot(self.database.begin_read().map_err(internal)?))
    }

    /// Every blob that a row refers to.
    pub(super) fn referenced_blobs(&self) -> Result<HashSet<u64>, redb::Error> {
        let table = self.database.begin_read()?.open_table(BLOBS)?;
        table.range::<u64>(..)?.map(|row| Ok(row?.0.value())).collect()
    }

    fn make_tables(&self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(BUCKETS)?;
        transaction.open_table(OBJECTS)?;
        transaction.open_table(BODIES)?;
        transaction.open_table(BLOBS)?;
        transaction.open_table(UPLOADS)?;
        transaction.open_table(PARTS)?;
        Ok(transaction.commit()?)
    }
}

/// A view of the index at one moment.
pub(super) struct Snapshot(ReadTransaction);

impl Snapshot {
    pub(super) fn buckets(&self) -> S3Result<Vec<(String, i64)>> {
        let table = self.0.open_table(BUCKETS).map_err(internal)?;
        let rows = table.range::<&str>(..).map_err(internal)?;
        rows.map(|row| row.map(|(name, created)| (name.value().to_owned(), created.value())).map_err(internal))
            .collect()
    }

    pub(super) fn has_bucket(&self, bucket: &str) -> S3Result<bool> {
        let table = self.0.open_table(BUCKETS).map_err(internal)?;
        Ok(table.get(bucket).map_err(internal)?.is_some())
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub(super) fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.has_bucket(bucket)? { Ok(()) } else { Err(no_such_bucket()) }
    }

    /// The object, if it is there.
    pub(super) fn find_object(&self, bucket: &str, key: &str) -> S3Result<Option<Object>> {
        let row = self.objects()?.get((bucket, key)).map_err(internal)?;
        row.map(|row| Object::decode(row.value()).map_err(bad_row)).transpose()
    }

    /// # Errors
    /// `NoSuchKey`, or `NoSuchBucket` where that is the reason.
    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<Object> {
        match self.find_object(bucket, key)? {
            Some(object) => Ok(object),
            None => self.check_bucket(bucket).and_then(|()| Err(no_such_key())),
        }
    }

    /// The object with its body.
    pub(super) fn object_and_body(&self, bucket: &str, key: &str) -> S3Result<(Object, Body)> {
        let object = self.object(bucket, key)?;
        let table = self.0.open_table(BODIES).map_err(internal)?;
        let row = table.get((bucket, key)).map_err(internal)?;
        let row = row.ok_or_else(|| internal("an object has no body row"))?;
        Ok((object, Body::decode(row.value()).map_err(bad_row)?))
    }

    /// # Errors
    /// `NoSuchUpload`.
    pub(super) fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<Upload> {
        let table = self.0.open_table(UPLOADS).map_err(internal)?;
        let row = table.get((bucket, key, id)).map_err(internal)?.ok_or_else(no_such_upload)?;
        Upload::decode(row.value()).map_err(bad_row)
    }

    /// At most `limit` parts with numbers above `after`.
    pub(super) fn parts(&self, upload: &str, after: u32, limit: usize) -> S3Result<Vec<(u32, Part)>> {
        let table = self.0.open_table(PARTS).map_err(internal)?;
        let rows = table.range((upload, after.saturating_add(1))..=(upload, u32::MAX)).map_err(internal)?;
        rows.take(limit)
            .map(|row| {
                let (key, part) = row.map_err(internal)?;
                Ok((key.value().1, Part::decode(part.value()).map_err(bad_row)?))
            })
            .collect()
    }

    /// The table of objects, for a listing.
    pub(super) fn objects(&self) -> S3Result<ReadOnlyTable<ObjectKey, Row>> {
        self.0.open_table(OBJECTS).map_err(internal)
    }

    /// The table of uploads, for a listing.
    pub(super) fn uploads(&self) -> S3Result<ReadOnlyTable<UploadKey, Row>> {
        self.0.open_table(UPLOADS).map_err(internal)
    }
}
