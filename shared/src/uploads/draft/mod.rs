//! Resumable uploads as the IETF drafts them (draft-ietf-httpbis-resumable-upload): a door to the upload core.
//!
//! A client says by `Upload-Draft-Interop-Version` which iteration it speaks. They differ in this:
//!
//! | version | drafts | |
//! |---|---|---|
//! | 3 | -01 | `Upload-Incomplete` instead of `Upload-Complete` |
//! | 4, 5 | -02, -03 | `Upload-Complete` |
//! | 6 | -04, -05 | appends must be `application/partial-upload`; `Upload-Length`; `Upload-Limit` with `expires` |
//! | 7, 8 | -06 to -12 | `max-age` instead of `expires`; 204 for appends; an upload that is over may be 410 |
//!
//! Without the header it is version 8 if `Upload-Complete` is there, and otherwise a plain upload: the body is the
//! file. One file an operation: `create` (`POST /resumable/`), `append` (PATCH), `head`, `get`, `cancel` (DELETE),
//! `options`; `version` and `limits` are what they say of themselves.
//!
//! Interim responses (104) are not sent: hyper's server takes no status of the 1xx class for a response, and a function
//! has no way for one. A client that cannot be told its URL early creates its upload with no bytes, or with a part.
//!
//! What may never happen: an upload is complete before its client has said so, though its length is reached.

mod append;
mod cancel;
mod create;
mod get;
mod head;
mod limits;
mod options;
mod version;

pub use append::APPEND;
pub use cancel::CANCEL;
pub use create::CREATE;
pub use get::DOWNLOAD;
pub use head::HEAD;
pub use options::OPTIONS;

use http::{HeaderName, HeaderValue, Response};

use self::version::Version;
use super::standing::{Phase, Verdict};
use super::task::{Origin, Upload};
use crate::app::App;
use crate::error::{Error, Kind, Problem};
use crate::http::Body;

const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// The content type of bytes that continue an upload.
const PARTIAL: &str = "application/partial-upload";

/// An upload that came through this door; 404 if there is none.
async fn open(app: &App, id: &str) -> Result<Upload, Error> {
    let upload = Upload::open(app.storage()?, id).await?;
    let ours = upload.filter(|upload| matches!(upload.task.origin, Origin::Draft { .. }));
    ours.ok_or_else(|| Error::not_found("There is no such upload."))
}

/// An error if an upload is over without a file.
fn check_there(version: Version, phase: Phase) -> Result<(), Error> {
    match phase {
        Phase::Open | Phase::Paused | Phase::Ended { verdict: Verdict::Complete, .. } => Ok(()),
        Phase::Ended { .. } | Phase::Gone => Err(Error::new(version.gone(), "The upload is over.")),
    }
}

/// Says how far an upload is, and whether it is complete.
fn tell(response: &mut Response<Body>, version: Version, complete: bool, offset: u64) {
    let headers = response.headers_mut();
    headers.insert(OFFSET, offset.into());
    let (name, value) = version.completeness(complete);
    headers.insert(name, HeaderValue::from_static(value));
}

/// The problem types of the draft, section "Problem Types".
fn problem(kind: &'static str, title: &'static str) -> Problem {
    Problem { kind, title, members: Vec::new() }
}

/// 400: lengths that do not agree.
fn inconsistent_length(why: &'static str) -> Error {
    let kind = "https://iana.org/assignments/http-problem-types#inconsistent-upload-length";
    Error::invalid(why).with_problem(problem(kind, "inconsistent length values for upload"))
}

/// An append to an upload that is complete.
fn completed(kind: Kind) -> Error {
    let uri = "https://iana.org/assignments/http-problem-types#completed-upload";
    Error::new(kind, "The upload is complete.").with_problem(problem(uri, "upload is already completed"))
}

/// 409: an append somewhere else than at the end.
fn mismatching_offset(expected: u64, provided: u64) -> Error {
    let kind = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset";
    let mut problem = problem(kind, "offset from request does not match offset of resource");
    problem.members = vec![("expected-offset", expected.into()), ("provided-offset", provided.into())];
    Error::new(Kind::Conflict, format!("The upload is at {expected}, not at {provided}."))
        .with_problem(problem)
        .with_header(OFFSET, expected.into())
}
