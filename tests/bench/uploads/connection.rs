//! One connection to a server, used for one request after the other.

use http::header::{CONTENT_LENGTH, HOST};
use http::request::Builder;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use shared::http::{Body, body};
use tests::client::{Answer, read};
use tokio::net::TcpStream;

/// A connection.
pub(crate) struct Connection {
    sender: SendRequest<Body>,
    address: String,
}

impl Connection {
    /// Connects to `ADDR:PORT`.
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Self { sender, address: address.to_owned() }
    }

    /// Sends a request with a body of so many bytes, and reads the answer to its end.
    pub(crate) async fn send(&mut self, request: Builder, body: Body, length: u64) -> Answer {
        let request = request.header(HOST, &self.address).header(CONTENT_LENGTH, length);
        let request = request.body(body).expect("a request");
        self.sender.ready().await.expect("the connection stays");
        let response = self.sender.send_request(request).await.expect("the server answers");
        let answer = read(response.map(body::boxed)).await;
        assert!(answer.status.is_success(), "{}: {} {}", self.address, answer.status, answer.text());
        answer
    }

    /// The same without a body.
    pub(crate) async fn call(&mut self, request: Builder) -> Answer {
        self.send(request, body::empty(), 0).await
    }
}

/// The path and the query of a URL, or of what is a path already.
pub(crate) fn path_of(url: &str) -> String {
    match url.split_once("://") {
        Some((_, rest)) => rest[rest.find('/').expect("a path")..].to_owned(),
        None => url.to_owned(),
    }
}
