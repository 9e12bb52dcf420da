//! Files out of a request: a form with any number of them, or one as the body itself.

use std::time::{Duration, Instant};

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
use crate::memory::{IMAGES, Room};

/// The most files of one form.
pub(super) const FILES_LIMIT: usize = 20;

/// The most fields of one form.
const FIELDS_LIMIT: usize = 64;

/// The first bytes of a file take no room, so that a client has to send something before it takes any.
const UNCOUNTED: u64 = 64 * 1024;

/// The slowest that a file may come, in bytes a second, once it has had [`PATIENCE`]: who is slower keeps others waiting.
const SLOWEST: u64 = 8 * 1024;

/// See [`SLOWEST`].
const PATIENCE: Duration = Duration::from_secs(15);

/// A file, and the room that its bytes take.
pub(super) struct File {
    pub(super) name: String,
    /// 413 if it is too large.
    pub(super) bytes: Result<Bytes, Error>,
    _room: Option<Room>,
}

/// The files of a request, one after the other.
pub(super) enum Files {
    Form { fields: Multipart<'static>, seen: usize },
    Raw(Option<Box<Request>>),
}

impl Files {
    /// 400 if it says that it is a form, and is none.
    pub(super) fn of(request: Request) -> Result<Self, Error> {
        let kind = request.header(CONTENT_TYPE).unwrap_or_default();
        if kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
            return Ok(Self::Form { fields: form::open(request, Constraints::new())?, seen: 0 });
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
    let declared = request.header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| length > FILE_LIMIT) {
        return Ok(File { name, bytes: Err(too_large()), _room: None });
    }
    let mut frames = BodyDataStream::new(body::impatient(request.body, form::IDLE_LIMIT));
    let mut gathered = Gathered::default();
    while let Some(frame) = frames.try_next().await.map_err(body::refusal)? {
        gathered.take(&frame).await?;
        if gathered.too_large {
            break;
        }
    }
    let (bytes, room) = gathered.finish();
    if matches!(&bytes, Ok(bytes) if bytes.is_empty()) {
        return Err(missing());
    }
    Ok(File { name, bytes, _room: room })
}

/// A field's file; `None` if it is none, or a picker in which nobody picked one. One that is too large is read past.
async fn file(mut field: Field<'_>) -> Result<Option<File>, Error> {
    let name = field.file_name().map(str::to_owned);
    let mut gathered = Gathered::default();
    while let Some(chunk) = field.chunk().await.map_err(form::refusal)? {
        gathered.take(&chunk).await?;
        if gathered.too_large && name.is_none() {
            return Err(Error::invalid("A field of the form is too long."));
        }
    }
    let Some(name) = name else { return Ok(None) };
    let (bytes, room) = gathered.finish();
    if name.is_empty() && matches!(&bytes, Ok(bytes) if bytes.is_empty()) {
        return Ok(None);
    }
    Ok(Some(File { name: bare_name(&name)?, bytes, _room: room }))
}

/// The bytes of a file as long as it is not too large.
struct Gathered {
    bytes: BytesMut,
    too_large: bool,
    room: Option<Room>,
    begun: Instant,
    /// Bytes that came.
    came: u64,
}

impl Default for Gathered {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), too_large: false, room: None, begun: Instant::now(), came: 0 }
    }
}

impl Gathered {
    async fn take(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.came += chunk.len() as u64;
        let taken = self.begun.elapsed();
        if taken > PATIENCE && self.came < taken.as_secs() * SLOWEST {
            return Err(Error::new(Kind::Timeout, "The file comes too slowly."));
        }
        self.too_large |= self.came > FILE_LIMIT;
        if self.too_large {
            self.bytes.clear();
            self.room = None;
            return Ok(());
        }
        if self.room.is_none() && self.came > UNCOUNTED {
            // For all of it: whoever holds bytes must not wait for others that hold bytes and wait.
            self.room = Some(IMAGES.room(FILE_LIMIT).await?);
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> (Result<Bytes, Error>, Option<Room>) {
        if self.too_large { (Err(too_large()), None) } else { (Ok(self.bytes.freeze()), self.room) }
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
