//! One hyper server with every function on it, and an orderly end.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::app::App;
use shared::endpoints;
use shared::http::{Body, body, dispatch};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal as unix_signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{debug, info, warn};

/// How long a client may take to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// How long running requests have to finish after a signal.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// How long a client may take nothing of what is sent to it (TCP_USER_TIMEOUT, tcp(7)).
const STALL_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS_LIMIT: usize = 4096;

/// How much of an unwanted request body is read before the connection is closed, in bytes and time.
const DRAIN_BYTES: usize = 32 * 1024 * 1024;
/// See [`DRAIN_BYTES`].
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Pause after a connection could not be accepted: usually files ran out, and one has to be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves every endpoint on `listener` until `signal` says stop, then lets running requests finish.
pub async fn run(listener: TcpListener, app: Arc<App>, mut signal: watch::Receiver<bool>) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_LIMIT));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = signal.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, place)) => connect(stream, place, app.clone(), &connections),
            Err(error) => {
                warn!(%error, "a connection was not accepted");
                // See ACCEPT_PAUSE: there is no event to wait for.
                #[allow(clippy::disallowed_methods)]
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    info!(running = connections.count(), "stopping");
    if tokio::time::timeout(SHUTDOWN_LIMIT, connections.shutdown()).await.is_err() {
        warn!("requests that did not finish in time are broken off");
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?.0, place))
}

fn connect(stream: TcpStream, place: OwnedSemaphorePermit, app: Arc<App>, connections: &GracefulShutdown) {
    let stall_limit = u32::try_from(STALL_LIMIT.as_millis()).unwrap_or(u32::MAX);
    let limited = set_tcp_user_timeout(&stream, stall_limit).map_err(io::Error::from);
    if let Err(error) = stream.set_nodelay(true).and(limited) {
        debug!(%error, "a connection without its options");
    }
    let service = service_fn(move |request: http::Request<Incoming>| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(dispatch(&app, endpoints::ALL, request.map(drained)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = connection.await {
            // What a request came to is logged at the door; this is what is left of the connection.
            debug!(%error, "connection ended");
        }
    });
}

/// A request body that is read on for a while when nobody wants the rest of it: a client that is still
/// sending when the connection is closed would lose the answer that says why.
fn drained(body: Incoming) -> Body {
    body::boxed(Drained(Some(body)))
}

struct Drained(Option<Incoming>);

impl http_body::Body for Drained {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !http_body::Body::is_end_stream(body)) else { return };
        tokio::spawn(tokio::time::timeout(DRAIN_LIMIT, async move {
            let mut rest = Limited::new(body, DRAIN_BYTES);
            while let Some(Ok(_)) = rest.frame().await {}
        }));
    }
}

/// Turns true at Ctrl-C or SIGTERM.
pub fn signal() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    match (unix_signal(SignalKind::interrupt()), unix_signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::spawn(async move {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                sender.send_replace(true);
            });
        }
        (Err(error), _) | (_, Err(error)) => warn!(%error, "signals are not handled"),
    }
    receiver
}

/// Allows as many open files as the system lets us: each download holds one, and each read of the store.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        warn!(%error, "the limit of open files stays");
    }
}
