//! Forms that carry files: `multipart/form-data` (RFC 7578), as they come.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http_body_util::BodyDataStream;
use multer::{Constraints, Multipart};
use tokio::time::error::Elapsed;

use super::body;
use super::request::Request;
use crate::error::Error;

/// How long a client may send nothing.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Begins to read the form that a request is; 400 if it is none.
pub(crate) fn open(request: Request, constraints: Constraints) -> Result<Multipart<'static>, Error> {
    let kind = request.header(CONTENT_TYPE).unwrap_or_default();
    let boundary = multer::parse_boundary(kind)
        .map_err(|_| Error::invalid("The body must be multipart/form-data, with its boundary."))?;
    // The turns it gives to others keep the parser from gathering a whole file before it hands out any of it.
    let body = body::impatient(request.body, IDLE_LIMIT);
    Ok(Multipart::with_constraints(BodyDataStream::new(body), boundary, constraints))
}

/// What to answer when reading it failed.
pub(crate) fn refusal(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) if cause.is::<Elapsed>() => {
            Error::invalid("Nothing came for half a minute.").caused_by(cause)
        }
        multer::Error::StreamReadFailed(cause) => body::refusal(cause),
        multer::Error::FieldSizeExceeded { .. } => Error::invalid("A field of the form is too long."),
        other => Error::invalid("The form is malformed or broken off.").caused_by(other),
    }
}
