//! The gallery: the catalogue to look at, a page at a time.

use askama::Template;
use http::StatusCode;

use super::static_files::Asset;
use super::texts::{Gallery, Texts};
use super::visit::Visit;
use crate::app::App;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, paging};
use crate::images::THUMBNAIL;
use crate::images::catalogue::{self, Entry};

/// `GET /images/`. In the table before the images themselves, which take any name, none too.
pub const GALLERY: Endpoint = Endpoint {
    name: "gallery-page",
    methods: &[Verb::Get],
    paths: &["/images/", "/images"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(gallery(app, request)),
};

#[derive(Template)]
#[template(path = "gallery.html")]
struct Page {
    visit: Visit,
    text: &'static Gallery,
    off: bool,
    /// Whether these are the newest.
    first: bool,
    images: Vec<Picture>,
    next: Option<String>,
    common: String,
    script: String,
}

struct Picture {
    name: String,
    url: String,
    alt: String,
    width: u32,
    height: u32,
    /// Width and height of its thumbnail.
    shown: (u32, u32),
    size: String,
    date: String,
    machine: String,
}

async fn gallery(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let cursor = request.query("cursor").filter(|cursor| !cursor.is_empty());
    let off = !app.config.image_catalogue;
    let listed = match off {
        true => catalogue::Page { images: Vec::new(), next: None },
        false => catalogue::page(app, cursor.as_deref(), paging::PAGE).await?,
    };
    let base = request.base_url(&app.config);
    let images = listed.images.iter().map(|entry| picture(visit.texts, &base, entry)).collect::<Result<_, _>>()?;
    let page = Page {
        text: &visit.texts.gallery,
        off,
        first: cursor.is_none(),
        images,
        next: listed.next,
        common: Asset::CommonScript.url(),
        script: Asset::GalleryScript.url(),
        visit,
    };
    let status = if off { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok(Reply::Raw(page.visit.page(status, Policy::Scripts, &page)?))
}

fn picture(texts: &Texts, base: &str, entry: &Entry) -> Result<Picture, Error> {
    let Entry { name, width, height, bytes, .. } = entry;
    let machine = entry.uploaded_at()?;
    Ok(Picture {
        url: format!("{base}/images/{name}"),
        name: name.clone(),
        alt: (texts.gallery.alt)(*width, *height),
        width: *width,
        height: *height,
        shown: shown(*width, *height),
        size: texts.units.bytes(*bytes),
        date: machine.chars().take_while(|char| *char != 'T').collect(),
        machine,
    })
}

/// The size of a thumbnail, which is never larger than its picture.
fn shown(width: u32, height: u32) -> (u32, u32) {
    let shown = width.clamp(1, THUMBNAIL);
    let scaled = u64::from(height) * u64::from(shown) / u64::from(width.max(1));
    (shown, u32::try_from(scaled).unwrap_or(u32::MAX).max(1))
}
