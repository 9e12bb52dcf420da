//! HTML: the frame every page shares, and the error page.
//!
//! Pages load nothing from another host and run no inline script; most run none at all. The one stylesheet is small enough
//! to travel inside the page; the policy names it by its hash.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::body::{self, Body};

const STYLE: &str = include_str!("style.css");

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
});

/// Lets a page run scripts of this host, by their URLs.
const OWN_SCRIPTS: &str = "; script-src 'self'";

/// A whole page as a response, with the strict policy: no script at all.
pub fn html(status: StatusCode, page: &str) -> Response<Body> {
    html_under(&POLICY, status, page)
}

/// The same for a page that names scripts of this host.
pub fn html_with_scripts(status: StatusCode, page: &str) -> Response<Body> {
    html_under(&format!("{}{OWN_SCRIPTS}", *POLICY), status, page)
}

fn html_under(policy: &str, status: StatusCode, page: &str) -> Response<Body> {
    let mut response = Response::new(body::full(page.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The frame: `title` is text, `main` is HTML.
pub fn frame(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"/static/icon.svg\">\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<header><a href=\"/docs\">Pannier</a></header>\n<main>\n{main}\n</main>\n</body>\n</html>\n",
        title = escape(title),
    )
}

/// What a browser sees instead of an error envelope.
pub(super) fn error(status: StatusCode, message: &str, request_id: &str) -> String {
    let reason = status.canonical_reason().unwrap_or("Error");
    frame(
        reason,
        &format!(
            "<h1>{code} <small>{reason}</small></h1>\n<p>{message}</p>\n<p><a href=\"/\">Home</a></p>\n\
             <p class=\"quiet\">Request {request_id}</p>",
            code = status.as_u16(),
            message = escape(message),
            request_id = escape(request_id),
        ),
    )
}

/// Text made safe for HTML content and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
