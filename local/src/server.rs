//! One hyper server with every function on it, and an orderly end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::app::App;
use shared::endpoints;
use shared::http::{body, dispatch};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal as unix_signal};
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// How long a client may take to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// How long running requests have to finish after a signal.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// Pause after a connection could not be accepted: usually files ran out, and one has to be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves every endpoint on `listener` until `signal` says stop, then lets running requests finish.
pub async fn run(listener: TcpListener, app: Arc<App>, mut signal: watch::Receiver<bool>) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = signal.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => connect(stream, app.clone(), &connections),
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

fn connect(stream: TcpStream, app: Arc<App>, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(dispatch(&app, endpoints::ALL, request.map(body::boxed)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // The door has logged why; this is only how the connection learned of it.
            debug!(%error, "connection ended");
        }
    });
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
