//! The S3 API over TCP (HTTP/1.1).
//!
//! A request whose body was not read to its end leaves the connection in doubt. With
//! `Expect: 100-continue` the client may never send that body, so the connection is closed: otherwise
//! the next request would be taken for it. Without it the client is sending regardless: what remains is
//! read and thrown away, up to a limit, so that it gets to read the answer.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use s3s::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::front::Front;

/// Time a client has for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that running requests have when the program stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an unwanted body that are read before the answer is sent.
const UNWANTED_LIMIT: usize = 16 * 1024 * 1024;
/// Time an unwanted body may take.
const UNWANTED_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections served at once; more wait to be accepted.
const CONNECTIONS_LIMIT: usize = 1024;
/// Pause after an accept that failed, because the cause (mostly too many open files) lasts a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn serve(
    front: &Front,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let connections = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS_LIMIT));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, slot)) => spawn_connection(front.clone(), stream, slot, &connections),
            Err(error) => {
                tracing::warn!(%error, "a connection to the store was not accepted");
                pause().await;
            }
        }
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("requests to the store were cut off at shutdown");
    }
    Ok(())
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}

fn spawn_connection(front: Front, stream: TcpStream, slot: OwnedSemaphorePermit, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let service = service_fn(move |request| answer(front.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the store broke");
        }
        drop(slot);
    });
}

async fn answer(front: Front, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let expects = request.headers().contains_key(EXPECT);
    let (head, body) = request.into_parts();
    let body = SharedBody::new(body);
    let response = front.call(Request::from_parts(head, Body::http_body(body.clone()))).await;
    let mut response = response.unwrap_or_else(|error| failed(error.into()));
    // After a success only the framing of the body can be left.
    let comes = !expects || response.status().is_success();
    let usable = body.is_ended() || comes && body.discard().await;
    if !usable {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn failed(error: s3s::StdError) -> Response<Body> {
    tracing::error!(%error, "a request to the store failed");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

#[expect(clippy::disallowed_methods, reason = "a back-off: there is no condition to wait for")]
async fn pause() {
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// A request body that can be looked at after the service is done with it.
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Received>>);

struct Received {
    body: Incoming,
    ended: bool,
}

impl SharedBody {
    fn new(body: Incoming) -> Self {
        let ended = body.is_end_stream();
        Self(Arc::new(Mutex::new(Received { body, ended })))
    }

    fn is_ended(&self) -> bool {
        let received = self.lock();
        received.ended || received.body.is_end_stream()
    }

    /// Reads what is left; false when that was too much or took too long.
    async fn discard(mut self) -> bool {
        let read = async {
            let mut size = 0;
            while let Some(Ok(frame)) = self.frame().await {
                size += frame.data_ref().map_or(0, Bytes::len);
                if size > UNWANTED_LIMIT {
                    break;
                }
            }
        };
        timeout(UNWANTED_TIMEOUT, read).await.is_ok() && self.is_ended()
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl http_body::Body for SharedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut received = self.lock();
        let frame = Pin::new(&mut received.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            received.ended = true;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().body.size_hint()
    }
}
