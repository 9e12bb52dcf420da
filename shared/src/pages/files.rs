//! The page that uploads files of any size by tus.
//!
//! Everything that a reader sees is in `assets/files.html`; `assets/files.js` says nothing of its own.

use http::StatusCode;

use super::static_files::Asset;
use crate::app::App;
use crate::error::Error;
use crate::http::page::{self, escape};
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

fn files_page(app: &App, request: &Request) -> Result<Reply, Error> {
    let main = include_str!("assets/files.html")
        .replace("{base}", &escape(&request.base_url(&app.config)))
        .replace("{chunk}", &chunk(app.config.request_limit).to_string())
        .replace("{license}", &Asset::TusLicense.url())
        .replace("{tus}", &Asset::TusClient.url())
        .replace("{script}", &Asset::FilesScript.url());
    Ok(Reply::Raw(page::html_with_scripts(StatusCode::OK, &page::frame("Upload files", &main))))
}

/// What fits into a request.
fn chunk(request_limit: Option<u64>) -> u64 {
    let fits = request_limit.map_or(CHUNK, |limit| limit / CHUNK_STEP * CHUNK_STEP);
    fits.clamp(CHUNK_STEP, CHUNK)
}
