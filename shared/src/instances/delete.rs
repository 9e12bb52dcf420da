//! `DELETE /detail/{dockerId}`: an instance goes, with its data.

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant as Moment;

use super::drive::{Outcome, drive};
use super::record::{Name, State};
use super::{DETAIL, NOT_FOUND, WAIT, detail};
use crate::app::App;
use crate::error::Error;
use crate::http::{Endpoint, Reply, Request, Verb};

/// Deletes one of the caller's instances.
pub const DELETE: Endpoint = Endpoint {
    name: "instance-delete",
    methods: &[Verb::Delete],
    handler: |app, request| Box::pin(answer(app, request)),
    ..DETAIL
};

async fn answer(app: &App, mut request: Request) -> Result<Reply, Error> {
    let name = detail::named(&mut request)?;
    Ok(match delete(app, &name.owner, &name.id).await? {
        true => Reply::Json(StatusCode::OK, Value::Null),
        false => Reply::Json(StatusCode::ACCEPTED, json!({ "dockerId": name.id, "status": State::Deleting.word() })),
    })
}

/// Deletes one of a user's instances, and waits for it as long as a client may; whether it is gone.
///
/// # Errors
/// 404 as [`super::detail`]; 503 if the engine does not answer: the instance stays then, if it could not be asked at all.
pub async fn delete(app: &App, owner: &str, id: &str) -> Result<bool, Error> {
    let until = Moment::now() + WAIT;
    let name = Name { owner: owner.to_owned(), id: detail::checked(id)?.to_owned() };
    let bucket = &app.storage()?.main;
    name.read(bucket).await?.ok_or_else(|| Error::not_found(NOT_FOUND))?;
    app.instances.engine.ping().await?;
    name.change(bucket, |found| Some(found.to(State::Deleting))).await?;
    let gone = matches!(drive(app, &name, until).await?, Outcome::Gone);
    if !gone {
        app.wake_workers();
    }
    Ok(gone)
}
