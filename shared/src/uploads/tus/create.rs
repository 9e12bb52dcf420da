//! `POST /files/`: begins an upload, with its first bytes if they come along.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};

use super::concat::{Concat, total};
use super::metadata::Metadata;
use super::patch::{Chunk, overridden};
use super::{
    CHUNK, CONCAT, DEFER_LENGTH, LENGTH, METADATA, OFFSET, answer, check_version, content_type, expires, number,
    options, text,
};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Body, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};
use crate::storage::{Item, Put};
use crate::uploads::finish::REQUEST_BUDGET;
use crate::uploads::receive::IDLE_LIMIT;
use crate::uploads::task::{Origin, Task, Upload};

/// Begins an upload.
pub const CREATE: Endpoint = Endpoint {
    name: "tus-create",
    methods: &[Verb::Post],
    paths: &["/files/", "/files"],
    auth: Auth::Open,
    dialect: Dialect::Tus,
    needs: Needs::Store,
    limits: Limits::STREAM,
    handler: |app, request| {
        Box::pin(async move {
            match overridden(&request)?.as_str() {
                "POST" => create(app, request).await,
                "OPTIONS" => Ok(options::answer(&request)),
                _ => Err(Error::new(Kind::MethodNotAllowed, "This path does not take that method.")),
            }
        })
    },
};

async fn create(app: &App, mut request: Request) -> Result<Reply, Error> {
    check_version(&request.headers)?;
    let mut task = task(app, &request)?;
    if !task.joins.is_empty() {
        task.size = total(app, &task.joins).await?;
    }
    let chunk = first_chunk(&mut request, &task).await?;
    let upload = Upload::begin(app.storage()?, task).await?;
    let location = format!("{}/files/{}", request.base_url(&app.config), upload.id);
    let location = HeaderValue::try_from(location).map_err(|cause| Error::internal("name an upload", cause))?;
    // Whatever comes now, the upload is there, and the client is to find it.
    let mut response = match begin(app, &upload, chunk).await {
        Ok(response) => response,
        Err(error) => return Err(error.with_header(LOCATION, location)),
    };
    response.headers_mut().insert(LOCATION, location);
    Ok(Reply::Raw(response))
}

/// What is agreed, as the headers say; but for the length of an upload that joins others.
fn task(app: &App, request: &Request) -> Result<Task, Error> {
    let concat = Concat::parse(text(request, CONCAT)?)?;
    let metadata = text(request, METADATA)?.map(str::to_owned);
    let read = Metadata::parse(metadata.as_deref().unwrap_or_default())?;
    let partial = concat == Concat::Partial;
    let (size, joins) = match concat {
        Concat::Final(joins) => {
            if request.headers.contains_key(LENGTH) || request.headers.contains_key(DEFER_LENGTH) {
                return Err(Error::invalid("The length of an upload that joins others is that of its parts."));
            }
            (None, joins)
        }
        Concat::None | Concat::Partial => (length(request)?, Vec::new()),
    };
    let origin = Origin::Tus { metadata, partial, concat: text(request, CONCAT)?.map(str::to_owned) };
    let mut task = Task::new(size, origin)?;
    task.joins = joins;
    task.content_type = read.file_type().map(str::to_owned);
    // A part is no file of its own.
    task.destination = read.destination(&app.config, &request.headers)?.filter(|_| !partial);
    Ok(task)
}

/// The length, or `None` if it is to follow.
fn length(request: &Request) -> Result<Option<u64>, Error> {
    match (number(request, LENGTH)?, text(request, DEFER_LENGTH)?) {
        (Some(length), None) => Ok(Some(length)),
        (None, Some("1")) => Ok(None),
        _ => Err(Error::invalid("Either Upload-Length or Upload-Defer-Length: 1 must be there.")),
    }
}

/// The bytes that come with the request, if any do.
async fn first_chunk(request: &mut Request, task: &Task) -> Result<Option<Chunk>, Error> {
    let body = std::mem::replace(&mut request.body, body::empty());
    if content_type(request) != CHUNK || !task.joins.is_empty() {
        let empty = body::collect(body::impatient(body, IDLE_LIMIT), 0).await;
        return match empty {
            Ok(_) => Ok(None),
            Err(_) if !task.joins.is_empty() => {
                Err(Error::invalid("An upload that joins others has no bytes of its own."))
            }
            Err(_) => Err(Error::new(Kind::UnsupportedMediaType, format!("Bytes of an upload must be {CHUNK}."))),
        };
    }
    let chunk = Chunk::of(request, body)?;
    chunk.check_length(0, task.size)?;
    Ok(Some(chunk))
}

async fn begin(app: &App, upload: &Upload, chunk: Option<Chunk>) -> Result<Response<Body>, Error> {
    if !upload.task.joins.is_empty() {
        // For the sweep: it is to be finished when its parts are.
        upload.storage.main.put(&upload.key(Item::Joins), Bytes::new(), Put::default()).await?;
    }
    let mut turn = upload.first_turn().await?;
    let mut response = answer(StatusCode::CREATED);
    let mut phase = turn.standing.phase;
    if let Some(chunk) = chunk {
        let appended = chunk.append(upload, turn).await?;
        phase = appended.phase;
        response.headers_mut().insert(OFFSET, appended.offset.into());
    } else if upload.task.size == Some(0) || !upload.task.joins.is_empty() {
        phase = upload.proceed(&mut turn.standing, REQUEST_BUDGET).await?;
    }
    if !phase.is_under_way() {
        app.wake_workers();
    }
    expires(app, phase, SystemTime::now(), response.headers_mut());
    Ok(response)
}
