//! A request, asked through both doors: `dispatch` itself, and a real server on loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use shared::app::App;
use shared::config::Config;
use shared::http::body::{self, Body};
use shared::http::{Endpoint, X_REQUEST_ID, dispatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::table::TABLE;

/// The identifier that a request has unless the test gives it another, so that answers compare.
pub(crate) const ID: &str = "test-1";

/// How long a test waits for a server that says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server and what it serves.
pub(crate) struct House {
    app: Arc<App>,
    table: &'static [&'static Endpoint],
    pub(crate) address: SocketAddr,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `None` if the transfer broke off.
    pub(crate) body: Option<Bytes>,
}

/// A request that can be sent more than once.
#[derive(Clone)]
pub(crate) struct Ask {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Sent,
}

#[derive(Clone)]
enum Sent {
    Nothing,
    Declared(Bytes),
    /// Of unknown length: chunked on the wire.
    Chunked(Vec<Bytes>),
}

/// The settings of a process with an empty environment.
pub(crate) fn config() -> Config {
    Config::read(|_| None, None).unwrap()
}

impl House {
    /// The test table with default settings, and no store.
    pub(crate) async fn open() -> Self {
        Self::with(App::new(config()), &TABLE).await
    }

    pub(crate) async fn with(app: App, table: &'static [&'static Endpoint]) -> Self {
        let (app, listener) = (Arc::new(app), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::clone(&app), table));
        Self { app, table, address }
    }

    /// The answer of both doors, which must be the same.
    pub(crate) async fn ask(&self, ask: &Ask) -> Answer {
        let (direct, wire) = (self.direct(ask).await, self.wire(ask).await);
        assert_eq!(direct.status, wire.status, "{}", ask.target);
        assert_eq!(direct.body, wire.body, "{}", ask.target);
        let own = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            for of_the_connection in [CONNECTION, DATE, TRANSFER_ENCODING] {
                headers.remove(of_the_connection);
            }
            headers
        };
        assert_eq!(own(&direct), own(&wire), "{}", ask.target);
        wire
    }

    pub(crate) async fn direct(&self, ask: &Ask) -> Answer {
        Answer::read(dispatch(&self.app, self.table, ask.request()).await).await
    }

    pub(crate) async fn wire(&self, ask: &Ask) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let answer = Answer::read(sender.send_request(ask.request()).await.unwrap()).await;
        connection.abort();
        answer
    }

    /// Sends bytes as they are and reads until the server closes or `enough` says so.
    pub(crate) async fn raw(&self, bytes: &[u8], enough: impl Fn(&str) -> bool) -> String {
        tokio::time::timeout(PATIENCE, self.exchange(bytes, enough)).await.expect("the server answers or closes")
    }

    async fn exchange(&self, bytes: &[u8], enough: impl Fn(&str) -> bool) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut read = Vec::new();
        while !enough(&String::from_utf8_lossy(&read)) {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                break;
            }
        }
        String::from_utf8_lossy(&read).into_owned()
    }
}

async fn serve(listener: TcpListener, app: Arc<App>, table: &'static [&'static Endpoint]) {
    while let Ok((stream, _)) = listener.accept().await {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let service = service_fn(|request: Request<hyper::body::Incoming>| {
                let app = Arc::clone(&app);
                async move { Ok::<_, Infallible>(dispatch(&app, table, request.map(body::boxed)).await) }
            });
            // A connection that breaks is what some tests are about; its client notices.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Ask {
    pub(crate) fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: HeaderMap::new(), body: Sent::Nothing }
            .header("x-request-id", ID)
            .header("host", "pannier.test")
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// A GET by a browser.
    pub(crate) fn browse(target: impl Into<String>) -> Self {
        Self::get(target).header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    }

    pub(crate) fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target)
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    pub(crate) fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let (name, value) = (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &HeaderName) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        self.headers.insert(CONTENT_LENGTH, bytes.len().into());
        self.body = Sent::Declared(bytes);
        self
    }

    pub(crate) fn chunks(mut self, chunks: &[&'static str]) -> Self {
        self.body = Sent::Chunked(chunks.iter().map(|chunk| Bytes::from_static(chunk.as_bytes())).collect());
        self
    }

    fn request(&self) -> Request<Body> {
        let body = match self.body.clone() {
            Sent::Nothing => body::empty(),
            Sent::Declared(bytes) => body::full(bytes),
            Sent::Chunked(chunks) => body::stream(stream::iter(chunks.into_iter().map(Ok))),
        };
        let mut request = Request::builder().method(&self.method).uri(&self.target).body(body).unwrap();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

impl Answer {
    async fn read<B: http_body::Body<Data = Bytes>>(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok().map(|collected| collected.to_bytes());
        Self { status: head.status, headers: head.headers, body }
    }

    /// A header as text; empty if it is absent.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone().expect("the transfer was whole").into()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn id(&self) -> &str {
        self.header(X_REQUEST_ID)
    }

    pub(crate) fn is_page(&self) -> bool {
        self.header("content-type") == "text/html; charset=utf-8" && self.text().starts_with("<!doctype html>")
    }
}

/// For a request that must not have a `Host`.
pub(crate) const NO_HOST: HeaderName = HOST;
