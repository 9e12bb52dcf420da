//! What a browser sees instead of an error envelope.

use askama::Template;
use http::{Response, StatusCode};

use super::visit::Visit;
use crate::error::Error;
use crate::http::Body;
use crate::http::page::{self, Policy};

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    visit: &'a Visit,
    status: u16,
    title: &'static str,
    hint: &'static str,
    /// As the server says it, in English.
    message: &'a str,
    request_id: &'a str,
}

/// The page of an error, in the reader's language.
pub(crate) fn error_page(visit: &Visit, error: &Error, request_id: &str) -> Response<Body> {
    let (status, (title, hint)) = (error.kind().status(), visit.texts.errors.of(error.kind()));
    let page = Page { visit, status: status.as_u16(), title, hint, message: error.message(), request_id };
    // Nothing in it can fail to render; if it did, there is nothing more to say.
    let plain = |_| page::html(StatusCode::INTERNAL_SERVER_ERROR, Policy::Strict, "<!doctype html>".to_owned());
    visit.page(status, Policy::Strict, &page).unwrap_or_else(plain)
}
