//! The page that uploads pictures, and the answer to its form where there is no script to send it.

use askama::Template;
use http::StatusCode;
use serde_json::Value;

use super::static_files::Asset;
use super::texts::{Gallery, Texts, Upload};
use super::visit::Visit;
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, prefers_html};
use crate::images::{self, FILE_LIMIT, Published, Taken};

/// `GET /upload`
pub const UPLOAD: Endpoint = Endpoint {
    name: "upload-page",
    methods: &[Verb::Get],
    paths: &["/upload"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, request| Box::pin(async move { upload(app, &request) }),
};

/// `POST /upload`: as [`images::UPLOAD`], and a page for whoever asks for one.
pub const UPLOAD_FORM: Endpoint = Endpoint {
    name: "upload-form",
    methods: &[Verb::Post],
    paths: &["/upload", "/upload/"],
    handler: |app, request| match prefers_html(&request.headers) {
        true => Box::pin(uploaded(app, request)),
        false => (images::UPLOAD.handler)(app, request),
    },
    ..images::UPLOAD
};

/// What a form has around a file, in bytes: generously.
const FORM_OVERHEAD: u64 = 64 * 1024;

#[derive(Template)]
#[template(path = "upload.html")]
struct Page {
    visit: Visit,
    text: &'static Upload,
    gallery: &'static Gallery,
    lead: String,
    limit: u64,
    /// What the server says of a file that it refuses, and what the page says.
    refusals: [(&'static str, String); 3],
    common: String,
    script: String,
}

#[derive(Template)]
#[template(path = "uploaded.html")]
struct Outcome {
    visit: Visit,
    text: &'static Upload,
    gallery: &'static Gallery,
    title: &'static str,
    refused: Vec<Refused>,
    published: Vec<Picture>,
}

/// A file that was not taken.
struct Refused {
    file_name: String,
    problem: String,
}

/// A picture that was.
struct Picture {
    file_name: String,
    path: String,
    alt: String,
    formats: [(&'static str, String); 4],
    delete: String,
    delete_url: String,
}

fn upload(app: &App, request: &Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let (texts, limit) = (visit.texts, limit(app));
    let page = Page {
        text: &texts.upload,
        gallery: &texts.gallery,
        lead: (texts.upload.lead)(&texts.units.mebibytes(limit)),
        limit,
        refusals: refusals(texts, limit),
        common: Asset::CommonScript.url(),
        script: Asset::UploadScript.url(),
        visit,
    };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Previews, &page)?))
}

/// The most that a file may have to fit into a request, in whole mebibytes.
fn limit(app: &App) -> u64 {
    let fits = app.config.request_limit.map_or(FILE_LIMIT, |limit| limit.saturating_sub(FORM_OVERHEAD));
    (fits.min(FILE_LIMIT) >> 20).max(1) << 20
}

/// The messages are those of the contract, section 2.
fn refusals(texts: &Texts, limit: u64) -> [(&'static str, String); 3] {
    let text = &texts.upload;
    [
        ("File type not allowed", text.wrong_type.to_owned()),
        ("This is not an image file", text.not_an_image.to_owned()),
        ("File too large", (text.too_large)(&texts.units.mebibytes(limit))),
    ]
}

async fn uploaded(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let (texts, base) = (visit.texts, request.base_url(&app.config));
    let all = match images::receive_all(app, request).await {
        // Of the request as a whole: the page says it as of a file without a name.
        Err(error) if error.kind().status().is_client_error() => {
            vec![Taken { file_name: String::new(), outcome: Err(error) }]
        }
        all => all?,
    };
    let (mut refused, mut published, mut status) = (Vec::new(), Vec::new(), StatusCode::CREATED);
    for Taken { file_name, outcome } in all {
        match outcome {
            Ok(one) => published.push(picture(texts, &base, file_name, &one)?),
            Err(error) => {
                if refused.is_empty() {
                    status = error.kind().status();
                }
                refused.push(Refused { file_name, problem: problem(texts, limit(app), &error) });
            }
        }
    }
    let status = if published.is_empty() { status } else { StatusCode::CREATED };
    let title = if published.is_empty() { texts.upload.failure } else { texts.upload.success };
    let page = Outcome { text: &texts.upload, gallery: &texts.gallery, title, refused, published, visit };
    Ok(Reply::Raw(page.visit.page(status, Policy::Strict, &page)?))
}

fn problem(texts: &Texts, limit: u64, error: &Error) -> String {
    let known = refusals(texts, limit).into_iter().find(|(message, _)| *message == error.message());
    let general = || match error.kind() {
        Kind::Internal => texts.upload.server.to_owned(),
        Kind::Unavailable | Kind::Timeout | Kind::TooSlow | Kind::TooManyRequests => texts.upload.busy.to_owned(),
        _ => error.message().to_owned(),
    };
    known.map_or_else(general, |(_, words)| words)
}

fn picture(texts: &Texts, base: &str, file_name: String, published: &Published) -> Result<Picture, Error> {
    let (told, image) = (images::describe(base, published), &published.image);
    let field = |name: &str| match &told[name] {
        Value::String(text) => Ok(text.clone()),
        _ => Err(Error::internal("describe an image", "a field is missing")),
    };
    let path = format!("/images/{}", image.name);
    Ok(Picture {
        file_name,
        alt: (texts.gallery.alt)(image.width, image.height),
        formats: [
            (texts.upload.format, field("url")?),
            ("HTML", field("html")?),
            ("Markdown", field("markdown")?),
            ("BBCode", field("bbcode")?),
        ],
        delete: format!("{path}/delete?token={}", published.token),
        delete_url: field("delete_url")?,
        path,
    })
}
