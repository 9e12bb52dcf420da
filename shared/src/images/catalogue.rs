//! `GET /api/images`: what was uploaded, newest first.

use http::StatusCode;
use serde_json::{Value, json};

use super::image::{Image, urls};
use crate::app::App;
use crate::clock;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, paging};
use crate::storage::image_key::{Line, parse_line};
use crate::storage::{ImageKey, Key};

/// The catalogue, a page at a time; 404 where it is switched off.
pub const LIST: Endpoint = Endpoint {
    name: "image-list",
    methods: &[Verb::Get],
    paths: &["/api/images"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(list(app, request)),
};

/// An image as the catalogue knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last segment of its address.
    pub name: String,
    /// Width as displayed, in pixels.
    pub width: u32,
    /// Height as displayed, in pixels.
    pub height: u32,
    /// Bytes.
    pub bytes: u64,
    /// When it was uploaded first: milliseconds since 1970.
    pub uploaded: u64,
}

/// Some of the catalogue.
#[derive(Clone, Debug)]
pub struct Page {
    /// The newest first.
    pub images: Vec<Entry>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<String>,
}

/// The page that begins at a cursor, or the first one; `limit` is at most [`paging::PAGE_LIMIT`].
///
/// # Errors
/// 400 if the cursor is none that was given out; 404 if the catalogue is switched off.
pub async fn page(app: &App, cursor: Option<&str>, limit: u16) -> Result<Page, Error> {
    if !app.config.image_catalogue {
        return Err(Error::not_found("The catalogue is switched off."));
    }
    let (bucket, all) = (&app.storage()?.main, Key::Image(ImageKey::Lines));
    let (lines, next) = paging::lines(bucket, &all, cursor, limit, |key| parse_line(key).is_some()).await?;
    let images = lines.iter().filter_map(|object| parse_line(&object.key)).map(Entry::from).collect();
    Ok(Page { images, next })
}

impl From<Line<'_>> for Entry {
    fn from(line: Line<'_>) -> Self {
        let Line { uploaded, name, width, height, bytes } = line;
        Self { name: name.to_owned(), width, height, bytes, uploaded }
    }
}

impl Entry {
    /// When it was uploaded first, as RFC 3339 has it.
    pub fn uploaded_at(&self) -> Result<String, Error> {
        clock::rfc3339(self.uploaded)
    }

    fn json(&self, base: &str) -> Result<Value, Error> {
        let (url, thumbnail_url) = urls(base, &self.name);
        Ok(json!({
            "name": self.name,
            "url": url,
            "thumbnail_url": thumbnail_url,
            "bytes": self.bytes,
            "width": self.width,
            "height": self.height,
            "uploaded_at": self.uploaded_at()?,
        }))
    }
}

impl From<&Image> for Entry {
    fn from(image: &Image) -> Self {
        image.line().into()
    }
}

async fn list(app: &App, request: Request) -> Result<Reply, Error> {
    let (cursor, limit) = paging::asked(&request)?;
    let page = page(app, cursor.as_deref(), limit).await?;
    let base = request.base_url(&app.config);
    let images: Vec<Value> = page.images.iter().map(|entry| entry.json(&base)).collect::<Result<_, _>>()?;
    Ok(Reply::Json(StatusCode::OK, json!({ "images": images, "next": page.next })))
}
