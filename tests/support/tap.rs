//! Between a client and its server: a tap sees every request before it is handed on, and each answer.

use std::future::Future;
use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::http::{Body, body};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// What stands behind a tap.
#[derive(Clone, Debug)]
pub enum Behind {
    /// At an address, with or without `http://` before it.
    Tcp(String),
    /// A socket in the file system.
    Unix(&'static str),
}

/// Opens a tap on a port of its own, where `handle` answers; its address.
///
/// # Panics
/// If no port is free.
pub async fn open<H, F>(handle: H) -> SocketAddr
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = hyper::Result<Response<Body>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(handle.clone());
            // A client that is killed, or gives up, breaks its connection.
            let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(serving.await) });
        }
    });
    address
}

/// Hands a request on.
///
/// # Errors
/// What becomes of a connection that breaks.
///
/// # Panics
/// If nobody listens behind the tap.
pub async fn hand_on(behind: &Behind, request: Request<Body>) -> hyper::Result<Response<Body>> {
    match behind {
        Behind::Tcp(address) => {
            let stream = TcpStream::connect(address.trim_start_matches("http://")).await;
            send(stream.expect("somebody listens"), request).await
        }
        Behind::Unix(path) => send(UnixStream::connect(path).await.expect("somebody listens"), request).await,
    }
}

async fn send<S>(stream: S, request: Request<Body>) -> hyper::Result<Response<Body>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(body::boxed))
}
