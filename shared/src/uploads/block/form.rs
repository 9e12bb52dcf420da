//! A block as a form carries it: `multipart/form-data` (RFC 7578), its fields in any order.

use md5::{Digest as _, Md5};
use multer::{Constraints, SizeLimit};

use crate::error::{Error, Kind};
use crate::hex;
use crate::http::Request;
use crate::http::form::{self, Part};
use crate::uploads::rope::Rope;

/// The largest block that is taken in one request, in bytes.
pub(super) const FILE_LIMIT: u64 = 64 << 20;

/// What a form may have besides its file, in bytes.
pub(super) const FORM_LIMIT: u64 = 64 * 1024;

/// The longest value of any other field, in bytes.
const FIELD_LIMIT: u64 = 1024;

/// The most fields.
const FIELDS_LIMIT: usize = 16;

/// The fields of the form, as they were sent.
#[derive(Default)]
pub(super) struct Form {
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    pub(super) part_md5: Option<String>,
    pub(super) file: Option<File>,
}

/// The block's bytes.
#[derive(Default)]
pub(super) struct File {
    pub(super) bytes: Rope,
    /// In lower-case hex.
    pub(super) md5: String,
}

/// Reads a form to its end. Fields of other names are passed over.
///
/// # Errors
/// 400 if it is none, breaks off or stands still; 413 if the file is larger than [`FILE_LIMIT`].
pub(super) async fn read(request: Request) -> Result<Form, Error> {
    let limits = SizeLimit::new().per_field(FIELD_LIMIT).for_field("file", FILE_LIMIT);
    let mut fields = form::Form::open(request, Constraints::new().size_limit(limits))?;
    let (mut form, mut count) = (Form::default(), 0);
    while let Some(field) = fields.next().await.map_err(refusal)? {
        count += 1;
        if count > FIELDS_LIMIT {
            return Err(Error::invalid("The form has too many fields."));
        }
        form.take(field).await?;
    }
    Ok(form)
}

impl Form {
    async fn take(&mut self, field: Part) -> Result<(), Error> {
        let name = field.name().unwrap_or_default().to_owned();
        let twice = match &*name {
            "file" => self.file.replace(file(field).await?).is_some(),
            "startByte" => self.start.replace(text(field).await?).is_some(),
            "endByte" => self.end.replace(text(field).await?).is_some(),
            "partMd5" => self.part_md5.replace(text(field).await?).is_some(),
            _ => {
                text(field).await?;
                false
            }
        };
        if twice { Err(Error::invalid(format!("{name} is there twice."))) } else { Ok(()) }
    }
}

async fn file(mut field: Part) -> Result<File, Error> {
    let (mut bytes, mut md5) = (Rope::default(), Md5::new());
    while let Some(chunk) = field.chunk().await.map_err(refusal)? {
        md5.update(&chunk);
        bytes.push(chunk);
    }
    Ok(File { bytes, md5: hex(&md5.finalize()) })
}

async fn text(field: Part) -> Result<String, Error> {
    let bytes = field.bytes().await.map_err(refusal)?;
    String::from_utf8(bytes).map_err(|_| Error::invalid("A field of the form is not UTF-8."))
}

fn refusal(error: multer::Error) -> Error {
    match error {
        multer::Error::FieldSizeExceeded { field_name: Some(name), .. } if name == "file" => {
            Error::new(Kind::TooLarge, "A block has at most 64 MiB.")
        }
        other => form::refusal(other),
    }
}
