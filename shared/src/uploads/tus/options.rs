//! `OPTIONS` of everything under `/files/`: what the server can do, and the answer to a browser's preflight.

use http::{HeaderName, HeaderValue, StatusCode};

use super::checksum::ALGORITHMS;
use super::{RESUMABLE, VERSION, VERSIONS};
use crate::endpoints::TABLE;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, allowed, cors};
use crate::uploads::task::SIZE_LIMIT;

const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");

/// What is there of tus beyond its core.
const EXTENSIONS: &str = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,\
                          concatenation,concatenation-unfinished";

/// Tells what the server can do.
pub const OPTIONS: Endpoint = Endpoint {
    name: "tus-options",
    methods: &[Verb::Options],
    paths: &["/files/", "/files", "/files/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Tus,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |_, request| Box::pin(async move { Ok(answer(&request)) }),
};

pub(super) fn answer(request: &Request) -> Reply {
    let mut response = cors::preflight(&allowed(&TABLE, request.uri.path()), &request.headers);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, VERSION);
    headers.insert(VERSIONS, VERSION);
    headers.insert(EXTENSION, HeaderValue::from_static(EXTENSIONS));
    headers.insert(MAX_SIZE, SIZE_LIMIT.into());
    headers.insert(CHECKSUM_ALGORITHM, HeaderValue::from_static(ALGORITHMS));
    Reply::Raw(response)
}
