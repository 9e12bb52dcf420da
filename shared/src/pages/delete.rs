//! The page behind a picture's `delete_url`: asks, then deletes.

use askama::Template;
use http::StatusCode;

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
    token: String,
}

async fn delete(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let picture = Picture { name: request.param("name").to_owned(), token: request.query("token").unwrap_or_default() };
    let gallery = &visit.texts.gallery;
    let page = if request.method == http::Method::POST {
        images::use_token(app, &picture.name, &picture.token).await?;
        Page { gallery, title: visit.texts.upload.deleted, picture: None, visit }
    } else {
        Page { gallery, title: gallery.really, picture: Some(picture), visit }
    };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Strict, &page)?))
}
