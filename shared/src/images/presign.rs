//! `POST /api/images/presign`: a form with which an image goes straight to the store, for what is too large for a
//! function.
//!
//! The image lands in a place of its own, where nobody can fetch it, until its sender says that it is there: see
//! `confirm`. What nobody says so of is deleted after a day.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::file::{bare_name, check_name, too_large};
use super::pixels::Format;
use super::{CALL_LIMIT, FILE_LIMIT};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};
use crate::random_name;
use crate::storage::{ImageKey, Key, Posting};

/// How long the form may be used.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Gives a form that takes one image straight to the store.
pub const PRESIGN: Endpoint = Endpoint {
    name: "image-presign",
    methods: &[Verb::Post],
    paths: &["/api/images/presign"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits { body: CALL_LIMIT, ..Limits::READ },
    handler: |app, request| Box::pin(presign(app, request)),
};

/// What is asked for.
#[derive(Deserialize)]
struct Asked {
    filename: String,
    /// Its length.
    bytes: u64,
    /// Its media type; that of its extension if not told.
    #[serde(rename = "type")]
    media_type: Option<String>,
}

async fn presign(app: &App, request: Request) -> Result<Reply, Error> {
    let base = request.base_url(&app.config);
    let asked = body::collect(request.body, CALL_LIMIT).await?;
    let asked: Asked = serde_json::from_slice(&asked)
        .map_err(|cause| Error::invalid("The body must be {\"filename\", \"bytes\", \"type\"}.").caused_by(cause))?;
    let file_name = bare_name(&asked.filename)?;
    let format = check_name(&file_name)?;
    let media_type = asked.media_type.unwrap_or_else(|| format.media_type().to_owned());
    if !Format::ALL.iter().any(|format| format.media_type() == media_type) {
        return Err(Error::invalid("File type not allowed"));
    }
    if asked.bytes == 0 {
        return Err(Error::invalid("bytes must be the file's length."));
    }
    if asked.bytes > FILE_LIMIT {
        return Err(too_large());
    }
    let storage = app.storage()?;
    let endpoint = app.config.store_public_url.as_deref();
    if endpoint.is_none() && storage.in_process {
        return Err(Error::invalid("The store cannot be reached from outside: send the image to /api/upload."));
    }
    let nonce = random_name();
    let key = Key::Image(ImageKey::Incoming { nonce: &nonce, file_name: &file_name });
    let posting = Posting { content_type: &media_type, limit: asked.bytes, lifetime: LIFETIME };
    let form = storage.main.presign_post(&key, posting, endpoint).await?;
    let fields: Map<String, Value> =
        form.fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let data = json!({
        "url": form.url,
        "method": "POST",
        "fields": fields,
        "file_field": "file",
        "ticket": nonce,
        "filename": file_name,
        "confirm_url": format!("{base}/api/images/confirm"),
        "expires_in": LIFETIME.as_secs(),
    });
    Ok(Reply::Json(StatusCode::OK, data))
}
