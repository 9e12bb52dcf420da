//! The S3 errors that more than one operation gives, and what a storage failure becomes.

use s3s::{S3Error, S3ErrorCode, s3_error};

use super::row::BadRow;

/// Why a job of the commit thread has no result.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The request is refused; nothing was written for it.
    Request(S3Error),
    /// The index failed; nothing of the whole batch may be committed.
    Storage(redb::Error),
}

impl From<S3Error> for Refusal {
    fn from(error: S3Error) -> Self {
        Self::Request(error)
    }
}

impl From<redb::StorageError> for Refusal {
    fn from(error: redb::StorageError) -> Self {
        Self::Storage(error.into())
    }
}

impl From<redb::TableError> for Refusal {
    fn from(error: redb::TableError) -> Self {
        Self::Storage(error.into())
    }
}

impl From<BadRow> for Refusal {
    fn from(_: BadRow) -> Self {
        Self::Storage(redb::Error::Corrupted("a row of the index does not read back".into()))
    }
}

/// A failure of the disk or the index, logged here because the client only hears "internal error".
pub(super) fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> S3Error {
    let error = error.into();
    tracing::error!(%error, "the store failed");
    S3Error::with_message(S3ErrorCode::InternalError, "We encountered an internal error. Please try again.")
}

pub(super) fn bad_row(_: BadRow) -> S3Error {
    internal("a row of the index does not read back")
}

pub(super) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

pub(super) fn read_only() -> S3Error {
    s3_error!(AccessDenied, "This bucket is a directory on disk and is read-only")
}
