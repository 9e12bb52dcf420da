//! Workers: what happens after an object was stored or deleted, and what happens every so often.
//!
//! A worker is data, as an endpoint is, and hears of one object at a time, from wherever the news came: a
//! queue that the bucket writes to, the bucket itself, or, in the local program, a commit of the embedded
//! store. News may come twice, late or out of order: a handler must be idempotent and look at the object
//! as it is now. A handler on a schedule finds its work by itself, and one run may overlap with another
//! in another process.
//!
//! From a queue each message succeeds or fails by itself (`ReportBatchItemFailures`); one that keeps
//! failing ends in the dead letters. News straight from the bucket succeeds or fails as a whole. Order is
//! not kept, so the queue must not be a FIFO queue.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

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
use crate::lambda::to_its_end;

/// How many messages of a batch are worked on at once.
const CONCURRENCY: usize = 8;

/// One row of the table of workers ([`crate::endpoints::WORKERS`]).
pub struct Worker {
    /// The name of its function binary.
    pub name: &'static str,
    /// What it does with news of one object. Safe to run twice.
    pub on_object: Option<for<'a> fn(&'a App, &'a ObjectEvent) -> Done<'a>>,
    /// What it does every so often.
    pub on_schedule: Option<Schedule>,
}

/// How long a run may take, where it needs no more than in the cloud.
pub const RUN_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What a worker does without being told of an object.
pub struct Schedule {
    /// How often the local program does it, besides at its start and at [`App::wake_workers`]. In the cloud the
    /// template says how often.
    pub every: Duration,
    /// How long the local program lets one run take; in the cloud it is the function's time.
    pub limit: Duration,
    /// One run. Safe to run twice.
    pub handler: for<'a> fn(&'a App) -> Done<'a>,
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
pub fn run(worker: &'static Worker) -> ExitCode {
    to_its_end(async |api, app| serve(api, app, worker).await)
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

/// An event as it arrives.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    /// A batch of queue messages, or a bucket's own notification.
    #[serde(rename_all = "PascalCase")]
    News { records: Vec<Record> },
    /// It is time (Amazon EventBridge user guide, "Scheduled events").
    #[serde(rename_all = "kebab-case")]
    Time { source: String, detail_type: String },
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
    match serde_json::from_slice(&invocation.event).map_err(|cause| Failure::event(&cause))? {
        Event::News { records } if worker.on_object.is_some() => news(app, worker, invocation, records).await,
        Event::Time { source, detail_type } if worker.on_schedule.is_some() && is_schedule(&source, &detail_type) => {
            let outcome = run_schedule(app, worker, invocation.deadline).await;
            outcome.map_err(|error| failed(worker, invocation, &error)).map(|()| Bytes::from_static(b"{}"))
        }
        _ => Err(Failure::event(&Error::invalid("This worker does not run on such an event."))),
    }
}

/// A rule of EventBridge, or its scheduler.
fn is_schedule(source: &str, detail_type: &str) -> bool {
    matches!(source, "aws.events" | "aws.scheduler") && detail_type == "Scheduled Event"
}

fn failed(worker: &Worker, invocation: &Invocation, error: &Error) -> Failure {
    error!(worker = worker.name, request = invocation.id, causes = error.causes(), "{error}");
    Failure::new("Function.WorkerFailed", error.message())
}

async fn news(app: &App, worker: &Worker, invocation: &Invocation, records: Vec<Record>) -> Result<Bytes, Failure> {
    let deadline = invocation.deadline;
    let handled = stream::iter(records)
        .map(|record| async move {
            match record {
                Record::Message { message_id, body } => (Some(message_id), message(app, worker, deadline, &body).await),
                Record::Object(record) => (None, object(app, worker, deadline, record).await),
            }
        })
        .buffer_unordered(CONCURRENCY)
        .collect::<Vec<_>>()
        .await;
    let mut failures = Vec::new();
    for (message_id, outcome) in handled {
        let Err(error) = outcome else { continue };
        let Some(id) = message_id else { return Err(failed(worker, invocation, &error)) };
        error!(worker = worker.name, request = invocation.id, message_id = id, causes = error.causes(), "{error}");
        failures.push(json!({ "itemIdentifier": id }));
    }
    Ok(json!({ "batchItemFailures": failures }).to_string().into())
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

/// Hands one piece of news to a worker, if it takes any. Its panic and its running out of time are errors like
/// others.
pub async fn handle(app: &App, worker: &Worker, deadline: Instant, event: &ObjectEvent) -> Result<(), Error> {
    let Some(handler) = worker.on_object else { return Ok(()) };
    let outcome = guarded(deadline, async { handler(app, event).await }).await;
    if outcome.is_ok() {
        let (bucket, key) = (&event.bucket, event.key.escape_debug());
        debug!(worker = worker.name, bucket, %key, kind = ?event.kind, "done");
    }
    outcome
}

/// Runs what a worker does every so often, if it does, as [`handle`] would.
pub async fn run_schedule(app: &App, worker: &Worker, deadline: Instant) -> Result<(), Error> {
    let Some(schedule) = &worker.on_schedule else { return Ok(()) };
    guarded(deadline, async { (schedule.handler)(app).await }).await
}

async fn guarded(deadline: Instant, handling: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    match timeout_at(deadline, AssertUnwindSafe(handling).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Error::internal("worker panicked", panic_text(panic.as_ref()))),
        Err(elapsed) => Err(Error::new(Kind::Timeout, "This took too long.").caused_by(elapsed)),
    }
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
