//! The Lambda Runtime API, version 2018-06-01 (AWS Lambda developer guide, "Using the Lambda runtime API
//! for custom runtimes"): take an invocation, answer it, take the next.
//!
//! One connection at a time, made when it is needed and kept while it lasts. TCP_NODELAY is set, or each
//! piece of a streamed response would wait for the acknowledgement of the piece before it.

use std::any::Any;
use std::error::Error as StdError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::error::BoxError;
use crate::http::{Body, body, panic_text};

const BASE: &str = "/2018-06-01/runtime";

/// The largest event, in bytes: the platform's 6 MB with room for its envelope.
const EVENT_LIMIT: usize = 8 * 1024 * 1024;

/// The largest acknowledgement that is read, in bytes.
const REPLY_LIMIT: usize = 64 * 1024;

/// How long before the platform's deadline we stop: long enough to answer, instead of being killed mute.
const DEADLINE_MARGIN: Duration = Duration::from_millis(200);

/// The deadline of an invocation that names none: the platform's longest.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The first of November 2018, when the Runtime API came out, in Unix time: no deadline lies before it.
const FIRST_TIME: Duration = Duration::from_secs(1_541_030_400);

const AWS_REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
/// Header of an error report, and trailer of a response that failed in mid-stream.
pub(super) const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
/// Trailer of a response that failed in mid-stream: an error document in base64.
pub(super) const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");

/// One event to be answered.
pub(crate) struct Invocation {
    /// The platform's identifier of it, safe in a path.
    pub(crate) id: String,
    /// When to give up.
    pub(crate) deadline: Instant,
    /// The event, a JSON document.
    pub(crate) event: Bytes,
    /// Sent back where the platform sent one.
    invocation_id: Option<HeaderValue>,
}

/// What an invocation comes to.
pub(crate) enum Answer {
    /// A JSON document.
    Whole(Bytes),
    /// Prelude and bytes of an HTTP response, as they are made.
    Streamed(Body),
}

/// Why an invocation, or the start, failed. The platform shows it to the function's operator.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
}

impl Failure {
    /// `kind` is `Category.Reason`; `message` is for the operator.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The event is not one of those we know.
    pub(crate) fn event(cause: &(dyn StdError + Send + Sync)) -> Self {
        Self::new("Function.UnknownEvent", cause.to_string())
    }

    /// What a caught panic said.
    pub(crate) fn panic(panic: &(dyn Any + Send)) -> Self {
        Self::new("Function.Panic", panic_text(panic))
    }

    /// As the platform takes it.
    pub(super) fn document(&self) -> String {
        json!({ "errorType": self.kind, "errorMessage": self.message, "stackTrace": [] }).to_string()
    }
}

/// A client of the Runtime API.
pub(crate) struct RuntimeApi {
    authority: String,
    /// What stands before the API's own paths: nothing on the platform itself.
    prefix: String,
    connection: Option<Connection>,
}

struct Connection {
    sender: SendRequest<Body>,
    task: JoinHandle<()>,
}

/// With the connection goes whatever it was still sending.
impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RuntimeApi {
    /// `address` is host and port, as the platform gives them, or a whole `http://` URL, as `cargo lambda watch` does,
    /// whose functions share one port. Nothing is sent yet.
    pub(crate) fn new(address: &str) -> Self {
        let address = address.trim_start_matches("http://").trim_end_matches('/');
        let (authority, prefix) = address.split_at(address.find('/').unwrap_or(address.len()));
        Self { authority: authority.to_owned(), prefix: prefix.to_owned(), connection: None }
    }

    /// Waits for the next invocation, for as long as it takes.
    pub(crate) async fn next(&mut self) -> Result<Invocation, BoxError> {
        let response = self.send(Method::GET, "/invocation/next", HeaderMap::new(), body::empty()).await?;
        let (head, event) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(format!("no invocation, but {}", head.status).into());
        }
        let event = Limited::new(event, EVENT_LIMIT).collect().await?.to_bytes();
        let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let id = text(AWS_REQUEST_ID).filter(|id| path_safe(id)).ok_or("an invocation without an identifier")?;
        let deadline = text(DEADLINE_MS).and_then(|milliseconds| milliseconds.parse().ok());
        info!(target: "invocation", request = id, trace = text(TRACE_ID), "invoked");
        let invocation_id = head.headers.get(INVOCATION_ID).cloned();
        Ok(Invocation { id: id.to_owned(), deadline: deadline_of(deadline), event, invocation_id })
    }

    /// Answers an invocation. An error means that the process should end.
    pub(crate) async fn answer(
        &mut self,
        invocation: &Invocation,
        answer: Result<Answer, Failure>,
    ) -> Result<(), BoxError> {
        let mut headers = HeaderMap::new();
        if let Some(id) = &invocation.invocation_id {
            headers.insert(INVOCATION_ID, id.clone());
        }
        let (verb, body) = match answer {
            Ok(Answer::Whole(document)) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                ("response", body::full(document))
            }
            Ok(Answer::Streamed(body)) => {
                mark_streamed(&mut headers);
                ("response", body)
            }
            Err(failure) => {
                error!(request = invocation.id, kind = failure.kind, "{}", failure.message);
                mark_failed(&mut headers, &failure);
                ("error", body::full(failure.document()))
            }
        };
        let path = format!("/invocation/{}/{verb}", invocation.id);
        match self.post(&path, headers, body).await {
            Ok(status) if status == StatusCode::INTERNAL_SERVER_ERROR => Err("the platform asked us to exit".into()),
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => {
                // Too large, or too late. What we were still sending is of no use.
                self.connection = None;
                warn!(request = invocation.id, %status, "the platform refused the answer");
                Ok(())
            }
            Err(cause) => {
                // Whether the platform is gone, the next invocation will tell.
                self.connection = None;
                warn!(request = invocation.id, cause, "the answer was not taken");
                Ok(())
            }
        }
    }

    /// Reports that the function cannot start.
    pub(crate) async fn init_error(&mut self, failure: &Failure) -> Result<(), BoxError> {
        let mut headers = HeaderMap::new();
        mark_failed(&mut headers, failure);
        self.post("/init/error", headers, body::full(failure.document())).await.map(|_| ())
    }

    async fn post(&mut self, path: &str, headers: HeaderMap, body: Body) -> Result<StatusCode, BoxError> {
        let response = self.send(Method::POST, path, headers, body).await?;
        let status = response.status();
        // Read to its end, so that the connection can be used again.
        Limited::new(response.into_body(), REPLY_LIMIT).collect().await?;
        Ok(status)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Response<Incoming>, BoxError> {
        let mut request = Request::builder().method(method).uri(format!("{}{BASE}{path}", self.prefix)).body(body)?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, HeaderValue::try_from(&self.authority)?);
        // A kept connection may have been closed by the other side; a new one fails for good.
        if let Some(kept) = self.connection.as_mut().filter(|kept| !kept.sender.is_closed())
            && kept.sender.ready().await.is_ok()
        {
            match kept.sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(refused.into_error().into()),
                },
            }
        }
        let fresh = self.connection.insert(connect(&self.authority).await?);
        fresh.sender.send_request(request).await.map_err(Into::into)
    }
}

async fn connect(authority: &str) -> Result<Connection, BoxError> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // How it ends, whoever sends on it learns.
    let task = tokio::spawn(async move { drop(connection.await) });
    Ok(Connection { sender, task })
}

/// Developer guide, "Building a custom runtime", "Response streaming".
fn mark_streamed(headers: &mut HeaderMap) {
    let kind = "application/vnd.awslambda.http-integration-response";
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(RESPONSE_MODE, HeaderValue::from_static("streaming"));
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    headers.append(TRAILER, HeaderValue::from_name(ERROR_TYPE));
    headers.append(TRAILER, HeaderValue::from_name(ERROR_BODY));
}

fn mark_failed(headers: &mut HeaderMap, failure: &Failure) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ERROR_TYPE, HeaderValue::from_static(failure.kind));
}

/// From milliseconds of Unix time, minus our margin. A time of before there was a Runtime API is one that is left:
/// `cargo lambda watch` says 600,000.
fn deadline_of(milliseconds: Option<u64>) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = milliseconds.map(Duration::from_millis).map_or(LONGEST, |at| match at < FIRST_TIME {
        true => at.min(LONGEST),
        false => at.saturating_sub(now).min(LONGEST),
    });
    Instant::now() + left.saturating_sub(DEADLINE_MARGIN)
}

fn path_safe(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
