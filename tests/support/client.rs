//! A client that sends exactly what it is told: no redirects, no path clean-up, no retries.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use shared::http::{Body, body};
use tokio::net::TcpStream;

/// The longest wait for anything in a test.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A client with its connections.
pub type Client = Pool<HttpConnector, Body>;

/// A new client.
pub fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Pool::builder(TokioExecutor::new()).build(connector)
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, or what came of it.
    pub body: Bytes,
    /// Whether the body ended as it should; a broken transfer is not whole.
    pub whole: bool,
}

impl Answer {
    /// A header as text; empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {:?}", self.body))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads a response to its end, whichever that is.
pub async fn read(response: Response<Body>) -> Answer {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let whole = loop {
        match tokio::time::timeout(PATIENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
            Ok(Some(Err(_))) => break false,
            Ok(None) => break true,
            Err(_) => panic!("the body stands still"),
        }
    };
    Answer { status: head.status, headers: head.headers, body: bytes.into(), whole }
}

/// Asks the store, as one who is led there.
///
/// # Panics
/// If there is no answer.
pub async fn follow(location: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(location);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client().request(request.body(body::empty()).expect("a request")).await.expect("the store answers");
    read(response.map(body::boxed)).await
}

/// A request without a body.
pub fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(body::empty()).unwrap_or_else(|error| panic!("{uri}: {error}"))
}

/// Sends one request whose target need not be a URI at all, over a connection of its own, and reads
/// everything that comes back as bytes.
pub async fn raw(address: &str, request: &[u8]) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    // A server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    answer
}

/// A connection of its own, for a test that breaks it.
pub async fn connect(address: &str) -> hyper::client::conn::http1::SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap_or_else(|error| panic!("{address}: {error}"));
    tokio::spawn(connection);
    sender
}
