//! Requests to events, as AWS documents them (Lambda developer guide, "Invoking Lambda function URLs"; API
//! Gateway developer guide, "Lambda proxy integrations" of HTTP and of REST APIs).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::{HeaderMap, Request};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::process::Mode;

/// The named stage of the API Gateway that the harness plays.
pub(super) const STAGE: &str = "prod";

/// The stage that has no name in paths. A function URL is always at it.
const NO_STAGE: &str = "$default";

/// Who sends an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An HTTP API with payload format 2.0 and its own stage. It cannot stream.
    HttpApiV2,
    /// The same with a named stage, which stands before the path.
    HttpApiV2Stage,
    /// A function URL.
    FunctionUrl,
    /// A REST API with a named stage, which treats every type as binary.
    RestV1,
}

impl Event {
    /// Everyone who can send an event to a function that answers in this mode.
    pub fn all(mode: Mode) -> &'static [Self] {
        match mode {
            Mode::Buffered => &[Self::HttpApiV2, Self::HttpApiV2Stage, Self::FunctionUrl, Self::RestV1],
            Mode::Streamed => &[Self::FunctionUrl, Self::RestV1],
        }
    }

    /// Whether answers can be streamed to it.
    pub fn streams(self) -> bool {
        Self::all(Mode::Streamed).contains(&self)
    }

    /// The event for a request. A relative target, or an absolute one, whose host goes into `Host`.
    pub fn of(self, request: &Request<Bytes>) -> Value {
        // One name for all doors, as a CDN before them gives it.
        let host = request.uri().host().unwrap_or("pannier.example.org").to_owned();
        match self {
            Self::RestV1 => rest(request, &host),
            // A function URL hands the path on as it came, an HTTP API decodes it and puts a named stage before it.
            Self::FunctionUrl => v2(request, &host, NO_STAGE, request.uri().path()),
            Self::HttpApiV2 => v2(request, &host, NO_STAGE, &decoded(request)),
            Self::HttpApiV2Stage => v2(request, &host, STAGE, &format!("/{STAGE}{}", decoded(request))),
        }
    }
}

fn decoded(request: &Request<Bytes>) -> String {
    percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned()
}

fn v2(request: &Request<Bytes>, host: &str, stage: &str, path: &str) -> Value {
    let headers = request.headers();
    let cookies: Vec<&str> = texts(headers, COOKIE.as_str()).flat_map(|line| line.split("; ")).collect();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.uri().query().unwrap_or(""),
        "headers": joined(headers, host),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": host,
            "domainPrefix": host.split('.').next(),
            "http": {
                "method": request.method().as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": texts(headers, USER_AGENT.as_str()).next().unwrap_or("tests"),
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": stage,
            "time": "12/Mar/2025:19:03:58 +0000",
            "timeEpoch": 1_741_806_238_000_u64,
        },
        "isBase64Encoded": false,
    });
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let pairs = query_pairs(request);
    if !pairs.is_empty() {
        let joined = pairs.iter().map(|(name, values)| (name.clone(), json!(strings(values).join(","))));
        event["queryStringParameters"] = Value::Object(joined.collect());
    }
    set_body(&mut event, request.body(), !is_text(headers));
    event
}

fn rest(request: &Request<Bytes>, host: &str) -> Value {
    let headers = request.headers();
    let path = request.uri().path();
    let mut several: Map<String, Value> = headers
        .keys()
        .map(|name| (name.to_string(), json!(texts(headers, name.as_str()).collect::<Vec<_>>())))
        .collect();
    for (name, value) in [("Host", host), ("X-Forwarded-Proto", "https")] {
        if !headers.contains_key(name) {
            several.insert(name.to_owned(), json!([value]));
        }
    }
    let pairs = query_pairs(request);
    let last = |map: &Map<String, Value>| -> Value {
        map.iter().map(|(name, values)| (name.clone(), json!(strings(values).last()))).collect()
    };
    let mut event = json!({
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": request.method().as_str(),
        "headers": last(&several),
        "multiValueHeaders": several,
        "queryStringParameters": if pairs.is_empty() { Value::Null } else { last(&pairs) },
        "multiValueQueryStringParameters": if pairs.is_empty() { Value::Null } else { json!(pairs) },
        "pathParameters": { "proxy": path.trim_start_matches('/') },
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": host,
            "httpMethod": request.method().as_str(),
            "identity": { "sourceIp": "192.0.2.1" },
            "path": format!("/{STAGE}{path}"),
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": 1_741_806_238_000_u64,
            "resourceId": "123456",
            "resourcePath": "/{proxy+}",
            "stage": STAGE,
        },
        "body": null,
        "isBase64Encoded": false,
    });
    set_body(&mut event, request.body(), true);
    event
}

fn set_body(event: &mut Value, body: &Bytes, base64: bool) {
    if body.is_empty() {
        return;
    }
    let text = if base64 { STANDARD.encode(body) } else { String::from_utf8_lossy(body).into_owned() };
    event["body"] = json!(text);
    event["isBase64Encoded"] = json!(base64);
}

/// Lower-case names, the values of one name joined: format 2.0 has cookies elsewhere.
fn joined(headers: &HeaderMap, host: &str) -> Value {
    let names = headers.keys().filter(|name| *name != COOKIE);
    let joined =
        names.map(|name| (name.to_string(), json!(texts(headers, name.as_str()).collect::<Vec<_>>().join(","))));
    let mut joined: Map<String, Value> = joined.collect();
    joined.entry(HOST.as_str()).or_insert(json!(host));
    joined.entry("x-forwarded-proto").or_insert(json!("https"));
    Value::Object(joined)
}

/// Decoded, by name.
fn query_pairs(request: &Request<Bytes>) -> Map<String, Value> {
    let mut pairs = Map::new();
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    for pair in request.uri().query().unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let values = pairs.entry(decode(name)).or_insert(json!([]));
        values.as_array_mut().expect("a list").push(json!(decode(value)));
    }
    pairs
}

fn strings(values: &Value) -> Vec<&str> {
    values.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn texts<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = texts(headers, CONTENT_TYPE.as_str()).next().unwrap_or("text/plain");
    let text = ["text/", "application/json", "application/javascript", "application/xml"];
    text.iter().any(|prefix| kind.starts_with(prefix))
}
