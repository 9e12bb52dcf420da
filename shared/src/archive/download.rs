//! `GET /archive/{hash}/`: the ZIP itself.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use tracing::info;

use super::assemble::{self, Asked};
use super::from_store::FromStore;
use super::plan::plan;
use super::send::send;
use super::{folder, missing, names};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Needs, Reply, Request, Verb, body};

/// Sends the archive of a folder.
pub const DOWNLOAD: Endpoint = Endpoint {
    name: "archive-download",
    methods: &[Verb::Get],
    paths: &["/archive/{hash}/", "/archive/{hash}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: super::PLANNING,
    handler: |app, request| Box::pin(download(app, request)),
};

async fn download(app: &App, request: Request) -> Result<Reply, Error> {
    let folder = folder(request.param("hash"))?;
    if !request.uri.path().ends_with('/') {
        return with_slash(&request);
    }
    let storage = app.storage()?;
    let mut plan = Arc::new(plan(storage, &app.config.archive_prefix, folder).await?.ok_or_else(missing)?);
    let name = request.query("name").unwrap_or_else(|| folder.to_owned());
    let asked = Asked { method: &request.method, headers: &request.headers, name: &name };
    if let Some(response) = assemble::answer(app, asked, &mut plan).await? {
        info!(request = request.id.as_str(), folder, bytes = plan.layout.total(), "archive handed out by the store");
        return Ok(Reply::Raw(response));
    }
    let representation = plan.representation();
    let answer = representation.answer(&request.method, &request.headers)?;
    info!(
        request = request.id.as_str(),
        folder,
        entries = plan.entries.len(),
        bytes = representation.length,
        ranges = representation.ranges,
        "archive planned"
    );
    let contents = FromStore::new(storage, folder);
    let delay = Duration::from_secs(app.config.delay_seconds.into());
    let mut response = representation.respond(answer, |range| body::stream(send(plan, contents, range, delay)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    if let Ok(disposition) = HeaderValue::try_from(names::disposition(&name)) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(Reply::Raw(response))
}

/// 308 to the path with the slash; relative, so that it is right behind any proxy.
fn with_slash(request: &Request) -> Result<Reply, Error> {
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("{}/{query}", request.uri.path());
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let location = HeaderValue::try_from(target).map_err(|cause| Error::internal("redirect", cause))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(Reply::Raw(response))
}
