//! Events to requests. `lambda_http` reads the documents; the request is put together here, so that the door
//! sees the same target that the local server shows it: nothing normalised, no stage.
//!
//! | event | the path in it | the query in it |
//! |---|---|---|
//! | function URL | `rawPath`, as it was sent | `rawQueryString`, as it was sent |
//! | HTTP API, payload 2.0 | `rawPath`, **decoded**, after `/{stage}` unless that is `$default` | as it was sent |
//! | REST API | `path`, as it was sent, without the stage | decoded, by name |
//!
//! A decoded path is encoded again: whatever cannot stand in a path, and a `%` that starts no escape. (A name
//! that holds an escape in plain text, `100%25`, cannot be told from the other kind and stays as it is. And behind an
//! HTTP API an encoded slash is a slash: no name in a path of ours has one.)
//!
//! No answer names a stage: redirects begin with `/`, absolute links with `PUBLIC_URL` or the host. That is right behind
//! a CDN or a domain of one's own. Whoever calls an API at its own address, with a named stage, gets the right links
//! from a `PUBLIC_URL` that ends in the stage; redirects and pages then lead past it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use lambda_http::request::LambdaRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::runtime::Invocation;
use crate::error::BoxError;
use crate::http::{Body, X_REQUEST_ID, body};

/// Which answer the sender of an event understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// REST API: values of a header in a list.
    V1,
    /// HTTP API and function URL: values of a header joined, cookies apart.
    V2,
}

/// RFC 3986, "unreserved": what never needs an escape in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The request that an event carries. It gets the platform's identifier where its sender gave none.
pub(super) fn decode(invocation: &Invocation) -> Result<(Request<Body>, Shape), BoxError> {
    let (mut request, shape) = match serde_json::from_slice(&invocation.event)? {
        LambdaRequest::ApiGatewayV1(event) => (from_v1(event)?, Shape::V1),
        LambdaRequest::ApiGatewayV2(event) => (from_v2(event)?, Shape::V2),
        _ => return Err("an event of another kind".into()),
    };
    let id = HeaderValue::try_from(&invocation.id)?;
    request.headers_mut().entry(X_REQUEST_ID).or_insert(id);
    Ok((request, shape))
}

fn from_v1(event: ApiGatewayProxyRequest) -> Result<Request<Body>, BoxError> {
    let several = &event.multi_value_query_string_parameters;
    let query = if several.is_empty() { &event.query_string_parameters } else { several };
    let query: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    let headers = if event.multi_value_headers.is_empty() { event.headers } else { event.multi_value_headers };
    let path = event.path.unwrap_or_default();
    let body = decode_body(event.body, event.is_base64_encoded)?;
    build(event.http_method, &path, &query.join("&"), headers, event.request_context.domain_name, body)
}

fn from_v2(event: ApiGatewayV2httpRequest) -> Result<Request<Body>, BoxError> {
    let context = event.request_context;
    let path = event.raw_path.unwrap_or_default();
    let path = without_stage(&path, context.stage.as_deref());
    let mut headers = event.headers;
    if let Some(cookies) = event.cookies.filter(|cookies| !cookies.is_empty()) {
        headers.insert(COOKIE, HeaderValue::try_from(cookies.join("; "))?);
    }
    let query = event.raw_query_string.unwrap_or_default();
    let body = decode_body(event.body, event.is_base64_encoded)?;
    build(context.http.method, path, &query, headers, context.domain_name, body)
}

fn build(
    method: Method,
    path: &str,
    query: &str,
    headers: HeaderMap,
    domain: Option<String>,
    body: Bytes,
) -> Result<Request<Body>, BoxError> {
    let mut target = encode_path(path);
    if !query.is_empty() {
        target.push('?');
        target.push_str(query);
    }
    let length = body.len();
    let mut request = Request::builder().method(method).uri(target).body(body::full(body))?;
    *request.headers_mut() = headers;
    let headers = request.headers_mut();
    if let (false, Some(domain)) = (headers.contains_key(HOST), domain) {
        headers.insert(HOST, HeaderValue::try_from(domain)?);
    }
    // However the caller framed its body, it is here now, and this long.
    if headers.remove(TRANSFER_ENCODING).is_some() || length > 0 {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok(request)
}

fn decode_body(body: Option<String>, base64: bool) -> Result<Bytes, BoxError> {
    let body = body.unwrap_or_default();
    if base64 { Ok(STANDARD.decode(body)?.into()) } else { Ok(body.into()) }
}

fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let stage = stage.filter(|stage| *stage != "$default" && !stage.is_empty());
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path)
}

fn escaped(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, QUERY)
}

/// A path with everything escaped that cannot stand in one (RFC 3986, 3.3), always absolute.
fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    let bytes = path.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let escape = || bytes.get(index + 1..index + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let stands = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(byte) || *byte == b'%' && escape();
        if stands {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(percent_encoding::percent_encode_byte(*byte));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{encode_path, without_stage};

    #[test]
    fn decoded_paths_are_encoded_and_encoded_ones_kept() {
        assert_eq!(encode_path("/a b/é?#"), "/a%20b/%C3%A9%3F%23");
        assert_eq!(encode_path("/a%20b/..%2Fc/../d+e"), "/a%20b/..%2Fc/../d+e");
        assert_eq!(encode_path("/100%"), "/100%25");
        assert_eq!(encode_path("/100%2"), "/100%252");
        assert_eq!(encode_path(""), "/");
    }

    #[test]
    fn only_a_named_stage_is_taken_off() {
        assert_eq!(without_stage("/prod/a/", Some("prod")), "/a/");
        assert_eq!(without_stage("/prod", Some("prod")), "");
        assert_eq!(without_stage("/production/a", Some("prod")), "/production/a");
        assert_eq!(without_stage("/$default/a", Some("$default")), "/$default/a");
        assert_eq!(without_stage("/a", None), "/a");
    }
}
