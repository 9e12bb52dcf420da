//! A business server: keeps what it is told, and answers what the test says.

use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tests::client::PATIENCE;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How it answers a call.
#[derive(Clone)]
pub(crate) enum Reply {
    /// With this status.
    Status(u16),
    /// With a redirect to that address.
    Redirect(String),
    /// Never.
    Silence,
    /// With 200, once the test says so.
    Held(watch::Receiver<bool>),
}

/// One call, as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Seconds of Unix time.
    pub(crate) at: u64,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn timestamp(&self) -> u64 {
        self.header("webhook-timestamp").parse().expect("seconds")
    }

    /// What Standard Webhooks says the signature must be.
    pub(crate) fn expected_signature(&self, secret: &[u8]) -> String {
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &self.body].concat();
        format!("v1,{}", STANDARD.encode(hmac_sha256(secret, &signed)))
    }
}

/// A running receiver. Its calls get the replies in turn, and the last one from then on.
pub(crate) struct Receiver {
    pub(crate) address: String,
    calls: watch::Receiver<Vec<Call>>,
    serving: AbortHandle,
}

impl Receiver {
    pub(crate) async fn start(replies: &[Reply]) -> Self {
        Self::at("127.0.0.1:0", replies).await
    }

    /// At an address that was free a moment ago.
    pub(crate) async fn at(address: &str, replies: &[Reply]) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("an address").to_string();
        let (sender, calls) = watch::channel(Vec::new());
        let serving = tokio::spawn(serve(listener, replies.to_vec(), sender)).abort_handle();
        Self { address, calls, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/callback?of=shop", self.address)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// Waits until it was called so often.
    pub(crate) async fn called(&self, times: usize) -> Vec<Call> {
        let mut calls = self.calls.clone();
        let waiting = calls.wait_for(|calls| calls.len() >= times);
        let calls = tokio::time::timeout(PATIENCE, waiting).await;
        let calls = calls.unwrap_or_else(|_| panic!("called {} times, not {times}", self.calls().len()));
        calls.expect("it serves").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, replies: Vec<Reply>, calls: watch::Sender<Vec<Call>>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (replies, calls) = (replies.clone(), calls.clone());
        let service = service_fn(move |request| answer(request, replies.clone(), calls.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    replies: Vec<Reply>,
    calls: watch::Sender<Vec<Call>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.method(), "POST");
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a whole request").to_bytes();
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut index = 0;
    calls.send_modify(|calls| {
        index = calls.len();
        calls.push(Call { path: head.uri.to_string(), headers: head.headers, body, at });
    });
    let status = |status: u16| Response::builder().status(status);
    let response = match &replies[index.min(replies.len() - 1)] {
        Reply::Status(code) => status(*code),
        Reply::Redirect(to) => status(307).header("location", to),
        Reply::Silence => std::future::pending().await,
        Reply::Held(released) => {
            released.clone().wait_for(|released| *released).await.expect("the test releases it");
            status(200)
        }
    };
    Ok(response.body(Full::new(Bytes::from_static(b"thank you"))).unwrap())
}

/// RFC 2104, written again: the product's own would prove nothing.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    assert!(key.len() <= 64, "a longer key would be hashed first");
    let padded = |pad: u8| -> Vec<u8> { (0..64).map(|index| key.get(index).unwrap_or(&0) ^ pad).collect() };
    let inner = Sha256::digest([&padded(0x36), message].concat());
    Sha256::digest([&padded(0x5c), &inner[..]].concat()).into()
}
