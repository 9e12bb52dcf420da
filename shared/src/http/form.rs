//! Forms that carry files: `multipart/form-data` (RFC 7578), as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::header::CONTENT_TYPE;
use http_body_util::BodyDataStream;
use multer::{Constraints, Field, Multipart};

use super::body;
use super::request::Request;
use crate::error::{BoxError, Error};

/// How long a client may send nothing.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// How much may come in several frames of which the parser hands out nothing, in bytes: the head of a field, and what
/// precedes the first one. The parser itself would gather any amount.
const HELD_LIMIT: u64 = 64 * 1024;

/// A form that is being read.
pub(crate) struct Form {
    parser: Multipart<'static>,
    held: Held,
}

/// One of its fields.
pub(crate) struct Part {
    field: Field<'static>,
    held: Held,
}

/// Bytes, and frames, that came since the parser handed anything out.
#[derive(Clone, Default)]
struct Held(Arc<(AtomicU64, AtomicU64)>);

impl Held {
    fn came(&self, bytes: usize) -> Result<(), BoxError> {
        let held = self.0.0.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let frames = self.0.1.fetch_add(1, Ordering::Relaxed) + 1;
        // A single frame of any size is in memory anyway.
        if frames > 1 && held > HELD_LIMIT { Err("the head of a field does not end".into()) } else { Ok(()) }
    }

    fn handed_out(&self) {
        self.0.0.store(0, Ordering::Relaxed);
        self.0.1.store(0, Ordering::Relaxed);
    }
}

impl Form {
    /// Begins to read the form that a request is; 400 if it is none.
    pub(crate) fn open(request: Request, constraints: Constraints) -> Result<Self, Error> {
        let kind = request.header(CONTENT_TYPE).unwrap_or_default();
        let boundary = multer::parse_boundary(kind)
            .map_err(|_| Error::invalid("The body must be multipart/form-data, with its boundary."))?;
        let held = Held::default();
        let watch = held.clone();
        // The turns it gives to others keep the parser from gathering a whole file before it hands out any of it.
        let frames = BodyDataStream::new(body::impatient(request.body, IDLE_LIMIT));
        let frames = frames.and_then(move |frame| std::future::ready(watch.came(frame.len()).map(|()| frame)));
        Ok(Self { parser: Multipart::with_constraints(frames, boundary, constraints), held })
    }

    /// The next field; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>, multer::Error> {
        let field = self.parser.next_field().await?;
        self.held.handed_out();
        Ok(field.map(|field| Part { field, held: self.held.clone() }))
    }
}

impl Part {
    pub(crate) fn name(&self) -> Option<&str> {
        self.field.name()
    }

    pub(crate) fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// Some more of its content; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, multer::Error> {
        let chunk = self.field.chunk().await?;
        self.held.handed_out();
        Ok(chunk)
    }

    /// All of it; the form's constraints bound it.
    pub(crate) async fn bytes(mut self) -> Result<Vec<u8>, multer::Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// What to answer when reading it failed.
pub(crate) fn refusal(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => body::refusal(cause),
        multer::Error::FieldSizeExceeded { .. } => Error::invalid("A field of the form is too long."),
        other => Error::invalid("The form is malformed or broken off.").caused_by(other),
    }
}
