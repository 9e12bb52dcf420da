//! `PATCH /files/{id}`: continues an upload.

use std::time::SystemTime;

use http::{Method, StatusCode};

use super::checksum::Expected;
use super::{
    CHECKSUM, CHUNK, LENGTH, OFFSET, answer, check_there, check_version, content_type, delete, expires, head, is_final,
    number, open, options, text,
};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Body, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};
use crate::uploads::append::{Appended, Content, Then, Turn};
use crate::uploads::standing::Standing;
use crate::uploads::task::Upload;

/// Continues an upload; a POST is what its `X-HTTP-Method-Override` says.
pub const PATCH: Endpoint = Endpoint {
    name: "tus-patch",
    methods: &[Verb::Patch, Verb::Post],
    paths: &["/files/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Tus,
    needs: Needs::Store,
    limits: Limits::STREAM,
    handler: |app, request| {
        Box::pin(async move {
            match overridden(&request)?.as_str() {
                "PATCH" => patch(app, request).await,
                "DELETE" => delete::delete(app, request).await,
                "HEAD" => head::head(app, request).await,
                "OPTIONS" => Ok(options::answer(&request)),
                _ => Err(Error::new(Kind::MethodNotAllowed, "This path does not take that method.")),
            }
        })
    },
};

/// The method that a request stands for.
pub(super) fn overridden(request: &Request) -> Result<Method, Error> {
    let name = request.headers.get("x-http-method-override").filter(|_| request.method == Method::POST);
    let Some(name) = name else { return Ok(request.method.clone()) };
    let upper = name.as_bytes().to_ascii_uppercase();
    Method::from_bytes(&upper).map_err(|cause| Error::invalid("X-HTTP-Method-Override is no method.").caused_by(cause))
}

/// Bytes that come with a request, and what is said of them.
pub(super) struct Chunk {
    body: Body,
    length: Option<u64>,
    checksum: Option<Expected>,
}

impl Chunk {
    /// The bytes of a request; 400 if `Upload-Checksum` is malformed.
    pub(super) fn of(request: &Request, body: Body) -> Result<Self, Error> {
        let length = request.content_length();
        let checksum = text(request, CHECKSUM)?.map(Expected::parse).transpose()?;
        Ok(Self { body, length, checksum })
    }

    /// 413 if it says that it reaches beyond the end.
    pub(super) fn check_length(&self, offset: u64, size: Option<u64>) -> Result<(), Error> {
        let end = self.length.map_or(Some(offset), |length| offset.checked_add(length));
        if size.is_some_and(|size| end.is_none_or(|end| end > size)) { Err(too_long()) } else { Ok(()) }
    }

    /// Appends it.
    pub(super) async fn append(self, upload: &Upload, turn: Turn) -> Result<Appended, Error> {
        let size = turn.standing.size;
        let appended = match self.checksum {
            Some(expected) => {
                // Of what is compared as a whole, nothing is to be too much.
                let left = size.unwrap_or_else(|| upload.task.capacity()) - turn.offset;
                let limited = http_body_util::Limited::new(self.body, usize::try_from(left).unwrap_or(usize::MAX));
                expected.append(upload, turn, (body::boxed(limited), self.length)).await?
            }
            None => upload.append(turn, Content::Stream(self.body), Then::Proceed).await?,
        };
        match appended.error {
            Some(error) if error.kind() == Kind::TooLarge => Err(too_long()),
            Some(error) => Err(error),
            None => Ok(appended),
        }
    }
}

fn too_long() -> Error {
    Error::new(Kind::TooLarge, "The bytes reach beyond the end of the upload.")
}

async fn patch(app: &App, mut request: Request) -> Result<Reply, Error> {
    check_version(&request.headers)?;
    if content_type(&request) != CHUNK {
        return Err(Error::new(Kind::UnsupportedMediaType, format!("Bytes of an upload must be {CHUNK}.")));
    }
    let asked = number(&request, OFFSET)?.ok_or_else(|| Error::invalid("Upload-Offset is missing."))?;
    let length = number(&request, LENGTH)?;
    let body = std::mem::replace(&mut request.body, body::empty());
    let chunk = Chunk::of(&request, body)?;
    let upload = open(app, request.param("id")).await?;
    let mut turn = upload.turn().await?;
    check_there(turn.standing.phase)?;
    if is_final(&upload) {
        return Err(Error::new(Kind::Forbidden, "An upload that joins others has no bytes of its own."));
    }
    let offset = turn.offset;
    if asked != offset {
        let error = Error::new(Kind::Conflict, format!("The upload is at {offset}, not at {asked}."));
        return Err(error.with_header(OFFSET, offset.into()));
    }
    turn.standing = declare(&upload, turn.standing, offset, length).await?;
    chunk.check_length(offset, turn.standing.size)?;
    let appended = chunk.append(&upload, turn).await?;
    if !appended.phase.is_under_way() {
        app.wake_workers();
    }
    let mut response = answer(StatusCode::NO_CONTENT);
    response.headers_mut().insert(OFFSET, appended.offset.into());
    expires(app, appended.phase, SystemTime::now(), response.headers_mut());
    Ok(Reply::Raw(response))
}

/// Takes a length that was to follow.
async fn declare(upload: &Upload, standing: Standing, offset: u64, length: Option<u64>) -> Result<Standing, Error> {
    let Some(length) = length else { return Ok(standing) };
    if length < offset {
        return Err(Error::invalid("Upload-Length is less than what is there."));
    }
    if standing.size.is_some() {
        let same = standing.size == Some(length);
        return if same { Ok(standing) } else { Err(Error::invalid("The length of an upload does not change.")) };
    }
    upload.declare_size(length).await?;
    upload.standing().await
}
