//! A finished upload, downloaded from where it was uploaded to.
//!
//! Anyone may have uploaded it: it is handed out for saving and never as a page of ours.

use std::ops::Range;

use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};

use super::finish::{Object, REQUEST_BUDGET};
use super::standing::{Phase, Verdict};
use super::task::Upload;
use crate::app::App;
use crate::archive::names;
use crate::error::{Error, Kind};
use crate::http::object::elsewhere;
use crate::http::range::{Answer, Representation};
use crate::http::{Body, Reply, body};
use crate::storage::{Fault, Fetch, Head, Key, Shown};

/// Allows what is opened all the same nothing: no script, no form, no origin.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");

/// What a file is whose type nobody told, or nobody may tell.
const BYTES: &str = "application/octet-stream";

/// The longest media type that is kept, in bytes.
const TYPE_LIMIT: usize = 255;

impl Upload {
    /// The file of a finished upload, or a range of it, to be saved under `name`: by the store itself where it is too large
    /// to go through here.
    ///
    /// # Errors
    /// 404 while it is not complete, 503 while it is being finished, 410 when it is gone.
    pub(super) async fn serve(
        &self,
        app: &App,
        (method, headers): (&Method, &HeaderMap),
        name: Option<&str>,
    ) -> Result<Reply, Error> {
        let object = self.object_to_serve().await?;
        let head = self.storage.main.head(&Key::Listed(&object.key)).await?;
        let head = head.filter(|head| head.etag == object.etag).ok_or_else(gone)?;
        let representation = Representation {
            etag: head.etag.clone(),
            modified: head.modified,
            length: head.size,
            ranges: true,
            dated: true,
        };
        let answer = representation.answer(method, headers)?;
        let disposition = names::attached(name.unwrap_or(&self.id), "file", "");
        let sent = match &answer {
            _ if method == Method::HEAD => 0..0,
            Answer::NotModified => 0..0,
            Answer::Whole => 0..head.size,
            Answer::Part(range) => range.clone(),
        };
        if app.config.download_redirect.is_some_and(|limit| sent.end - sent.start > limit) {
            // The client asks there for the same range, on the same condition.
            let kind = head.content_type.as_deref().unwrap_or(BYTES);
            let shown = Shown { content_type: kind, disposition: &disposition };
            let redirect = elsewhere(app, &self.storage.main, &Key::Listed(&object.key), shown).await?;
            return Ok(Reply::Raw(redirect));
        }
        let content = self.content(&object, sent).await?;
        let mut response = representation.respond(answer, |_| content);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type(&head));
        headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
        if let Ok(disposition) = HeaderValue::try_from(disposition) {
            headers.insert(CONTENT_DISPOSITION, disposition);
        }
        Ok(Reply::Raw(response))
    }

    async fn object_to_serve(&self) -> Result<Object, Error> {
        let mut standing = self.standing().await?;
        // Of an empty file nothing can be missing: tus-js-client (4.3) never says by the draft that one is complete.
        if !standing.phase.is_under_way() || !self.task.joins.is_empty() || standing.size == Some(0) {
            self.proceed(&mut standing, REQUEST_BUDGET).await?;
        }
        match standing.phase {
            Phase::Ended { verdict: Verdict::Complete, settled: true } => {}
            Phase::Ended { verdict: Verdict::Complete, settled: false } => {
                return Err(Error::unavailable("The upload is complete and is being put together."));
            }
            Phase::Open | Phase::Paused => {
                return Err(Error::not_found("The upload is not complete: there is no file yet."));
            }
            Phase::Ended { .. } | Phase::Gone => return Err(gone()),
        }
        self.done().await?.and_then(|done| done.object).ok_or_else(gone)
    }

    async fn content(&self, object: &Object, range: Range<u64>) -> Result<Body, Error> {
        if range.is_empty() {
            return Ok(body::empty());
        }
        let fetch = Fetch { range: Some(range), if_match: Some(&object.etag) };
        match self.storage.main.get(&Key::Listed(&object.key), fetch).await {
            Ok(fetched) => Ok(fetched.body),
            Err(error) if matches!(error.fault, Fault::Missing | Fault::Precondition) => Err(gone()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether it is a media type with nothing but plain parameters (RFC 9110, 8.3.1).
pub(super) fn is_media_type(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().and_then(|essence| essence.split_once('/'));
    let named = essence.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let plain = |value: &str| is_token(value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value));
    let parameters = parts.all(|part| part.split_once('=').is_some_and(|(name, value)| is_token(name) && plain(value)));
    text.len() <= TYPE_LIMIT && named && parameters
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn content_type(head: &Head) -> HeaderValue {
    head.content_type
        .as_deref()
        .and_then(|kind| HeaderValue::try_from(kind).ok())
        .unwrap_or(HeaderValue::from_static(BYTES))
}

fn gone() -> Error {
    Error::new(Kind::Gone, "The upload is gone.")
}

#[cfg(test)]
mod tests {
    use super::is_media_type;

    #[test]
    fn media_types_are_told_from_other_texts() {
        for text in ["text/plain", "text/plain; charset=utf-8", "image/svg+xml;a=\"b\"", "application/vnd.x-y.z"] {
            assert!(is_media_type(text), "{text}");
        }
        for text in ["", "text", "text/", "/x", "a b/c", "text/plain;", "text/plain; x", "text/plain\r\nx: y", "é/x"] {
            assert!(!is_media_type(text), "{text}");
        }
    }
}
