//! Cross-origin requests (Fetch standard, "CORS protocol"). The only cookie that is ever read chooses a language, so a
//! wildcard origin gives a page nothing that a plain client could not get.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::body::{self, Body};

/// Response headers that a script may read beyond the safelisted ones.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Retry-After, Tus-Checksum-Algorithm, \
     Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Complete, Upload-Concat, Upload-Defer-Length, \
     Upload-Draft-Interop-Version, Upload-Expires, Upload-Incomplete, Upload-Length, Upload-Limit, Upload-Metadata, \
     Upload-Offset, X-Request-Id",
);

/// How long a browser may remember a preflight, in seconds; Chromium's own ceiling.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Answers an OPTIONS request for a path that takes `allow`.
pub(crate) fn preflight(allow: &[&'static str], request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::try_from(allow.join(", ")) {
        headers.insert(ALLOW, methods.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// Marks a response readable for the origin that asked, if it is one of `allowed` (`*` is any).
pub(super) fn mark(allowed: &[String], origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    let any = allowed.iter().any(|entry| entry == "*");
    if !any {
        headers.append(VARY, HeaderValue::from_name(ORIGIN));
    }
    let Some(origin) = origin else { return };
    if any {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else if allowed.iter().any(|entry| entry.as_bytes() == origin.as_bytes()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    } else {
        return;
    }
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
