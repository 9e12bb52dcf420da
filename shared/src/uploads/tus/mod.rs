//! tus 1.0.0 (tus.io/protocols/resumable-upload): a door to the upload core.
//!
//! Core, creation, creation-with-upload, creation-defer-length, expiration, checksum, termination and concatenation,
//! of partial uploads that may still be unfinished. One file an operation:
//!
//! | call | file |
//! |---|---|
//! | `POST /files/` | `create`, with `concat` and `metadata` |
//! | `PATCH /files/{id}`, or `POST` with `X-HTTP-Method-Override` | `patch`, with `checksum` |
//! | `HEAD /files/{id}` | `head`: the offset; without `Tus-Resumable` the head of the download |
//! | `GET /files/{id}` | `get`: the finished file |
//! | `DELETE /files/{id}` | `delete` |
//! | `OPTIONS` of each | `options` |
//!
//! It owns no object but `uploads/{id}/in/...`: bytes that came with a checksum and have not been compared with it yet.
//! Knowing an upload's URL is the permission to everything about it.
//!
//! What may never happen: bytes that do not match their checksum count; an offset moves backwards, or beyond what is
//! stored; a file that a stranger uploaded is shown as a page of ours.

mod checksum;
mod concat;
mod create;
mod delete;
mod get;
mod head;
mod metadata;
mod options;
mod patch;

pub use create::CREATE;
pub use delete::DELETE;
pub use get::DOWNLOAD;
pub use head::HEAD;
pub use options::OPTIONS;
pub use patch::PATCH;

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::standing::{Phase, Verdict};
use super::task::{Origin, Upload};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Body, Request, body};

/// Which version a message speaks.
pub(crate) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// The one version there is.
pub(crate) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

const VERSIONS: HeaderName = HeaderName::from_static("tus-version");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const CONCAT: HeaderName = HeaderName::from_static("upload-concat");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");

/// The content type of bytes that continue an upload.
const CHUNK: &str = "application/offset+octet-stream";

/// 412 unless the request speaks this version.
fn check_version(headers: &HeaderMap) -> Result<(), Error> {
    if headers.get(RESUMABLE) == Some(&VERSION) {
        return Ok(());
    }
    let error = Error::new(Kind::PreconditionFailed, "Tus-Resumable must be 1.0.0.");
    Err(error.with_header(VERSIONS, VERSION))
}

/// An upload that came through this door; 404 if there is none.
async fn open(app: &App, id: &str) -> Result<Upload, Error> {
    let upload = Upload::open(app.storage()?, id).await?;
    let ours = upload.filter(|upload| matches!(upload.task.origin, Origin::Tus { .. }));
    ours.ok_or_else(|| Error::not_found("There is no such upload."))
}

/// 410 if an upload is over without a file.
fn check_there(phase: Phase) -> Result<(), Error> {
    match phase {
        Phase::Open | Phase::Paused | Phase::Ended { verdict: Verdict::Complete, .. } => Ok(()),
        Phase::Ended { .. } | Phase::Gone => Err(Error::new(Kind::Gone, "The upload is over.")),
    }
}

/// Whether it joins others.
fn is_final(upload: &Upload) -> bool {
    !upload.task.joins.is_empty()
}

/// A header as text; 400 if it is none.
fn text(request: &Request, name: HeaderName) -> Result<Option<&str>, Error> {
    let Some(value) = request.headers.get(&name) else { return Ok(None) };
    let text = value.to_str().map_err(|cause| Error::invalid(format!("{name} is not text.")).caused_by(cause))?;
    Ok(Some(text))
}

/// A header as a number of bytes; 400 if it is none.
fn number(request: &Request, name: HeaderName) -> Result<Option<u64>, Error> {
    let Some(digits) = text(request, name.clone())? else { return Ok(None) };
    let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let value = digits.parse().ok().filter(|_| decimal);
    value.map(Some).ok_or_else(|| Error::invalid(format!("{name} is not a number of bytes.")))
}

/// The content type without its parameters, in lower case.
fn content_type(request: &Request) -> String {
    let given = request.header(http::header::CONTENT_TYPE).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(RESUMABLE, VERSION);
    response
}

/// Tells until when an unfinished upload is kept that was last active then.
fn expires(app: &App, phase: Phase, active: SystemTime, headers: &mut HeaderMap) {
    if phase.is_under_way() {
        let date = httpdate::fmt_http_date(active + app.config.upload_expiry);
        if let Ok(date) = HeaderValue::try_from(date) {
            headers.insert(EXPIRES, date);
        }
    }
}
