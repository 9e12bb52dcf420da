//! `POST /api/images/confirm`: an image that was sent straight to the store is there.

use serde::Deserialize;

use super::answer::describe;
use super::file::{self, bare_name, too_large};
use super::upload::created;
use super::{CALL_LIMIT, FILE_LIMIT};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body, detached};
use crate::is_id;
use crate::memory::IMAGES;
use crate::storage::{Bucket, Fetch, ImageKey, Key};

/// Checks and publishes an image that was sent with a form of [`super::PRESIGN`].
pub const CONFIRM: Endpoint = Endpoint {
    name: "image-confirm",
    methods: &[Verb::Post],
    paths: &["/api/images/confirm"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits { body: CALL_LIMIT, ..Limits::READ },
    handler: |app, request| Box::pin(confirm(app, request)),
};

/// The longest ticket, in bytes.
const TICKET_LIMIT: usize = 64;

/// Which form was used: both come from its answer.
#[derive(Deserialize)]
struct Asked {
    ticket: String,
    filename: String,
}

async fn confirm(app: &App, request: Request) -> Result<Reply, Error> {
    let base = request.base_url(&app.config);
    let asked = body::collect(request.body, CALL_LIMIT).await?;
    let asked: Asked = serde_json::from_slice(&asked)
        .map_err(|cause| Error::invalid("The body must be {\"ticket\", \"filename\"}.").caused_by(cause))?;
    if !is_id(&asked.ticket, TICKET_LIMIT) {
        return Err(missing());
    }
    let bucket = app.storage()?.main.clone();
    let published = detached("publish an image", async move { publish(&bucket, &asked).await }).await?;
    created(&describe(&base, &published))
}

async fn publish(bucket: &Bucket, asked: &Asked) -> Result<super::Published, Error> {
    let file_name = bare_name(&asked.filename)?;
    let key = Key::Image(ImageKey::Incoming { nonce: &asked.ticket, file_name: &file_name });
    let head = bucket.head(&key).await?.ok_or_else(missing)?;
    let room = IMAGES.room(FILE_LIMIT).await?;
    let bytes = match head.size {
        0..=FILE_LIMIT => Ok(bucket.get_bytes(&key, Fetch { if_match: Some(&head.etag), ..Fetch::default() }).await?),
        _ => Err(too_large()),
    };
    let taken = file::take(bucket, &file_name, bytes).await;
    drop(room);
    // Refused or published, it has served its purpose; but not if the store failed.
    if taken.as_ref().err().is_none_or(|error| error.kind().status().is_client_error()) {
        bucket.delete(&key).await?;
    }
    taken
}

fn missing() -> Error {
    Error::not_found("There is no image for this ticket: send it to the store first.")
}
