//! `HEAD /resumable/{id}`: how far an upload has come.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response, StatusCode};

use super::limits::Allowed;
use super::version::{Version, is_spoken};
use super::{LENGTH, check_there, get, open, tell};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};

/// Tells the offset; of a complete upload, to whoever does not speak the draft, it is the head of the download too.
pub const HEAD: Endpoint = Endpoint {
    name: "draft-head",
    methods: &[Verb::Head],
    paths: &["/resumable/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(head(app, request)),
};

async fn head(app: &App, request: Request) -> Result<Reply, Error> {
    let version = Version::of(&request.headers).unwrap_or(Version::CURRENT);
    version.check_plain(&request.headers)?;
    let spoken = is_spoken(&request.headers);
    let upload = open(app, request.param("id")).await?;
    let (standing, offset) = upload.progress().await?;
    check_there(version, standing.phase)?;
    let over = !standing.phase.is_under_way();
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if over
        && !spoken
        && let Reply::Raw(download) = get::get(app, request).await?
    {
        response = download;
    }
    tell(&mut response, version, over, offset);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(size) = standing.size {
        headers.insert(LENGTH, size.into());
    }
    Allowed::of(app, version, &upload, (!over).then_some(standing.active)).tell(&mut response);
    Ok(Reply::Raw(response))
}
