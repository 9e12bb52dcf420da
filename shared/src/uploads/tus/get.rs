//! `GET /files/{id}`: the finished file.

use super::concat::is_partial;
use super::metadata::Metadata;
use super::open;
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};
use crate::uploads::task::Origin;

/// Sends the file of a finished upload.
pub const DOWNLOAD: Endpoint = Endpoint {
    name: "tus-download",
    methods: &[Verb::Get],
    paths: &["/files/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(async move { get(app, request).await }),
};

pub(super) async fn get(app: &App, request: Request) -> Result<Reply, Error> {
    let upload = open(app, request.param("id")).await?;
    if is_partial(&upload) {
        return Err(Error::new(Kind::Forbidden, "The upload is a part of another and no file of its own."));
    }
    let sent = match &upload.task.origin {
        Origin::Tus { metadata: Some(sent), .. } => sent,
        _ => "",
    };
    let metadata = Metadata::parse(sent)?;
    upload.serve(app, (&request.method, &request.headers), metadata.file_name()).await
}
