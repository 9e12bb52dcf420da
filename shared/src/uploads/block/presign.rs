//! `GET /api/upload/files/presign`: a URL for a block that is too large for a function.
//!
//! The client puts the block straight into the store, to a place of its own under the task, and then says so: see
//! `commit`. What nobody says so of is deleted after a day.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::accept::{is_taken, over};
use super::input::{self, query_number};
use super::{CALL, named};
use crate::app::App;
use crate::auth;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Needs, Reply, Request, Verb};
use crate::random_name;
use crate::storage::Item;
use crate::uploads::PURPOSE;

/// The largest block that goes straight to the store, in bytes.
pub(super) const LIMIT: u64 = 1 << 30;

/// How long the URL may be used.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Gives a URL that takes one block straight to the store.
pub const PRESIGN: Endpoint = Endpoint {
    name: "upload-presign",
    methods: &[Verb::Get],
    paths: &["/api/upload/files/presign"],
    auth: Auth::Open,
    dialect: Dialect::RetCode,
    needs: Needs::Store,
    limits: CALL,
    handler: |app, request| Box::pin(presign(app, request)),
};

async fn presign(app: &App, request: Request) -> Result<Reply, Error> {
    let named = named(&request)?;
    let upload = super::open(app, named).await?;
    let bounds = (query_number(&request, "startByte")?, query_number(&request, "endByte")?);
    let range = input::range(bounds, upload.task.capacity())?;
    let length = range.end - range.start;
    if length > LIMIT {
        return Err(Error::invalid("A block has at most 1 GiB."));
    }
    let storage = app.storage()?;
    let endpoint = app.config.store_public_url.as_deref();
    if endpoint.is_none() && storage.in_process {
        return Err(Error::invalid("The store cannot be reached from outside: send the block to uploadUrl."));
    }
    let phase = upload.standing().await?.phase;
    if !is_taken(phase)? {
        return Err(over(phase));
    }
    let ticket = random_name();
    let url = storage.main.presign_put(&upload.key(Item::Incoming(&ticket)), length, LIFETIME, endpoint).await?;
    let key = auth::capability(&app.config, PURPOSE, &upload.id)?;
    let base = request.base_url(&app.config);
    let commit_url = format!("{base}/api/upload/files/presign?taskId={}&key={key}", upload.id);
    let data = json!({
        "url": url,
        "method": "PUT",
        "headers": { "Content-Length": length.to_string() },
        "ticket": ticket,
        "commitUrl": commit_url,
        "expiresIn": LIFETIME.as_secs(),
    });
    Ok(Reply::Json(StatusCode::OK, data))
}
