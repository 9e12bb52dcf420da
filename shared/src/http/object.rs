//! An object of the store as a response: the whole, or what conditions and ranges leave of it.

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, HeaderName, Method, Response};

use super::body::{self, Body};
use super::range::{Answer, Representation};
use crate::error::Error;
use crate::storage::{Bucket, Fault, Fetch, Fetched, Head, Key, StoreError};

/// Headers by which a request asks for less than the whole.
const CONDITIONS: [HeaderName; 5] = [RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

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
