//! `GET /images/{name}`: the image, or a variant of it.

use std::time::{Duration, SystemTime};

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use super::image::{format_of, missing};
use super::pixels::Format;
use super::variant::{self, Made};
use crate::app::App;
use crate::error::Error;
use crate::http::range::{Answer, Representation};
use crate::http::{Auth, Body, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body, detached};
use crate::storage::{Bucket, Fault, Fetch, Fetched, ImageKey, Key, StoreError};

/// An image by its name; `?w=` gives it in another width.
pub const SERVE: Endpoint = Endpoint {
    name: "image-download",
    methods: &[Verb::Get],
    paths: &["/images/{name}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits { time: TIME_LIMIT, ..Limits::READ },
    handler: |app, request| Box::pin(serve(app, request)),
};

/// The longest time: a variant may have to wait for others to be made.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// An image is no page: nothing in it may run, load or be framed with our rights.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Headers by which a request asks for less than the whole.
const CONDITIONS: [HeaderName; 5] = [RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

async fn serve(app: &App, request: Request) -> Result<Reply, Error> {
    let name = request.param("name");
    let format = format_of(name).ok_or_else(missing)?;
    let bucket = &app.storage()?.main;
    let original = ImageKey::Published(name);
    let asked = (&request.method, &request.headers);
    let served = match request.query("w") {
        None => send(bucket, asked, original, format).await?,
        Some(width) => {
            let width = variant::width(&width)?;
            let key = ImageKey::Variant { name, width };
            match send(bucket, asked, key, format).await? {
                Some(sent) => Some(sent),
                None => match make(bucket, name, width).await? {
                    Made::Variant => send(bucket, asked, key, format).await?,
                    Made::AsItIs => send(bucket, asked, original, format).await?,
                    Made::Nothing => None,
                },
            }
        }
    };
    served.ok_or_else(missing)
}

/// What was begun is finished, whoever waits for it.
async fn make(bucket: &Bucket, name: &str, width: u32) -> Result<Made, Error> {
    let (bucket, name) = (bucket.clone(), name.to_owned());
    detached("make a variant", async move { variant::make(&bucket, &name, width).await }).await
}

/// Sends an object, or the part of it that was asked for; `None` if there is none.
async fn send(
    bucket: &Bucket,
    asked: (&Method, &HeaderMap),
    key: ImageKey<'_>,
    format: Format,
) -> Result<Option<Reply>, Error> {
    let key = Key::Image(key);
    let conditional = CONDITIONS.iter().any(|name| asked.1.contains_key(name));
    let response = match asked.0 {
        &Method::GET if !conditional => whole(bucket, &key).await,
        _ => part(bucket, asked, &key).await,
    };
    let Some(mut response) = response? else { return Ok(None) };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(variant::FOR_GOOD));
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(Some(Reply::Raw(response)))
}

/// With one question to the store.
async fn whole(bucket: &Bucket, key: &Key<'_>) -> Result<Option<Response<Body>>, Error> {
    Ok(bucket.get(key, Fetch::default()).await.map(Some).or_else(none_if_missing)?.map(|fetched| {
        let whole = representation(fetched.etag, fetched.modified, fetched.length);
        whole.respond(Answer::Whole, |_| fetched.body)
    }))
}

/// With two: what there is, and what of it.
async fn part(
    bucket: &Bucket,
    (method, headers): (&Method, &HeaderMap),
    key: &Key<'_>,
) -> Result<Option<Response<Body>>, Error> {
    let Some(head) = bucket.head(key).await? else { return Ok(None) };
    let whole = representation(head.etag, head.modified, head.size);
    let answer = whole.answer(method, headers)?;
    let range = match &answer {
        _ if method == Method::HEAD => return Ok(Some(whole.respond(answer, |_| body::empty()))),
        Answer::NotModified => return Ok(Some(whole.respond(answer, |_| body::empty()))),
        Answer::Part(range) => Some(range.clone()),
        Answer::Whole => None,
    };
    let fetched =
        bucket.get(key, Fetch { range, if_match: Some(&whole.etag) }).await.map(Some).or_else(none_if_missing)?;
    Ok(fetched.map(|fetched| whole.respond(answer, |_| fetched.body)))
}

/// An image is never replaced: one that is another now was deleted.
fn none_if_missing(error: StoreError) -> Result<Option<Fetched>, StoreError> {
    if matches!(error.fault, Fault::Missing | Fault::Precondition) { Ok(None) } else { Err(error) }
}

fn representation(etag: String, modified: SystemTime, length: u64) -> Representation {
    Representation { etag, modified, length, ranges: true, dated: true }
}
