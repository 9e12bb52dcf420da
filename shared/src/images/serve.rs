//! `GET /images/{name}`: the image, or a variant of it.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};

use super::image::{format_of, missing};
use super::pixels::Format;
use super::variant::{self, Made};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, detached, object};
use crate::storage::{Bucket, ImageKey, Key};

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
    let Some(mut response) = object::send(bucket, &Key::Image(key), asked).await? else { return Ok(None) };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(variant::FOR_GOOD));
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(Some(Reply::Raw(response)))
}
