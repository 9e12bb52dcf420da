//! `OPTIONS` of everything under `/resumable/`: that uploads are taken, within which limits; and preflights.

use http::{HeaderName, HeaderValue};

use super::PARTIAL;
use super::limits::Allowed;
use crate::app::App;
use crate::endpoints::TABLE;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, allowed, cors};

/// RFC 5789, section 3.1
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Tells that uploads are taken.
pub const OPTIONS: Endpoint = Endpoint {
    name: "draft-options",
    methods: &[Verb::Options],
    paths: &["/resumable/", "/resumable", "/resumable/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, request| Box::pin(async move { Ok(options(app, &request)) }),
};

fn options(app: &App, request: &Request) -> Reply {
    let mut response = cors::preflight(&allowed(&TABLE, request.uri.path()), &request.headers);
    response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(PARTIAL));
    Allowed::any(app).tell(&mut response);
    Reply::Raw(response)
}
