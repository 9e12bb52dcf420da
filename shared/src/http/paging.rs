//! A list that is handed out a page at a time: a listing of objects whose keys are its lines.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::request::Request;
use crate::error::Error;
use crate::storage::{Bucket, Key, Listed};

/// The most lines on a page.
pub const PAGE_LIMIT: u16 = 100;

/// As many as are on a page if nobody asks for another number.
pub const PAGE: u16 = 24;

/// The longest cursor, in bytes.
const CURSOR_LIMIT: usize = 512;

/// Which page is asked for, by `?cursor=` and `?limit=`.
///
/// # Errors
/// 400 if the limit is no number from 1 to [`PAGE_LIMIT`].
pub fn asked(request: &Request) -> Result<(Option<String>, u16), Error> {
    let limit = match request.query("limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_LIMIT).contains(limit))
            .ok_or_else(|| Error::invalid("limit must be a number from 1 to 100."))?,
    };
    Ok((request.query("cursor").filter(|cursor| !cursor.is_empty()), limit))
}

/// The lines below `all` from a cursor on, at most `limit` of them, and where the next page begins; `None` on the last one.
///
/// # Errors
/// 400 if the cursor is none that was given out: not the key of a line.
pub async fn lines(
    bucket: &Bucket,
    all: &Key<'_>,
    cursor: Option<&str>,
    limit: u16,
    is_line: impl Fn(&str) -> bool,
) -> Result<(Vec<Listed>, Option<String>), Error> {
    let before = cursor.map(|cursor| parse(cursor, is_line)).transpose()?;
    let pages = match &before {
        Some(key) => bucket.list_after(all, &Key::Listed(key)),
        None => bucket.list(all),
    };
    let limit = limit.clamp(1, PAGE_LIMIT);
    // One more tells whether there is a next page.
    let mut listed = pages.of_at_most(limit + 1).next().await?.unwrap_or_default();
    let more = listed.len() > limit.into();
    listed.truncate(limit.into());
    // The key of the last line that was shown, so that what is new meanwhile moves nothing.
    let next = listed.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(&last.key));
    Ok((listed, next))
}

fn parse(cursor: &str, is_line: impl Fn(&str) -> bool) -> Result<String, Error> {
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= CURSOR_LIMIT);
    let key = decoded.and_then(|key| String::from_utf8(key).ok()).filter(|key| is_line(key));
    key.ok_or_else(|| Error::invalid("cursor is none that was given out."))
}
