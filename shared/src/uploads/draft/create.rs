//! `POST /resumable/`: begins an upload, with all of its bytes, some or none. A plain upload is one with all.

use std::time::SystemTime;

use http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::limits::Allowed;
use super::version::{Version, integer, is_spoken};
use super::{LENGTH, OFFSET, PARTIAL, append, inconsistent_length, tell};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::disposition::file_name;
use crate::http::{Auth, Body, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};
use crate::uploads::serve::is_media_type;
use crate::uploads::task::{Origin, Task, Upload};

/// Begins an upload.
pub const CREATE: Endpoint = Endpoint {
    name: "draft-create",
    methods: &[Verb::Post],
    paths: &["/resumable/", "/resumable"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::STREAM,
    handler: |app, request| Box::pin(create(app, request)),
};

async fn create(app: &App, mut request: Request) -> Result<Reply, Error> {
    let version = Version::of(&request.headers).unwrap_or(Version::CURRENT);
    let complete = version.completes(&request.headers);
    if complete == Some(false) && Version::of(&request.headers).is_none() && has_version(&request) {
        return Err(Error::invalid("Interop versions 3 to 8 are spoken here."));
    }
    let complete = complete.unwrap_or(true);
    let length = request.content_length();
    let task = task(app, &request, length.filter(|_| complete))?;
    Allowed::any(app).check(length)?;
    let body = std::mem::replace(&mut request.body, body::empty());
    let upload = Upload::begin(app.storage()?, task).await?;
    let location = format!("{}/resumable/{}", request.base_url(&app.config), upload.id);
    let location = HeaderValue::try_from(location).map_err(|cause| Error::internal("name an upload", cause))?;
    let spoken = is_spoken(&request.headers).then_some(version);
    // Whatever comes now, the upload is there, and the client is to find it.
    let begun = begin(app, spoken, &upload, body, complete).await;
    let mut response = begun.map_err(|error| error.with_header(LOCATION, location.clone()))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(Reply::Raw(response))
}

fn has_version(request: &Request) -> bool {
    request.headers.contains_key("upload-draft-interop-version")
}

/// What is agreed; `whole` is the length of the content if that is all of the file.
fn task(app: &App, request: &Request, whole: Option<u64>) -> Result<Task, Error> {
    if request.headers.contains_key(OFFSET) {
        return Err(Error::invalid("An upload begins without Upload-Offset."));
    }
    if request.header(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Error::new(Kind::UnsupportedMediaType, "Content codings are not taken."));
    }
    let told = integer(&request.headers, &LENGTH);
    if let (Some(told), Some(whole)) = (told, whole)
        && told != whole
    {
        return Err(inconsistent_length("Upload-Length and Content-Length differ."));
    }
    let name = request.header(CONTENT_DISPOSITION).and_then(file_name);
    let too_large = |_| Allowed::any(app).refuse("A file has at most 5 TiB.");
    let mut task = Task::new(told.or(whole), Origin::Draft { file_name: name }).map_err(too_large)?;
    let kind = request.header(CONTENT_TYPE).filter(|kind| is_media_type(kind) && *kind != PARTIAL);
    task.content_type = kind.map(str::to_owned);
    Ok(task)
}

async fn begin(
    app: &App,
    spoken: Option<Version>,
    upload: &Upload,
    body: Body,
    complete: bool,
) -> Result<Response<Body>, Error> {
    let version = spoken.unwrap_or(Version::CURRENT);
    let appended = append::store(app, upload, upload.first_turn().await?, body, complete).await?;
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::CREATED;
    if spoken.is_some() {
        tell(&mut response, version, complete, appended.offset);
        let active = (!complete).then(SystemTime::now);
        Allowed::of(app, version, upload, active).tell(&mut response);
    }
    Ok(response)
}
