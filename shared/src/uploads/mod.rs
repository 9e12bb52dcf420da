//! Uploads, as far as others ask for them.

use crate::app::App;
use crate::error::Error;

/// Which finished upload a caller means.
pub enum Claim {
    /// By its id.
    Upload(String),
    /// By its task and the task's capability.
    Task {
        /// The task's number.
        id: u64,
        /// Its capability.
        key: String,
    },
}

/// A finished upload.
pub struct Finished {
    /// Of the object in the main bucket.
    pub key: String,
    /// Its entity tag, with its quotes.
    pub etag: String,
    /// Its bytes.
    pub size: u64,
}

/// 404 if unknown, 409 if not finished.
pub async fn finished(_app: &App, _claim: &Claim) -> Result<Finished, Error> {
    Err(Error::not_found("There is no such upload."))
}
