//! What a streamed upload is measured against: a hyper server that computes the MD5 of a body and writes it
//! to an embedded store of its own, as one PUT or in parts. No protocol, no resuming, nothing to find again.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use local::store::{Credentials, Options, Store};
use md5::{Digest as _, Md5};
use shared::config::Config;
use shared::error::BoxError;
use shared::http::{Body, body};
use shared::storage::key::Key;
use shared::storage::{Making, Put, Storage, Transport};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::content::Content;
use crate::figures::line;
use crate::process::{Serving, own};
use crate::stored::KEYS;

/// The one object.
const OBJECT: Key<'_> = Key::Listed("sink");

/// Bytes of a part.
const PART: usize = 8 << 20;

/// Parts on their way at once.
const AT_ONCE: usize = 4;

/// The sink in a process of its own.
pub(crate) struct Sink {
    pub(crate) address: String,
    pub(crate) pid: u32,
    _serving: Serving,
    _data: TempDir,
}

impl Sink {
    /// Starts it, on an empty store.
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut command = own();
        command.arg("sink").arg(data.path());
        let serving = Serving::start(command).await;
        Self { address: serving.address.clone(), pid: serving.pid(), _serving: serving, _data: data }
    }

    /// Sends it everything, to be put by one PUT or in parts; its MD5 must come back.
    pub(crate) async fn take(&self, path: &'static str, content: &Content) {
        let mut connection = Connection::open(&self.address).await;
        let answer = connection.send(Request::put(path), content.body().0, content.size()).await;
        assert_eq!(answer.text(), content.md5, "the sink's MD5");
    }

    /// Deletes what it took.
    pub(crate) async fn clear(&self) {
        Connection::open(&self.address).await.call(Request::delete("/")).await;
    }
}

/// Serves: `PUT /put`, `PUT /parts`, `DELETE /`.
pub(crate) async fn serve(data: &str) {
    let credentials = Credentials { access_key: KEYS.0.to_owned(), secret_key: KEYS.1.to_owned() };
    let options = Options { credentials, cors_origins: Vec::new(), directory: None };
    let store = Store::open(&Path::new(data).join("store"), options).await.expect("a store opens");
    let config = Config::read(|_| None, None).expect("the defaults are right");
    let credentials = (KEYS.0.to_owned(), KEYS.1.to_owned());
    let transport = Transport::InProcess { client: store.http_client(), credentials };
    let storage = Storage::connect(&config, transport).await;
    storage.prepare().await.expect("the store passes the self-test");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    line(&format!("listening on http://{}", listener.local_addr().expect("an address")));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let storage = storage.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let storage = storage.clone();
            async move { Ok::<_, Infallible>(answer(&storage, request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(storage: &Storage, request: Request<Incoming>) -> Response<Body> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let taken = match request.uri().path() {
        "/put" => put(storage, request.into_body(), length.expect("a length")).await,
        "/parts" => parts(storage, request.into_body()).await,
        _ => storage.main.delete(&OBJECT).await.map(|()| Md5::new()).map_err(BoxError::from),
    };
    let md5 = taken.expect("the store works").finalize();
    Response::new(body::full(md5.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

async fn put(storage: &Storage, body: Incoming, length: u64) -> Result<Md5, BoxError> {
    let digest = Arc::new(Mutex::new(Md5::new()));
    let passing = digest.clone();
    let frames = BodyDataStream::new(body).map_err(BoxError::from);
    let frames = frames.inspect_ok(move |frame| passing.lock().expect("nobody panics").update(frame));
    storage.main.put_stream(&OBJECT, body::stream(frames), length, Put::default()).await?;
    let digest = digest.lock().expect("nobody panics").clone();
    Ok(digest)
}

async fn parts(storage: &Storage, body: Incoming) -> Result<Md5, BoxError> {
    let multipart = storage.main.multipart(&OBJECT, Making::default()).await?;
    let (mut digest, mut frames) = (Md5::new(), BodyDataStream::new(body));
    let (mut gathered, mut on_their_way, mut made) = (BytesMut::with_capacity(PART), JoinSet::new(), Vec::new());
    let mut number = 0;
    loop {
        let frame = frames.try_next().await?;
        let ended = frame.is_none();
        let frame = frame.unwrap_or_default();
        digest.update(&frame);
        gathered.extend_from_slice(&frame);
        if gathered.len() < PART && !ended {
            continue;
        }
        if on_their_way.len() == AT_ONCE || ended {
            let wanted = if ended { usize::MAX } else { 1 };
            take_some(&mut on_their_way, &mut made, wanted).await?;
        }
        if ended && gathered.is_empty() {
            break;
        }
        let part = if ended { gathered.split() } else { gathered.split_to(PART) };
        number += 1;
        on_their_way.spawn(send(multipart.clone(), number, part.freeze()));
        gathered.reserve(PART);
        if ended {
            take_some(&mut on_their_way, &mut made, usize::MAX).await?;
            break;
        }
    }
    made.sort_by_key(|(number, _)| *number);
    multipart.complete(made.into_iter().map(|(_, part)| part).collect(), Put::default()).await?;
    Ok(digest)
}

type Sent = Result<(i32, shared::storage::Part), shared::storage::StoreError>;

async fn send(multipart: shared::storage::Multipart, number: i32, bytes: Bytes) -> Sent {
    Ok((number, multipart.part(number, bytes).await?))
}

async fn take_some(
    on_their_way: &mut JoinSet<Sent>,
    made: &mut Vec<(i32, shared::storage::Part)>,
    wanted: usize,
) -> Result<(), BoxError> {
    for _ in 0..wanted {
        let Some(sent) = on_their_way.join_next().await else { break };
        made.push(sent??);
    }
    Ok(())
}
