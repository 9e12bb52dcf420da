//! Files out of a request: a form with any number of them, or one as the body itself.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyDataStream;
use multer::{Constraints, Field, Multipart};
use percent_encoding::percent_decode_str;

use super::FILE_LIMIT;
use super::file::{bare_name, too_large};
use crate::error::{Error, Kind};
use crate::http::{Request, body, disposition, form};
use crate::memory::{Room, room};

/// The most files of one form.
pub(super) const FILES_LIMIT: usize = 20;

/// The most fields of one form.
const FIELDS_LIMIT: usize = 64;

/// A file, and the room that its bytes take.
pub(super) struct File {
    pub(super) name: String,
    /// 413 if it is too large.
    pub(super) bytes: Result<Bytes, Error>,
    _room: Room,
}

/// The files of a request, one after the other.
pub(super) enum Files {
    Form { fields: Multipart<'static>, seen: usize },
    Raw(Option<Box<Request>>),
}

impl Files {
    /// 400 if it is neither a form nor says what its body is called; 413 if it says that its one file is too large.
    pub(super) fn of(request: Request) -> Result<Self, Error> {
        let kind = request.header(CONTENT_TYPE).unwrap_or_default();
        if kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
            return Ok(Self::Form { fields: form::open(request, Constraints::new())?, seen: 0 });
        }
        let declared = request.header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if declared.is_some_and(|length| length > FILE_LIMIT) {
            return Err(too_large());
        }
        Ok(Self::Raw(Some(Box::new(request))))
    }

    /// The next file; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<File>, Error> {
        match self {
            Self::Raw(request) => match request.take() {
                Some(request) => raw(*request).await.map(Some),
                None => Ok(None),
            },
            Self::Form { fields, seen } => {
                while let Some(field) = fields.next_field().await.map_err(form::refusal)? {
                    *seen += 1;
                    if *seen > FIELDS_LIMIT {
                        return Err(Error::invalid("The form has too many fields."));
                    }
                    if let Some(file) = file(field).await? {
                        return Ok(Some(file));
                    }
                }
                Ok(None)
            }
        }
    }
}

async fn raw(request: Request) -> Result<File, Error> {
    let named = request.headers.get("filename").map(|value| decoded(value.as_bytes()));
    let disposed = || request.headers.get(CONTENT_DISPOSITION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let name = named.or_else(|| disposed().and_then(|value| disposition::file_name(&value)));
    let name = bare_name(&name.ok_or_else(|| Error::invalid("The file's name is missing: send it as Filename."))?)?;
    let room = room(FILE_LIMIT).await?;
    let mut frames = BodyDataStream::new(body::impatient(request.body, form::IDLE_LIMIT));
    let mut bytes = Gathered::default();
    while let Some(frame) = frames.try_next().await.map_err(body::refusal)? {
        bytes.take(&frame);
        if bytes.too_large {
            break;
        }
    }
    let bytes = bytes.finish();
    if matches!(&bytes, Ok(bytes) if bytes.is_empty()) {
        return Err(missing());
    }
    Ok(File { name, bytes, _room: room })
}

/// A field's file; `None` if it is none, or a picker in which nobody picked one. One that is too large is read past.
async fn file(mut field: Field<'_>) -> Result<Option<File>, Error> {
    let name = field.file_name().map(str::to_owned);
    let room = room(FILE_LIMIT).await?;
    let mut bytes = Gathered::default();
    while let Some(chunk) = field.chunk().await.map_err(form::refusal)? {
        bytes.take(&chunk);
        if bytes.too_large && name.is_none() {
            return Err(Error::invalid("A field of the form is too long."));
        }
    }
    let Some(name) = name else { return Ok(None) };
    let bytes = bytes.finish();
    if name.is_empty() && matches!(&bytes, Ok(bytes) if bytes.is_empty()) {
        return Ok(None);
    }
    Ok(Some(File { name: bare_name(&name)?, bytes, _room: room }))
}

/// The bytes of a file as long as it is not too large.
#[derive(Default)]
struct Gathered {
    bytes: BytesMut,
    too_large: bool,
}

impl Gathered {
    fn take(&mut self, chunk: &[u8]) {
        self.too_large |= (self.bytes.len() + chunk.len()) as u64 > FILE_LIMIT;
        if self.too_large {
            self.bytes.clear();
        } else {
            self.bytes.extend_from_slice(chunk);
        }
    }

    fn finish(self) -> Result<Bytes, Error> {
        if self.too_large { Err(too_large()) } else { Ok(self.bytes.freeze()) }
    }
}

/// 400: there is no file.
pub(super) fn missing() -> Error {
    Error::new(Kind::Invalid, "There is no file in the request.")
}

/// A header's text: as it is, or percent-encoded where it holds more than ASCII.
fn decoded(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    percent_decode_str(&text).decode_utf8().map_or_else(|_| text.to_string(), std::borrow::Cow::into_owned)
}
