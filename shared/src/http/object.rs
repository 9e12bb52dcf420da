//! An object of the store as a response: the whole, or what conditions and ranges leave of it.

use std::time::Duration;

use http::header::{CACHE_CONTROL, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LOCATION, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::body::{self, Body};
use super::range::{Answer, Representation};
use crate::app::App;
use crate::error::Error;
use crate::storage::{Bucket, Fault, Fetch, Fetched, Head, Key, Shown, StoreError};

/// Headers by which a request asks for less than the whole.
const CONDITIONS: [HeaderName; 5] = [RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

/// How long the URL of [`elsewhere`] may be used. Signed with a role's own credentials, it ends with these at the latest.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// 302 to where the store itself hands an object out: for what is too large to go through here.
pub(crate) async fn elsewhere(
    app: &App,
    bucket: &Bucket,
    key: &Key<'_>,
    shown: Shown<'_>,
) -> Result<Response<Body>, Error> {
    let url = bucket.presign_get(key, LIFETIME, app.config.store_public_url.as_deref(), shown).await?;
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(url).map_err(|cause| Error::internal("redirect", cause))?);
    // The URL ends, and what is here may change.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Sends an object; `None` if there is none. One that is replaced between the two questions of a range is none: under its
/// key another one is not expected. The caller adds the content type.
///
/// # Errors
/// 412 and 416, as the request's headers ask for.
pub(crate) async fn send(
    bucket: &Bucket,
    key: &Key<'_>,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Option<Response<Body>>, Error> {
    let conditional = CONDITIONS.iter().any(|name| headers.contains_key(name));
    match method {
        &Method::GET if !conditional => whole(bucket, key).await,
        _ => part(bucket, key, (method, headers)).await,
    }
}

/// With one question to the store.
async fn whole(bucket: &Bucket, key: &Key<'_>) -> Result<Option<Response<Body>>, Error> {
    let fetched = bucket.get(key, Fetch::default()).await.map(Some).or_else(none_if_missing)?;
    Ok(fetched.map(|Fetched { body, length, etag, modified, .. }| {
        let whole = Representation { etag, modified, length, ranges: true, dated: true };
        whole.respond(Answer::Whole, |_| body)
    }))
}

/// With two: what there is, and what of it.
async fn part(
    bucket: &Bucket,
    key: &Key<'_>,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Option<Response<Body>>, Error> {
    let Some(Head { size: length, etag, modified, .. }) = bucket.head(key).await? else { return Ok(None) };
    let whole = Representation { etag, modified, length, ranges: true, dated: true };
    let answer = whole.answer(method, headers)?;
    let range = match &answer {
        _ if method == Method::HEAD => return Ok(Some(whole.respond(answer, |_| body::empty()))),
        Answer::NotModified => return Ok(Some(whole.respond(answer, |_| body::empty()))),
        Answer::Part(range) => Some(range.clone()),
        Answer::Whole => None,
    };
    let fetch = Fetch { range, if_match: Some(&whole.etag) };
    let fetched = bucket.get(key, fetch).await.map(Some).or_else(none_if_missing)?;
    Ok(fetched.map(|fetched| whole.respond(answer, |_| fetched.body)))
}

/// One that is another now was deleted in between, or is just being replaced.
fn none_if_missing(error: StoreError) -> Result<Option<Fetched>, StoreError> {
    if matches!(error.fault, Fault::Missing | Fault::Precondition) { Ok(None) } else { Err(error) }
}
