//! What a store's error means, told in one place for every operation.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::{BoxError, Error, Kind};

/// What a caller can do about a store's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No such object, bucket or upload.
    Missing,
    /// A condition of the request does not hold (412).
    Precondition,
    /// Another write to the key is under way: worth another try.
    Conflict,
    /// The range lies past the end (416).
    Range,
    /// Not allowed, or the credentials are wrong. On AWS a missing key looks like this too, for a
    /// caller who may not list.
    Denied,
    /// No answer, or one that asks to come back later.
    Unavailable,
    /// The store does not do what we rely on.
    Unfit,
    /// Anything else.
    Other,
}

/// An error of the store, with what was asked of it.
#[derive(Debug)]
pub struct StoreError {
    /// What a caller can do about it.
    pub fault: Fault,
    operation: &'static str,
    bucket: String,
    key: String,
    code: Option<String>,
    source: Option<BoxError>,
}

impl StoreError {
    pub(super) fn new(fault: Fault, operation: &'static str, bucket: &str, key: &str) -> Self {
        Self { fault, operation, bucket: bucket.to_owned(), key: key.to_owned(), code: None, source: None }
    }

    pub(super) fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Classifies what the SDK reports.
    pub(super) fn of<E>(operation: &'static str, bucket: &str, key: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let fault = match &error {
            SdkError::ServiceError(_) => classify(code.as_deref(), status),
            // Anything else that keeps a request from being sent, such as missing credentials, stays so.
            SdkError::DispatchFailure(failure) if !(failure.is_io() || failure.is_timeout()) => Fault::Other,
            SdkError::ResponseError(_) | SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Fault::Unavailable,
            _ => Fault::Other,
        };
        Self { fault, operation, bucket: bucket.to_owned(), key: key.to_owned(), code, source: Some(error.into()) }
    }
}

fn classify(code: Option<&str>, status: Option<u16>) -> Fault {
    match (code, status) {
        // CompleteMultipartUpload may carry an error in a 200.
        (Some("InternalError" | "SlowDown" | "ServiceUnavailable" | "RequestTimeout"), _) => Fault::Unavailable,
        (Some("NoSuchKey" | "NoSuchBucket" | "NoSuchUpload" | "NotFound"), _) | (_, Some(404)) => Fault::Missing,
        (Some("PreconditionFailed"), _) | (_, Some(412)) => Fault::Precondition,
        // A part that another has sent again since it was listed.
        (Some("ConditionalRequestConflict" | "InvalidPart"), _) | (_, Some(409)) => Fault::Conflict,
        (Some("InvalidRange"), _) | (_, Some(416)) => Fault::Range,
        (_, Some(401 | 403)) => Fault::Denied,
        (_, Some(429 | 500..=599)) => Fault::Unavailable,
        _ => Fault::Other,
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, operation, bucket, key, .. } = self;
        let code = self.code.as_deref().unwrap_or("no code");
        write!(f, "{operation} {bucket}/{}: {fault:?} ({code})", key.escape_debug())
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// What a caller is told where the handler has no better word: whose fault it is, not what it was.
impl From<StoreError> for Error {
    fn from(cause: StoreError) -> Self {
        match cause.fault {
            Fault::Unavailable | Fault::Conflict => Self::unavailable("Storage does not answer.").caused_by(cause),
            Fault::Denied => Self::new(Kind::Internal, "Storage refuses access.").caused_by(cause),
            _ => Self::internal("store", cause),
        }
    }
}
