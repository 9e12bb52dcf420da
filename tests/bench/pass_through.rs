//! What Pannier is measured against: a hyper server that fetches the same objects, one after the other,
//! with hyper's own client over one connection, and hands their frames on untouched. No signature, no
//! checksum, no headers of a ZIP between them, no reading ahead.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::error::BoxError;
use shared::http::{Body, body};
use tokio::net::{TcpListener, TcpStream};

use crate::figures::line;

/// Serves the objects of a list: a line each, its bytes in number and a presigned URL.
pub(crate) async fn serve(list: &str) {
    let list = std::fs::read_to_string(list).expect("a list of objects");
    let objects: Vec<(u64, Uri)> = list
        .lines()
        .map(|line| {
            let (size, url) = line.split_once(' ').expect("a size and a URL");
            (size.parse().expect("a size"), url.parse().expect("a URL"))
        })
        .collect();
    let objects = Arc::new(objects);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    line(&format!("listening on http://{}", listener.local_addr().expect("an address")));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let objects = objects.clone();
        let service = service_fn(move |_: Request<Incoming>| {
            let objects = objects.clone();
            async move { Ok::<_, Infallible>(answer(objects).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(objects: Arc<Vec<(u64, Uri)>>) -> Response<Body> {
    let length: u64 = objects.iter().map(|(size, _)| size).sum();
    let passing = Passing { sender: connect(&objects[0].1).await, objects, next: 0, body: None };
    let frames = stream::try_unfold(passing, Passing::next);
    Response::builder().header(CONTENT_LENGTH, length).body(body::stream(frames)).expect("a response")
}

async fn connect(url: &Uri) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(url.authority().expect("a host").as_str()).await.expect("the store");
    stream.set_nodelay(true).expect("a socket");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("the store");
    tokio::spawn(connection);
    sender
}

struct Passing {
    objects: Arc<Vec<(u64, Uri)>>,
    next: usize,
    sender: SendRequest<Empty<Bytes>>,
    body: Option<Incoming>,
}

impl Passing {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BoxError> {
        loop {
            if let Some(body) = &mut self.body {
                match body.frame().await.transpose()?.map(http_body::Frame::into_data) {
                    Some(Ok(data)) => return Ok(Some((data, self))),
                    Some(Err(_)) => continue,
                    None => self.body = None,
                }
            }
            let Some((_, url)) = self.objects.get(self.next) else { return Ok(None) };
            self.next += 1;
            let target = url.path_and_query().expect("a path").as_str();
            let host = url.authority().expect("a host").as_str();
            let request = Request::get(target).header(HOST, host).body(Empty::new())?;
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            assert!(response.status().is_success(), "the store answers {}", response.status());
            self.body = Some(response.into_body());
        }
    }
}
