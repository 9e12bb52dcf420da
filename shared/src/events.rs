//! Workers: what happens after an object was stored or deleted.
//!
//! A worker is data, as an endpoint is, and hears of one object at a time, from wherever the news came: a
//! queue that the bucket writes to, the bucket itself, or, in the local program, a commit of the embedded
//! store. News may come twice, late or out of order: a handler must be idempotent and look at the object
//! as it is now.
//!
//! From a queue each message succeeds or fails by itself (`ReportBatchItemFailures`); one that keeps
//! failing ends in the dead letters. News straight from the bucket succeeds or fails as a whole. Order is
//! not kept, so the queue must not be a FIFO queue.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::process::ExitCode;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, error};

use crate::app::App;
use crate::error::{BoxError, Error, Kind};
use crate::http::panic_text;
use crate::lambda::runtime::{Answer, Failure, Invocation, RuntimeApi};
use crate::lambda::{start, stopped};

/// How many messages of a batch are worked on at once.
const CONCURRENCY: usize = 8;

/// One row of the table of workers ([`crate::endpoints::WORKERS`]).
pub struct Worker {
    /// The name of its function binary.
    pub name: &'static str,
    /// What it does with one piece of news. Safe to run twice.
    pub handler: for<'a> fn(&'a App, &'a ObjectEvent) -> Done<'a>,
}

/// What a worker's handler comes to.
pub type Done<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// News of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The bucket it lies in.
    pub bucket: String,
    /// Its key, as it is in a listing.
    pub key: String,
    /// Its size in bytes; 0 if deleted.
    pub size: u64,
    /// Its ETag without quotes; empty if deleted.
    pub etag: String,
    /// What happened to it.
    pub kind: Change,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Created, or replaced.
    Created,
    /// Deleted.
    Deleted,
}

/// Runs a function that drives `worker`, until the platform ends it.
pub async fn run(worker: &'static Worker) -> ExitCode {
    match start().await {
        Ok((mut api, app)) => stopped(&serve(&mut api, &app, worker).await),
        Err(code) => code,
    }
}

/// Takes events from the Runtime API at `runtime_api` (host and port), until it is no longer there; returns
/// why. [`run`] in one process with its caller, for tests with workers of their own.
pub async fn serve_invocations(runtime_api: &str, app: &App, worker: &Worker) -> BoxError {
    serve(&mut RuntimeApi::new(runtime_api), app, worker).await
}

async fn serve(api: &mut RuntimeApi, app: &App, worker: &Worker) -> BoxError {
    loop {
        let invocation = match api.next().await {
            Ok(invocation) => invocation,
            Err(cause) => return cause,
        };
        let answer = answer(app, worker, &invocation).await.map(Answer::Whole);
        if let Err(cause) = api.answer(&invocation, answer).await {
            return cause;
        }
    }
}

/// An event as it arrives: a batch of queue messages, or a bucket's own notification.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    #[serde(rename_all = "camelCase")]
    Message {
        message_id: String,
        body: String,
    },
    Object(ObjectRecord),
}

async fn answer(app: &App, worker: &Worker, invocation: &Invocation) -> Result<Bytes, Failure> {
    let event: Event = serde_json::from_slice(&invocation.event).map_err(|cause| Failure::event(&cause))?;
    let deadline = invocation.deadline;
    let handled = stream::iter(event.records)
        .map(|record| async move {
            match record {
                Record::Message { message_id, body } => (Some(message_id), message(app, worker, deadline, &body).await),
                Record::Object(record) => (None, object(app, worker, deadline, record).await),
            }
        })
        .buffer_unordered(CONCURRENCY)
        .collect::<Vec<_>>()
        .await;
    let mut failed = Vec::new();
    for (message_id, outcome) in handled {
        let Err(error) = outcome else { continue };
        error!(worker = worker.name, request = invocation.id, message_id, causes = error.causes(), "{error}");
        match message_id {
            Some(id) => failed.push(json!({ "itemIdentifier": id })),
            None => return Err(Failure::new("Function.WorkerFailed", error.message())),
        }
    }
    Ok(json!({ "batchItemFailures": failed }).to_string().into())
}

/// The body of a queue message: a bucket's notification, or the sign of life that a bucket sends when it is
/// told of its queue.
#[derive(Deserialize)]
#[serde(untagged)]
enum Notification {
    #[serde(rename_all = "PascalCase")]
    Objects { records: Vec<ObjectRecord> },
    #[serde(rename_all = "PascalCase")]
    Sign { event: String },
}

async fn message(app: &App, worker: &Worker, deadline: Instant, body: &str) -> Result<(), Error> {
    match serde_json::from_str(body) {
        Ok(Notification::Objects { records }) => {
            for record in records {
                object(app, worker, deadline, record).await?;
            }
            Ok(())
        }
        Ok(Notification::Sign { event }) if event == "s3:TestEvent" => Ok(()),
        Ok(Notification::Sign { event }) => Err(Error::invalid(format!("An event of another kind: {event}"))),
        Err(cause) => Err(Error::invalid("The message is not a bucket's notification.").caused_by(cause)),
    }
}

async fn object(app: &App, worker: &Worker, deadline: Instant, record: ObjectRecord) -> Result<(), Error> {
    let Some(event) = record.read()? else { return Ok(()) };
    handle(app, worker, deadline, &event).await
}

/// Hands one piece of news to a worker. Its panic and its running out of time are errors like others.
pub async fn handle(app: &App, worker: &Worker, deadline: Instant, event: &ObjectEvent) -> Result<(), Error> {
    let handled = AssertUnwindSafe(async { (worker.handler)(app, event).await }).catch_unwind();
    let outcome = match timeout_at(deadline, handled).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Error::internal("worker panicked", panic_text(panic.as_ref()))),
        Err(elapsed) => Err(Error::new(Kind::Timeout, "This took too long.").caused_by(elapsed)),
    };
    if outcome.is_ok() {
        let (bucket, key) = (&event.bucket, event.key.escape_debug());
        debug!(worker = worker.name, bucket, %key, kind = ?event.kind, "done");
    }
    outcome
}

/// One record of a notification (Amazon S3 user guide, "Event message structure").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRecord {
    event_name: String,
    s3: Place,
}

#[derive(Deserialize)]
struct Place {
    bucket: Named,
    object: Described,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Size and ETag are missing from the news of a deletion.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    e_tag: String,
}

impl ObjectRecord {
    /// `None` for news that changes no content: tags, restores, replication.
    fn read(self) -> Result<Option<ObjectEvent>, Error> {
        // MinIO writes `s3:ObjectCreated:Put` where AWS writes `ObjectCreated:Put`.
        let kind = match self.event_name.trim_start_matches("s3:").split(':').next() {
            Some("ObjectCreated") => Change::Created,
            Some("ObjectRemoved" | "LifecycleExpiration") => Change::Deleted,
            _ => return Ok(None),
        };
        let Described { key, size, e_tag } = self.s3.object;
        // Keys in notifications are written as a form would: a plus is a space.
        let key = key.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8();
        let key = key.map_err(|cause| Error::invalid("The key is not UTF-8.").caused_by(cause))?.into_owned();
        let etag = e_tag.trim_matches('"').to_owned();
        Ok(Some(ObjectEvent { bucket: self.s3.bucket.name, key, size, etag, kind }))
    }
}
