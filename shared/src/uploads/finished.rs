//! Finished uploads, for other jobs.

use super::standing::{Phase, Verdict};
use super::task::Upload;
use crate::app::App;
use crate::auth;
use crate::error::{Error, Kind};

/// What the key of a block task's URLs permits.
pub const PURPOSE: &str = "upload";

/// Which finished upload a caller means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// By an identifier that nobody can guess.
    Upload(String),
    /// A task of the block protocol, with the key of its URLs.
    Task {
        /// `taskId`
        id: u64,
        /// `key`
        key: String,
    },
}

/// A finished upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The object's key in the main bucket.
    pub key: String,
    /// Its ETag, with quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// The object of a finished upload.
///
/// # Errors
/// 404 if there is no such upload, 409 if it is not finished, 410 if it never will be.
pub async fn finished(app: &App, claim: &Claim) -> Result<Finished, Error> {
    let missing = || Error::not_found("There is no such upload.");
    let id = match claim {
        Claim::Upload(id) => id.clone(),
        Claim::Task { id, key } => {
            let id = id.to_string();
            if !auth::permits(&app.config, PURPOSE, &id, key)? {
                return Err(missing());
            }
            id
        }
    };
    let upload = Upload::open(app.storage()?, &id).await?.ok_or_else(missing)?;
    // A task's number can be guessed: only its key opens it.
    if matches!(claim, Claim::Upload(_)) && upload.task.is_numbered() {
        return Err(missing());
    }
    match upload.standing().await?.phase {
        Phase::Ended { verdict: Verdict::Complete, settled: true } => {}
        Phase::Open | Phase::Paused | Phase::Ended { verdict: Verdict::Complete, .. } => {
            return Err(Error::new(Kind::Conflict, "The upload is not finished."));
        }
        Phase::Ended { .. } | Phase::Gone => return Err(Error::new(Kind::Gone, "The upload is over.")),
    }
    let object = upload.done().await?.and_then(|done| done.object).ok_or_else(missing)?;
    Ok(Finished { key: object.key, etag: object.etag, size: object.size })
}
