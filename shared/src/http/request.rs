//! A request as a handler sees it: routed, identified, its body still a stream.

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;

use super::body::Body;
use crate::config::Config;

/// The header that carries a request's identifier, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest identifier taken over from a caller, in bytes.
const REQUEST_ID_LIMIT: usize = 128;

/// A routed request.
pub struct Request {
    /// The method; HEAD where the endpoint takes GET.
    pub method: Method,
    /// The target as it was sent.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which fails with 413's cause once it passes the endpoint's limit.
    pub body: Body,
    /// The path parameters, percent-decoded; a `{name...}` one as it was sent.
    pub params: Params,
    /// Identifies this request in the log and in the answer.
    pub id: RequestId,
    /// Who called, where the endpoint asks for an API key.
    pub caller: Option<String>,
}

/// The values of a path pattern's `{name}` parts, in order.
pub type Params = Vec<(&'static str, String)>;

impl Request {
    /// A path parameter of the endpoint's own pattern; empty if another of its patterns matched.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// The first query parameter of that name, decoded as a form (`+` is a space).
    pub fn query(&self, name: &str) -> Option<String> {
        form_value(self.uri.query()?, name)
    }

    /// A header as text; `None` if absent or not ASCII.
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the body is said to be, in bytes.
    pub fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// The base of absolute links, without a slash at its end: the configured one, else what the
    /// request says of itself.
    pub fn base_url(&self, config: &Config) -> String {
        if let Some(url) = &config.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let scheme = match self.header("x-forwarded-proto") {
            Some("https") => "https",
            _ => "http",
        };
        let host = self.header("x-forwarded-host").or_else(|| self.header(HOST)).unwrap_or("localhost");
        let sane = (1..=255).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
        format!("{scheme}://{}", if sane { host } else { "localhost" })
    }
}

/// The first value of that name in a form as it is sent (`application/x-www-form-urlencoded`).
pub(crate) fn form_value(form: &str, name: &str) -> Option<String> {
    form.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_form(key) == name).then(|| decode_form(value))
    })
}

fn decode_form(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Identifies one request: the caller's own `X-Request-Id` when it is sane, else 128 random bits.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let sane = |id: &&str| {
            (1..=REQUEST_ID_LIMIT).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:=+/".contains(&b))
        };
        match headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane) {
            Some(own) => Self(own.to_owned()),
            None => Self(crate::random_name()),
        }
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("-"))
    }
}
