//! HTML answers, and what a browser may do with them.
//!
//! Pages load nothing from another host and run no inline script; most run none at all. The one stylesheet is small
//! enough to travel inside the page, so that an error looks the same wherever it comes from; the policy names it by
//! its hash. The pages themselves are in [`crate::pages`].

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::body::{self, Body};

/// What the frame of every page has in its only `<style>`, to the byte.
pub(crate) const STYLE: &str = include_str!("style.css");

/// What a page may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Be read: no script at all.
    Strict,
    /// Run scripts of this host, by their URLs.
    Scripts,
    /// The same, and show pictures that the reader has chosen and not yet sent.
    Previews,
    /// Run scripts, and play sound of this host.
    Sound,
}

/// A whole page as a response.
pub fn html(status: StatusCode, policy: Policy, page: String) -> Response<Body> {
    let mut response = Response::new(body::full(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // An address here may be a permission: no other host is told of it.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::try_from(policy.text()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

impl Policy {
    fn text(self) -> String {
        static HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));
        let (previews, more) = match self {
            Self::Strict => ("", ""),
            Self::Scripts => ("", "; script-src 'self'"),
            Self::Previews => (" blob:", "; script-src 'self'"),
            Self::Sound => ("", "; script-src 'self'; media-src 'self'"),
        };
        format!(
            "default-src 'none'; style-src 'sha256-{}'; img-src 'self'{previews}; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'{more}",
            *HASH
        )
    }
}
