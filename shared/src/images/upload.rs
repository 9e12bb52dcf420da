//! `POST /api/upload`: one or several images, as a form or as the body.

use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::answer::describe;
use super::receive::{FILES_LIMIT, File, Files, missing};
use super::{Published, file};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, detached};
use crate::log::{self, Outcome};

/// Publishes images. The first one that is taken is the answer; of several, all are in its `uploads`.
pub const UPLOAD: Endpoint = Endpoint {
    name: "image-upload",
    methods: &[Verb::Post],
    paths: &["/api/upload", "/api/upload/"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    // The body has limits of its own, which are told in the words of this job.
    limits: Limits { body: u64::MAX, time: TIME_LIMIT },
    handler: |app, request| Box::pin(upload(app, request)),
};

/// The longest time for one request: a slow line, and twenty pictures.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// What became of one file of a request.
#[derive(Debug)]
pub struct Taken {
    /// As its sender called it.
    pub file_name: String,
    /// The image, or why there is none.
    pub outcome: Result<Published, Error>,
}

/// Publishes every file of a request, each by itself; at least one comes back.
///
/// # Errors
/// 400 if there is no file, or if the request is malformed.
pub async fn receive_all(app: &App, request: Request) -> Result<Vec<Taken>, Error> {
    let bucket = app.storage()?.main.clone();
    let (mut files, mut all) = (Files::of(request).inspect_err(refused)?, Vec::new());
    loop {
        let next = match files.next().await.inspect_err(refused) {
            Ok(Some(_)) if all.len() == FILES_LIMIT => Err(Error::invalid("A form has at most 20 files.")),
            next => next,
        };
        let file = match next {
            Ok(Some(file)) => file,
            Ok(None) => break,
            Err(error) if all.is_empty() => return Err(error),
            // What was taken stays taken, and its sender has to learn the tokens.
            Err(error) => {
                all.push(Taken { file_name: String::new(), outcome: Err(error) });
                break;
            }
        };
        let bucket = bucket.clone();
        let taken = detached("publish an image", async move {
            // The room goes with the bytes, not with whoever waits for the answer.
            let File { name, bytes, room } = file;
            let outcome = file::take(&bucket, &name, bytes).await;
            drop(room);
            Ok(Taken { file_name: name, outcome })
        });
        all.push(taken.await?);
    }
    if all.is_empty() { Err(missing()).inspect_err(refused) } else { Ok(all) }
}

/// The line of the action log for a request in which no file could be told from others.
fn refused(error: &Error) {
    log::action(Outcome::Error, &format!("no image taken: {}", error.message()));
}

async fn upload(app: &App, request: Request) -> Result<Reply, Error> {
    let base = request.base_url(&app.config);
    let all = receive_all(app, request).await?;
    answer(&base, all)
}

fn answer(base: &str, all: Vec<Taken>) -> Result<Reply, Error> {
    let several = all.len() > 1;
    let Some(first) = all.iter().find_map(|taken| taken.outcome.as_ref().ok()) else {
        // There is at least one, and the first tells best what is wrong.
        return Err(all.into_iter().find_map(|taken| taken.outcome.err()).unwrap_or_else(missing));
    };
    let mut data = describe(base, first);
    if several {
        data["uploads"] = all.iter().map(|taken| part(base, taken)).collect();
    }
    created(&data)
}

/// 201 with the image's address.
pub(super) fn created(data: &Value) -> Result<Reply, Error> {
    let location = HeaderValue::try_from(data["url"].as_str().unwrap_or_default());
    let location = location.map_err(|cause| Error::internal("write an image's address", cause))?;
    let mut response = Dialect::Plain.success(StatusCode::CREATED, data.clone());
    response.headers_mut().insert(LOCATION, location);
    Ok(Reply::Raw(response))
}

/// One file of several.
fn part(base: &str, taken: &Taken) -> Value {
    let mut part = match &taken.outcome {
        Ok(published) => describe(base, published),
        Err(error) => json!({ "error": { "status": error.kind().status().as_u16(), "detail": error.message() } }),
    };
    part["file_name"] = taken.file_name.as_str().into();
    part
}
