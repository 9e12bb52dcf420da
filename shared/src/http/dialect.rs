//! The five envelopes, side by side.
//!
//! Clients exist already for each job and each knows its own shape; the status is a real one in all of
//! them. A page is the dialect of a browser: it is chosen by the request, whatever the endpoint speaks.

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body};
use crate::error::{Error, Kind};
use crate::pages::{Visit, error_page};
use crate::uploads::tus;

/// With which a browser says that its window will show the answer (Fetch Metadata Request Headers, 2.2).
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// How an endpoint wraps its data and its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Bare JSON; errors are `application/problem+json` (RFC 9457).
    Plain,
    /// The same, and every error says that it speaks tus.
    Tus,
    /// `{"msg": "..."}` and named fields beside it: speech.
    Msg,
    /// `{"retCode": "0", "status": "...", "data": ...}`: block uploads.
    RetCode,
    /// `{"code": 200, "msg": "success", "data": ...}`, where code is the HTTP status: instances.
    CodeMsgData,
    /// An HTML page.
    Page,
}

impl Dialect {
    /// The dialect of an error for this request: a browser that asks for HTML gets a page, where it reads and where it
    /// sends a form; a script that sends something does not.
    pub(crate) fn for_error(self, method: &Method, headers: &HeaderMap) -> Self {
        let reads = method == Method::GET || method == Method::HEAD;
        let navigates = headers.get(FETCH_MODE).is_some_and(|mode| mode == "navigate");
        if (reads || navigates) && prefers_html(headers) { Self::Page } else { self }
    }

    /// Wraps a handler's data.
    pub(crate) fn success(self, status: StatusCode, data: Value) -> Response<Body> {
        let envelope = match self {
            Self::Plain | Self::Tus | Self::Page => data,
            Self::Msg => match data {
                Value::Object(fields) => Value::Object(fields),
                Value::Null => json!({ "msg": "OK" }),
                text => json!({ "msg": text }),
            },
            Self::RetCode => json!({ "retCode": "0", "status": "success", "data": data }),
            Self::CodeMsgData => json!({ "code": status.as_u16(), "msg": "success", "data": data }),
        };
        let mut response = json_response(status, "application/json", &envelope);
        if self == Self::CodeMsgData {
            // There are passwords in it.
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }

    /// Wraps an error. `request_id` lets a caller quote it; a page is in the language of `visit`.
    pub(crate) fn error(self, error: &Error, request_id: &str, visit: impl FnOnce() -> Visit) -> Response<Body> {
        let status = error.kind().status();
        let message = error.message();
        let mut response = match self {
            Self::Plain | Self::Tus => json_response(status, "application/problem+json", &problem(error, request_id)),
            Self::Msg => json_response(status, "application/json", &msg(error)),
            Self::RetCode => json_response(
                status,
                "application/json",
                &json!({ "retCode": error.code().unwrap_or_else(|| ret_code(error.kind())), "status": message, "data": null }),
            ),
            Self::CodeMsgData => json_response(
                status,
                "application/json",
                &json!({ "code": status.as_u16(), "msg": message, "data": null }),
            ),
            Self::Page => error_page(&visit(), error, request_id),
        };
        let headers = response.headers_mut();
        if self == Self::Tus {
            headers.insert(tus::RESUMABLE, tus::VERSION);
        }
        for (name, value) in error.headers() {
            headers.append(name.clone(), value.clone());
        }
        headers.append(VARY, HeaderValue::from_static("accept"));
        response
    }
}

/// RFC 9457. The type is `about:blank` where the status says it all.
fn problem(error: &Error, request_id: &str) -> Value {
    let status = error.kind().status();
    let mut problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": error.message(),
        "request_id": request_id,
    });
    if let Some(own) = error.problem() {
        problem["type"] = own.kind.into();
        problem["title"] = own.title.into();
        for (name, value) in &own.members {
            problem[*name] = value.clone();
        }
    }
    problem
}

/// The message, and beside it what the error has of its own.
fn msg(error: &Error) -> Value {
    let mut envelope = json!({ "msg": error.message() });
    for (name, value) in error.problem().into_iter().flat_map(|own| &own.members) {
        envelope[*name] = value.clone();
    }
    envelope
}

/// The block protocol's code for a kind, where a handler set none (contract 4.1).
fn ret_code(kind: Kind) -> &'static str {
    match kind {
        Kind::Unauthorized | Kind::Forbidden => "1",
        Kind::NotFound => "2",
        Kind::Unavailable | Kind::Timeout => "3",
        Kind::Conflict => "5",
        Kind::Invalid
        | Kind::MethodNotAllowed
        | Kind::TooLarge
        | Kind::UnsupportedMediaType
        | Kind::ChecksumMismatch
        | Kind::PreconditionFailed
        | Kind::TooManyRequests
        | Kind::TooSlow => "6",
        Kind::Unprocessable => "7",
        Kind::RangeNotSatisfiable => "8",
        Kind::Gone => "9",
        Kind::Internal => "20",
    }
}

/// Whether the caller would rather read HTML than JSON (RFC 9110, 12.5.1). A wildcard asks for neither.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    let html = weight(headers, "text/html");
    html > 0.0 && html >= weight(headers, "application/json").max(weight(headers, "application/problem+json"))
}

/// The weight that `Accept` gives to a media type by its name: 0 to 1, and 0 where it is not named.
fn weight(headers: &HeaderMap, name: &str) -> f32 {
    let listed =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let weights = listed.filter_map(|range| {
        let mut fields = range.split(';').map(str::trim);
        let named = fields.next().is_some_and(|kind| kind.eq_ignore_ascii_case(name));
        let weight = fields.find_map(|field| field.strip_prefix("q=").or_else(|| field.strip_prefix("Q=")));
        named.then(|| weight.and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0))
    });
    weights.fold(0.0, f32::max)
}

fn json_response(status: StatusCode, content_type: &'static str, value: &Value) -> Response<Body> {
    let mut response = Response::new(body::full(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
