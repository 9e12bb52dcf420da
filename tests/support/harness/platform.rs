//! The Runtime API: hands out events, one at a time, and takes what comes back, byte by byte.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::answer::{Answer, Piece};

/// What an invocation is given.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Until the deadline.
    pub time: Duration,
    /// The trace header, if any.
    pub trace: Option<&'static str>,
    /// Answered to the function's answer without reading it, as the platform does with one that is too
    /// large or too late.
    pub refuse: Option<StatusCode>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), trace: None, refuse: None }
    }
}

/// What a function reports that cannot start.
#[derive(Clone, Debug)]
pub struct InitError {
    /// The header that names its type.
    pub kind: String,
    /// The document.
    pub document: Value,
}

/// A running Runtime API.
pub(super) struct Platform {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    server: AbortHandle,
}

struct State {
    queue: Mutex<VecDeque<Queued>>,
    queued: Notify,
    handed_out: Mutex<HashMap<String, Queued>>,
    ids: AtomicU64,
    first_next: watch::Sender<Option<Instant>>,
    init_error: watch::Sender<Option<InitError>>,
    /// What the reads from the function's connections brought since the last event was handed out.
    reads: Arc<Mutex<Vec<usize>>>,
}

struct Queued {
    id: String,
    event: Bytes,
    terms: Terms,
    answer: oneshot::Sender<Answer>,
}

impl Platform {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            queue: Mutex::default(),
            queued: Notify::new(),
            handed_out: Mutex::default(),
            ids: AtomicU64::new(1),
            first_next: watch::Sender::new(None),
            init_error: watch::Sender::new(None),
            reads: Arc::default(),
        });
        let server = tokio::spawn(accept(listener, state.clone())).abort_handle();
        Self { address, state, server }
    }

    /// Queues an event; the answer comes when its head does. An error: the function never answered.
    pub(super) fn queue(&self, event: Bytes, terms: Terms) -> (String, oneshot::Receiver<Answer>) {
        let number = self.state.ids.fetch_add(1, Ordering::Relaxed);
        let id = format!("8476a536-e9f4-11e8-9739-{number:012x}");
        let (sender, receiver) = oneshot::channel();
        lock(&self.state.queue).push_back(Queued { id: id.clone(), event, terms, answer: sender });
        self.state.queued.notify_one();
        (id, receiver)
    }

    pub(super) fn first_next(&self) -> watch::Receiver<Option<Instant>> {
        self.state.first_next.subscribe()
    }

    pub(super) fn init_error(&self) -> watch::Receiver<Option<InitError>> {
        self.state.init_error.subscribe()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let stream = Recorded { stream, reads: state.reads.clone() };
        connections.spawn(async move {
            let service = service_fn(move |request| respond(state.clone(), request));
            // A function that goes away in the middle is a case under test: its answer says so.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn respond(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let rest = path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
    let parts: Vec<&str> = rest.split('/').collect();
    Ok(match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&state).await,
        (&Method::POST, ["invocation", id, verb @ ("response" | "error")]) => {
            take(&state, id, *verb == "error", request).await
        }
        (&Method::POST, ["init", "error"]) => {
            let kind = header(request.headers(), "lambda-runtime-function-error-type");
            let bytes = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let document = serde_json::from_slice(&bytes).unwrap_or_default();
            state.init_error.send_replace(Some(InitError { kind, document }));
            status(StatusCode::ACCEPTED)
        }
        _ => status(StatusCode::NOT_FOUND),
    })
}

async fn next(state: &State) -> Response<Full<Bytes>> {
    state.first_next.send_if_modified(|first| first.replace(first.unwrap_or_else(Instant::now)).is_none());
    let queued = loop {
        let notified = state.queued.notified();
        if let Some(queued) = lock(&state.queue).pop_front() {
            break queued;
        }
        notified.await;
    };
    let deadline = (SystemTime::now() + queued.terms.time).duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut response = Response::builder()
        .header("Lambda-Runtime-Aws-Request-Id", &queued.id)
        .header("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:test")
        .header("Content-Type", "application/json");
    if let Some(trace) = queued.terms.trace {
        response = response.header("Lambda-Runtime-Trace-Id", trace);
    }
    let response = response.body(Full::new(queued.event.clone())).expect("plain headers");
    lock(&state.reads).clear();
    lock(&state.handed_out).insert(queued.id.clone(), queued);
    response
}

/// Passes an answer on to whoever waits for it, piece by piece, and reads it to its end in any case.
async fn take(state: &State, id: &str, error: bool, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(queued) = lock(&state.handed_out).remove(id) else { return status(StatusCode::FORBIDDEN) };
    let (head, mut body) = request.into_parts();
    let (sender, pieces) = mpsc::channel(16);
    // Nobody waits any more: the answer is read all the same.
    drop(queued.answer.send(Answer::new(error, head.headers, pieces)));
    if let Some(refusal) = queued.terms.refuse {
        return status(refusal);
    }
    let broken = loop {
        match body.frame().await {
            None => break None,
            Some(Err(cause)) => break Some(cause.to_string()),
            Some(Ok(frame)) => {
                let piece = match frame.into_data() {
                    Ok(data) => Piece::Data(data),
                    Err(frame) => Piece::Trailers(frame.into_trailers().unwrap_or_default()),
                };
                drop(sender.send(piece).await);
            }
        }
    };
    let reads = lock(&state.reads).clone();
    drop(sender.send(Piece::End { broken, reads }).await);
    status(StatusCode::ACCEPTED)
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"status":"OK"}"#)));
    *response.status_mut() = status;
    response
}

pub(super) fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that remembers what each read brought.
struct Recorded {
    stream: TcpStream,
    reads: Arc<Mutex<Vec<usize>>>,
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            lock(&self.reads).push(buffer.filled().len() - before);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
