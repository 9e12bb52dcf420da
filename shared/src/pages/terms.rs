//! What may be uploaded, and on what terms.

use askama::Template;
use http::StatusCode;

use super::texts::Terms;
use super::visit::Visit;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// `GET /terms.html`
pub const TERMS: Endpoint = Endpoint {
    name: "terms-page",
    methods: &[Verb::Get],
    paths: &["/terms.html"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |_, request| Box::pin(async move { terms(&request) }),
};

#[derive(Template)]
#[template(path = "terms.html")]
struct Page {
    visit: Visit,
    text: &'static Terms,
}

fn terms(request: &Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let page = Page { text: &visit.texts.terms, visit };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Strict, &page)?))
}
