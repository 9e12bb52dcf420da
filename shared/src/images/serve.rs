//! `GET /images/{name}`: the image, or a variant of it.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderName, HeaderValue, Method};

use super::image::format_of;
use super::pixels::Format;
use super::variant;
use crate::app::App;
use crate::error::Error;
use crate::http::range::{Answer, Representation};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};
use crate::storage::{Bucket, Fault, Fetch, ImageKey, Key};

/// An image by its name; `?w=` gives it in another width.
pub const SERVE: Endpoint = Endpoint {
    name: "image-download",
    methods: &[Verb::Get],
    paths: &["/images/{name}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(serve(app, request)),
};

/// An image is no page: nothing in it may run, load or be framed with our rights.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Headers by which a request asks for less than the whole.
const CONDITIONS: [HeaderName; 5] = [RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

async fn serve(app: &App, request: Request) -> Result<Reply, Error> {
    let name = request.param("name");
    let format = format_of(name).ok_or_else(missing)?;
    let bucket = &app.storage()?.main;
    let original = ImageKey::Published(name);
    let served = match request.query("w") {
        None => send(bucket, &request, original, format).await?,
        Some(width) => {
            let width = variant::width(&width)?;
            let key = ImageKey::Variant { name, width };
            match send(bucket, &request, key, format).await? {
                Some(sent) => Some(sent),
                None => match variant::make(bucket, name, width).await? {
                    None => None,
                    Some(true) => send(bucket, &request, key, format).await?,
                    Some(false) => send(bucket, &request, original, format).await?,
                },
            }
        }
    };
    served.ok_or_else(missing)
}

/// Sends an object, or the part of it that was asked for; `None` if there is none.
async fn send(bucket: &Bucket, request: &Request, key: ImageKey<'_>, format: Format) -> Result<Option<Reply>, Error> {
    let key = Key::Image(key);
    let plain = request.method == Method::GET && !CONDITIONS.iter().any(|name| request.headers.contains_key(name));
    let mut response = if plain {
        let fetched = match bucket.get(&key, Fetch::default()).await {
            Ok(fetched) => fetched,
            Err(error) if error.fault == Fault::Missing => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let whole = representation(fetched.etag, fetched.modified, fetched.length);
        whole.respond(Answer::Whole, |_| fetched.body)
    } else {
        let Some(head) = bucket.head(&key).await? else { return Ok(None) };
        let whole = representation(head.etag, head.modified, head.size);
        let answer = whole.answer(&request.method, &request.headers)?;
        let range = match &answer {
            Answer::Part(range) => Some(range.clone()),
            Answer::Whole | Answer::NotModified => None,
        };
        let content = if request.method == Method::HEAD || answer == Answer::NotModified {
            body::empty()
        } else {
            match bucket.get(&key, Fetch { range, if_match: Some(&whole.etag) }).await {
                Ok(fetched) => fetched.body,
                Err(error) if matches!(error.fault, Fault::Missing | Fault::Precondition) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        whole.respond(answer, |_| content)
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(variant::FOR_GOOD));
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(Some(Reply::Raw(response)))
}

fn representation(etag: String, modified: std::time::SystemTime, length: u64) -> Representation {
    Representation { etag, modified, length, ranges: true, dated: true }
}

fn missing() -> Error {
    Error::not_found("There is no such image.")
}
