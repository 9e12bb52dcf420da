//! `DELETE /resumable/{id}`: gives an upload up, or deletes its file.

use http::{Response, StatusCode};

use super::open;
use super::version::Version;
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};

/// Ends an upload, complete or not, and deletes what there is of it.
pub const CANCEL: Endpoint = Endpoint {
    name: "draft-cancel",
    methods: &[Verb::Delete],
    paths: &["/resumable/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(cancel(app, request)),
};

async fn cancel(app: &App, request: Request) -> Result<Reply, Error> {
    let version = Version::of(&request.headers).unwrap_or(Version::CURRENT);
    version.check_plain(&request.headers)?;
    let upload = open(app, request.param("id")).await?;
    upload.terminate().await.map_err(|error| match error.kind() {
        Kind::Gone => Error::new(version.gone(), "The upload is over."),
        _ => error,
    })?;
    app.wake_workers();
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(Reply::Raw(response))
}
