//! Cross-origin requests: which pages of which hosts may talk to the store from a browser.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use s3s::Body;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, POST, DELETE");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Content-Length, Content-Range, Accept-Ranges, Last-Modified, x-amz-request-id, x-amz-checksum-crc32, x-amz-checksum-type",
);
/// Seconds a browser may remember a preflight answer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// The origins that may; `*` is any.
pub(super) struct Cors {
    origins: Vec<String>,
}

impl Cors {
    pub(super) fn new(origins: Vec<String>) -> Self {
        Self { origins }
    }

    /// The answer to a preflight request, which carries no signature and no body.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let headers = request.headers();
        if request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = Response::new(Body::empty());
        match self.allowed(headers) {
            None => *response.status_mut() = StatusCode::FORBIDDEN,
            Some(origin) => {
                *response.status_mut() = StatusCode::NO_CONTENT;
                let answer = response.headers_mut();
                answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
                if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                }
                allow(answer, origin);
            }
        }
        Some(response)
    }

    /// The origin to be named in the answer, when the request comes from one that may.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let is_allowed = |allowed: &String| allowed == "*" || allowed.as_bytes() == origin.as_bytes();
        self.origins.iter().any(is_allowed).then(|| origin.clone())
    }
}

/// Lets the page of that origin read the answer.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preflight(origin: &'static str) -> Response<Body> {
        let cors = Cors::new(vec!["https://a.example".into()]);
        let request = Request::options("/b/k").header(ORIGIN, origin).header(ACCESS_CONTROL_REQUEST_METHOD, "PUT");
        let request = request.header(ACCESS_CONTROL_REQUEST_HEADERS, "content-type").body(()).unwrap();
        cors.preflight(&request).unwrap()
    }

    #[test]
    fn a_preflight_is_answered_by_origin() {
        let allowed = preflight("https://a.example");
        assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
        let refused = preflight("https://a.example.evil");
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(!refused.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
