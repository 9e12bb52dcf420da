//! Whether the process answers at all.

use http::StatusCode;
use serde_json::json;

use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Verb};

/// `GET` and `POST /heart_beat`: 200, whatever the body is.
pub const HEART_BEAT: Endpoint = Endpoint {
    name: "heart-beat",
    methods: &[Verb::Get, Verb::Post],
    paths: &["/heart_beat"],
    auth: Auth::Open,
    dialect: Dialect::Msg,
    needs: Needs::Nothing,
    // The body is never read, so its length is nobody's concern.
    limits: Limits { body: u64::MAX, ..Limits::READ },
    handler: |_, _| Box::pin(async { Ok(Reply::Json(StatusCode::OK, json!({ "msg": "heart_beat" }))) }),
};
