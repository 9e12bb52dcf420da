//! `PATCH /resumable/{id}`: continues an upload, and completes it where the client says so.

use std::time::SystemTime;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::limits::Allowed;
use super::version::{Version, integer};
use super::{LENGTH, OFFSET, PARTIAL, check_there, completed, inconsistent_length, mismatching_offset, open, tell};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Body, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};
use crate::uploads::append::{Appended, Content, Then, Turn};
use crate::uploads::standing::Standing;
use crate::uploads::task::Upload;

/// Continues an upload.
pub const APPEND: Endpoint = Endpoint {
    name: "draft-append",
    methods: &[Verb::Patch],
    paths: &["/resumable/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::STREAM,
    handler: |app, request| Box::pin(append(app, request)),
};

async fn append(app: &App, mut request: Request) -> Result<Reply, Error> {
    let version = Version::of(&request.headers).unwrap_or(Version::CURRENT);
    if version.has_own_type() && request.header(CONTENT_TYPE) != Some(PARTIAL) {
        return Err(Error::new(Kind::UnsupportedMediaType, format!("Bytes of an upload must be {PARTIAL}.")));
    }
    let asked = integer(&request.headers, &OFFSET);
    let asked = asked.ok_or_else(|| Error::invalid("Upload-Offset must be there and a number of bytes."))?;
    let complete = version.completes(&request.headers).unwrap_or(false);
    let length = request.content_length();
    let told = integer(&request.headers, &LENGTH);
    let body = std::mem::replace(&mut request.body, body::empty());
    let upload = open(app, request.param("id")).await?;
    let mut turn = upload.turn().await?;
    let offset = turn.offset;
    check_there(version, turn.standing.phase)?;
    if !turn.standing.phase.is_under_way() {
        let empty = http_body::Body::is_end_stream(&body);
        return Err(after_the_end(version, empty));
    }
    if asked != offset {
        return Err(mismatching_offset(offset, asked));
    }
    Allowed::of(app, version, &upload, None).check(length)?;
    let end = length.map_or(Ok(None), |length: u64| offset.checked_add(length).map(Some).ok_or_else(too_long))?;
    turn.standing = agree(&upload, (turn.standing, offset), [told, end.filter(|_| complete)], end).await?;
    let appended = store(app, &upload, turn, body, complete).await?;
    let mut response = Response::new(body::empty());
    // The last one is answered as the creation would have been.
    *response.status_mut() = if version.is_late() && !complete { StatusCode::NO_CONTENT } else { StatusCode::CREATED };
    if complete {
        let location = format!("{}/resumable/{}", request.base_url(&app.config), upload.id);
        let location = HeaderValue::try_from(location).map_err(|cause| Error::internal("name an upload", cause))?;
        response.headers_mut().insert(LOCATION, location);
    }
    tell(&mut response, version, complete, appended.offset);
    Allowed::of(app, version, &upload, (!complete).then(SystemTime::now)).tell(&mut response);
    Ok(Reply::Raw(response))
}

/// Stores the bytes of a request, and ends the upload if they are its last.
pub(super) async fn store(
    app: &App,
    upload: &Upload,
    turn: Turn,
    body: Body,
    complete: bool,
) -> Result<Appended, Error> {
    let then = if complete { Then::End } else { Then::Wait };
    let allowed = Allowed::of(app, Version::CURRENT, upload, None);
    let room = turn.standing.size.unwrap_or_else(|| upload.task.capacity()).saturating_sub(turn.offset);
    let appended = upload.append(turn, Content::Stream(allowed.bound(body)), then).await?;
    match appended.error {
        Some(error) if error.kind() == Kind::TooLarge => Err(allowed.exceeded(room).unwrap_or_else(too_long)),
        Some(error) => Err(error),
        None if complete && appended.phase.is_under_way() => {
            // Unless its digest is still being made: then there is nothing left to send either.
            let (standing, offset) = upload.progress().await?;
            if standing.size == Some(offset) {
                app.wake_workers();
                return Ok(Appended { phase: standing.phase, offset, error: None });
            }
            Err(inconsistent_length("The upload is complete and has fewer bytes than were announced."))
        }
        None => {
            if !appended.phase.is_under_way() {
                app.wake_workers();
            }
            Ok(appended)
        }
    }
}

/// Holds the lengths that a request tells to each other and to what is known, and keeps a new one.
async fn agree(
    upload: &Upload,
    (standing, offset): (Standing, u64),
    told: [Option<u64>; 2],
    end: Option<u64>,
) -> Result<Standing, Error> {
    let mut size = standing.size;
    for told in told.into_iter().flatten() {
        if *size.get_or_insert(told) != told || told < offset {
            return Err(inconsistent_length("The length of an upload does not change."));
        }
    }
    if let (Some(size), Some(end)) = (size, end)
        && end > size
    {
        return Err(too_long());
    }
    match size {
        Some(size) if standing.size.is_none() => {
            upload.declare_size(size).await?;
            upload.standing().await
        }
        _ => Ok(standing),
    }
}

fn too_long() -> Error {
    inconsistent_length("The bytes reach beyond the length of the upload.")
}

/// What the versions say to an append to what is complete.
fn after_the_end(version: Version, empty: bool) -> Error {
    match (version.is_late(), empty) {
        (true, true) => completed(Kind::Gone),
        (true, false) => too_long(),
        (false, _) => completed(Kind::Invalid),
    }
}
