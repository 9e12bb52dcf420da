//! `GET /sharex.sxcu`: a custom uploader for ShareX (its documentation, "Custom uploader").

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::json;

use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};

/// The file that tells ShareX how to upload to this host.
pub const SHAREX: Endpoint = Endpoint {
    name: "sharex",
    methods: &[Verb::Get],
    paths: &["/sharex.sxcu"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, request| Box::pin(async move { sharex(app, &request) }),
};

fn sharex(app: &App, request: &Request) -> Result<Reply, Error> {
    let base = request.base_url(&app.config);
    let host = base.split_once("://").map_or("", |(_, host)| host);
    let uploader = json!({
        "Version": "14.1.0",
        "Name": format!("Pannier ({host})"),
        "DestinationType": "ImageUploader",
        "RequestMethod": "POST",
        "RequestURL": format!("{base}/api/upload"),
        "Body": "MultipartFormData",
        "FileFormName": "file",
        "URL": "{json:url}",
        "ThumbnailURL": "{json:thumbnail_url}",
        "DeletionURL": "{json:delete_url}",
        "ErrorMessage": "{json:detail}",
    });
    let mut response = Response::new(body::full(format!("{uploader:#}\n")));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"pannier.sxcu\""));
    Ok(Reply::Raw(response))
}
