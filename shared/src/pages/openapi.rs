//! The OpenAPI document: the one list of what the service offers.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// `GET /openapi.json`: OpenAPI 3.1.
pub const OPENAPI: Endpoint = Endpoint {
    name: "openapi",
    methods: &[Verb::Get],
    paths: &["/openapi.json"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, request| Box::pin(async move { openapi(app, &request) }),
};

fn openapi(app: &App, request: &Request) -> Result<Reply, Error> {
    let mut document = document()?;
    // A client made from the document talks to the host that it was fetched from.
    document["servers"] = json!([{ "url": request.base_url(&app.config) }]);
    Ok(Reply::Json(StatusCode::OK, document))
}

/// The document as it was written.
pub(super) fn document() -> Result<Value, Error> {
    serde_json::from_str(include_str!("openapi.json")).map_err(|cause| Error::internal("read openapi.json", cause))
}
