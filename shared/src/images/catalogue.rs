//! `GET /api/images`: what was uploaded, newest first.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::image::{Image, urls};
use crate::app::App;
use crate::error::{BoxError, Error};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};
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

/// The most images on a page.
pub const PAGE_LIMIT: u16 = 100;

/// As many as are on a page if nobody asks for another number.
pub const PAGE: u16 = 24;

/// The longest cursor, in bytes.
const CURSOR_LIMIT: usize = 256;

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

/// The page that begins at a cursor, or the first one; `limit` is at most [`PAGE_LIMIT`].
///
/// # Errors
/// 400 if the cursor is none that was given out; 404 if the catalogue is switched off.
pub async fn page(app: &App, cursor: Option<&str>, limit: u16) -> Result<Page, Error> {
    if !app.config.image_catalogue {
        return Err(Error::not_found("The catalogue is switched off."));
    }
    let bucket = &app.storage()?.main;
    let before = cursor.map(parse_cursor).transpose()?;
    let all = Key::Image(ImageKey::Lines);
    let pages = match &before {
        Some(key) => bucket.list_after(&all, &Key::Listed(key)),
        None => bucket.list(&all),
    };
    let limit = limit.clamp(1, PAGE_LIMIT);
    // One more tells whether there is a next page.
    let listed = pages.of_at_most(limit + 1).next().await?.unwrap_or_default();
    let more = listed.len() > limit.into();
    let shown = &listed[..listed.len().min(limit.into())];
    let images = shown.iter().filter_map(|object| parse_line(&object.key)).map(Entry::from).collect();
    let next = shown.last().filter(|_| more).map(|last| cursor_after(&last.key));
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
        timestamp(self.uploaded).map_err(|cause| Error::internal("write a date", cause))
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
    let limit = match request.query("limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_LIMIT).contains(limit))
            .ok_or_else(|| Error::invalid("limit must be a number from 1 to 100."))?,
    };
    let cursor = request.query("cursor").filter(|cursor| !cursor.is_empty());
    let page = page(app, cursor.as_deref(), limit).await?;
    let base = request.base_url(&app.config);
    let images: Vec<Value> = page.images.iter().map(|entry| entry.json(&base)).collect::<Result<_, _>>()?;
    Ok(Reply::Json(StatusCode::OK, json!({ "images": images, "next": page.next })))
}

/// A cursor is the key of the last line that was shown, so that what is uploaded meanwhile moves nothing.
fn cursor_after(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn parse_cursor(cursor: &str) -> Result<String, Error> {
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= CURSOR_LIMIT);
    let key = decoded.and_then(|key| String::from_utf8(key).ok()).filter(|key| parse_line(key).is_some());
    key.ok_or_else(|| Error::invalid("cursor is none that was given out."))
}

fn timestamp(milliseconds: u64) -> Result<String, BoxError> {
    let time = OffsetDateTime::from(UNIX_EPOCH + Duration::from_millis(milliseconds));
    Ok(time.replace_millisecond(0)?.replace_nanosecond(0)?.format(&Rfc3339)?)
}
