//! The page that uploads files of any size by tus.
//!
//! Every word that a reader sees is in the page; `assets/files.js` says nothing of its own.

use askama::Template;
use http::StatusCode;

use super::static_files::Asset;
use super::texts::Files;
use super::visit::Visit;
use crate::app::App;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// `GET /files`: pick or drop files, pause, resume, cancel. Where they go is `/files/`, with POST.
pub const FILES_PAGE: Endpoint = Endpoint {
    name: "files-page",
    methods: &[Verb::Get],
    paths: &["/files"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, request| Box::pin(async move { files_page(app, &request) }),
};

/// How much the page sends with one request, in bytes: as much as may have to be sent again after a break.
const CHUNK: u64 = 8 * 1024 * 1024;

/// A chunk is a multiple of this, or at least this.
const CHUNK_STEP: u64 = 1024 * 1024;

#[derive(Template)]
#[template(path = "files.html")]
struct Page {
    visit: Visit,
    text: &'static Files,
    base: String,
    chunk: u64,
    license: String,
    tus: String,
    script: String,
}

fn files_page(app: &App, request: &Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let page = Page {
        text: &visit.texts.files,
        base: request.base_url(&app.config),
        chunk: chunk(app.config.request_limit),
        license: Asset::TusLicense.url(),
        tus: Asset::TusClient.url(),
        script: Asset::FilesScript.url(),
        visit,
    };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Scripts, &page)?))
}

/// What fits into a request.
fn chunk(request_limit: Option<u64>) -> u64 {
    let fits = request_limit.map_or(CHUNK, |limit| limit / CHUNK_STEP * CHUNK_STEP);
    fits.clamp(CHUNK_STEP, CHUNK)
}
