//! The page behind a picture's `delete_url`: asks, then deletes.

use askama::Template;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::texts::Gallery;
use super::visit::Visit;
use crate::app::App;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};
use crate::images;

/// `GET /images/{name}/delete?token=` asks, `POST` deletes. A link that is only followed deletes nothing.
pub const DELETE: Endpoint = Endpoint {
    name: "image-delete-page",
    methods: &[Verb::Get, Verb::Post],
    paths: &["/images/{name}/delete"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(delete(app, request)),
};

#[derive(Template)]
#[template(path = "delete.html")]
struct Page {
    visit: Visit,
    gallery: &'static Gallery,
    title: &'static str,
    /// What is to be deleted; nothing once it is.
    picture: Option<Picture>,
}

struct Picture {
    name: String,
    /// Percent-encoded.
    token: String,
}

async fn delete(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let (name, token) = (request.param("name"), request.query("token").unwrap_or_default());
    let gallery = &visit.texts.gallery;
    let page = if request.method == Method::POST {
        images::use_token(app, name, &token).await?;
        Page { gallery, title: visit.texts.upload.deleted, picture: None, visit }
    } else {
        images::look_for(&app.storage()?.main, name).await?;
        let token = utf8_percent_encode(&token, NON_ALPHANUMERIC).to_string();
        Page { gallery, title: gallery.really, picture: Some(Picture { name: name.to_owned(), token }), visit }
    };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Strict, &page)?))
}
