//! `GET /resumable/{id}`: the finished file.

use super::open;
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};
use crate::uploads::task::Origin;

/// Sends the file of a complete upload.
pub const DOWNLOAD: Endpoint = Endpoint {
    name: "draft-download",
    methods: &[Verb::Get],
    paths: &["/resumable/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(get(app, request)),
};

pub(super) async fn get(app: &App, request: Request) -> Result<Reply, Error> {
    let upload = open(app, request.param("id")).await?;
    let name = match &upload.task.origin {
        Origin::Draft { file_name } => file_name.as_deref(),
        _ => None,
    };
    upload.serve(app, (&request.method, &request.headers), name).await
}
