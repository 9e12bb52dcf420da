//! `DELETE /files/{id}`: gives an upload up, or deletes its file.

use http::StatusCode;

use super::{answer, check_version, open};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// Ends an upload, complete or not, and deletes what there is of it.
pub const DELETE: Endpoint = Endpoint {
    name: "tus-delete",
    methods: &[Verb::Delete],
    paths: &["/files/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Tus,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(async move { delete(app, request).await }),
};

pub(super) async fn delete(app: &App, request: Request) -> Result<Reply, Error> {
    check_version(&request.headers)?;
    let upload = open(app, request.param("id")).await?;
    upload.terminate().await?;
    app.wake_workers();
    Ok(Reply::Raw(answer(StatusCode::NO_CONTENT)))
}
