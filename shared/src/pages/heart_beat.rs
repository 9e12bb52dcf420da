//! `GET` and `POST /heart_beat`: the process is alive. Touches nothing else, so that it answers while
//! the store does not.

use http::StatusCode;
use serde_json::json;

use crate::app::App;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Outcome, Reply, Request, Verb};

/// `GET /heart_beat`, `POST /heart_beat`
pub const HEART_BEAT: Endpoint = Endpoint {
    name: "heart-beat",
    methods: &[Verb::Get, Verb::Post],
    paths: &["/heart_beat"],
    auth: Auth::Open,
    dialect: Dialect::Msg,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler,
};

fn handler(_: &App, _: Request) -> Outcome<'_> {
    Box::pin(async { Ok(Reply::Json(StatusCode::OK, json!({ "msg": "heart_beat" }))) })
}
