//! Files out of a request: a form with any number of them, or one as the body itself.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http_body_util::{BodyDataStream, BodyExt, Limited};
use multer::Constraints;
use percent_encoding::percent_decode_str;

use super::FILE_LIMIT;
use super::file::{bare_name, too_large};
use crate::error::{Error, Kind};
use crate::http::form::{self, Form, Part};
use crate::http::{Request, body, disposition};
use crate::memory::{IMAGES, Room};

/// The most files of one form.
pub(super) const FILES_LIMIT: usize = 20;

/// The most fields of one form.
const FIELDS_LIMIT: usize = 64;

/// The first bytes of a file take no room, so that a client has to send something before it takes any.
const UNCOUNTED: u64 = 64 * 1024;

/// The slowest that a file may come, in bytes a second, once it has had [`PATIENCE`].
const SLOWEST: u64 = 4 * 1024;

/// The same where others wait for the room that it takes.
const SLOWEST_OF_MANY: u64 = 64 * 1024;

/// See [`SLOWEST`].
const PATIENCE: Duration = Duration::from_secs(15);

/// The largest body, in bytes: as many files as a form may have, and what is around them.
const BODY_LIMIT: u64 = FILES_LIMIT as u64 * FILE_LIMIT + 1024 * 1024;

/// How much of a body is read on behind a file that is too large, in bytes, for the sake of those that follow.
const READ_ON_LIMIT: u64 = 16 * 1024 * 1024;

/// A file, and the room that its bytes take.
pub(super) struct File {
    pub(super) name: String,
    /// 413 if it is too large.
    pub(super) bytes: Result<Bytes, Error>,
    pub(super) room: Option<Room>,
}

/// The files of a request, one after the other.
pub(super) enum Files {
    Form {
        form: Form,
        fields: usize,
        /// Bytes that are still to come, if the request says so.
        left: Option<u64>,
    },
    Raw(Box<Request>),
    End,
}

impl Files {
    /// 400 if it says that it is a form, and is none; 413 if all of it is larger than can be taken.
    pub(super) fn of(mut request: Request) -> Result<Self, Error> {
        let declared = request.content_length();
        let kind = request.header(CONTENT_TYPE).unwrap_or_default();
        if !kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
            return Ok(Self::Raw(Box::new(request)));
        }
        if declared.is_some_and(|length| length > BODY_LIMIT) {
            return Err(too_large());
        }
        let limit = usize::try_from(BODY_LIMIT).unwrap_or(usize::MAX);
        request.body = Limited::new(request.body, limit).boxed_unsync();
        Ok(Self::Form { form: Form::open(request, Constraints::new())?, fields: 0, left: declared })
    }

    /// The next file; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<File>, Error> {
        match std::mem::replace(self, Self::End) {
            Self::End => Ok(None),
            Self::Raw(request) => raw(*request).await.map(Some),
            Self::Form { mut form, mut fields, mut left } => {
                while let Some(part) = form.next().await.map_err(refusal)? {
                    fields += 1;
                    if fields > FIELDS_LIMIT {
                        return Err(Error::invalid("The form has too many fields."));
                    }
                    match file(part, &mut left).await? {
                        Field::File(file) => {
                            *self = Self::Form { form, fields, left };
                            return Ok(Some(file));
                        }
                        // What follows is too far away.
                        Field::Last(file) => return Ok(Some(file)),
                        Field::Other => {}
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
    let declared = request.content_length();
    if declared.is_some_and(|length| length > FILE_LIMIT) {
        return Ok(File { name, bytes: Err(too_large()), room: None });
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
    Ok(File { name, bytes, room })
}

/// What a field of a form is.
enum Field {
    File(File),
    /// A file that is too large, and so much behind it that the rest is not read.
    Last(File),
    /// None, or a picker in which nobody picked one.
    Other,
}

async fn file(mut part: Part, left: &mut Option<u64>) -> Result<Field, Error> {
    let name = part.file_name().map(str::to_owned);
    let mut gathered = Gathered::default();
    while let Some(chunk) = part.chunk().await.map_err(refusal)? {
        *left = left.map(|left| left.saturating_sub(chunk.len() as u64));
        gathered.take(&chunk).await?;
        let Some(name) = name.as_deref().filter(|_| gathered.too_large) else {
            if gathered.too_large {
                return Err(Error::invalid("A field of the form is too long."));
            }
            continue;
        };
        if left.is_none_or(|left| left > READ_ON_LIMIT) {
            return Ok(Field::Last(File { name: bare_name(name)?, bytes: Err(too_large()), room: None }));
        }
    }
    let Some(name) = name else { return Ok(Field::Other) };
    let (bytes, room) = gathered.finish();
    if name.is_empty() && matches!(&bytes, Ok(bytes) if bytes.is_empty()) {
        return Ok(Field::Other);
    }
    Ok(Field::File(File { name: bare_name(&name)?, bytes, room }))
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
        let (taken, others) = (self.begun.elapsed(), self.room.is_some() && IMAGES.is_short_of(FILE_LIMIT));
        let slowest = if others { SLOWEST_OF_MANY } else { SLOWEST };
        if taken > PATIENCE && self.came < taken.as_secs() * slowest {
            return Err(Error::new(Kind::TooSlow, "The file comes too slowly."));
        }
        self.too_large |= self.came > FILE_LIMIT;
        if self.too_large {
            self.bytes.clear();
            self.room = None;
            return Ok(());
        }
        if self.room.is_none() && self.came > UNCOUNTED {
            // For all of it: whoever holds bytes must not wait for others that hold bytes and wait.
            let waits = Instant::now();
            self.room = Some(IMAGES.room(FILE_LIMIT).await?);
            self.begun += waits.elapsed();
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> (Result<Bytes, Error>, Option<Room>) {
        if self.too_large { (Err(too_large()), None) } else { (Ok(self.bytes.freeze()), self.room) }
    }
}

/// All of it is too large: so is a file in it, or that is what its sender is told.
fn refusal(error: multer::Error) -> Error {
    let refused = form::refusal(error);
    if refused.kind() == Kind::TooLarge { too_large() } else { refused }
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
