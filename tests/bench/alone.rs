//! The work of archiving without a store: plan and sender over contents in memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::archive::send::send;
use shared::http::{Body, body};
use tests::memory::{Content, Memory};
use tokio::net::TcpListener;

use crate::contents::Folder;
use crate::figures::line;

/// A folder's files in memory.
pub(crate) fn memory(folder: Folder) -> Memory {
    let files = (0..folder.count).map(|index| {
        let name = folder.key(index).rsplit('/').next().unwrap_or_default().to_owned();
        (name, Content::Bytes(Bytes::from(folder.content(index))))
    });
    Memory::new(files.collect())
}

/// Plans an archive and runs its sender to the end, in this process; returns its bytes in number.
pub(crate) async fn drain(memory: &Memory) -> u64 {
    let plan = Arc::new(memory.plan(true));
    let total = plan.layout.total();
    let chunks = send(plan, memory.clone(), 0..total, Duration::ZERO);
    let counted = chunks.try_fold(0, |sum, chunk| async move { Ok(sum + chunk.len() as u64) }).await;
    let counted = counted.expect("the archive is sent");
    assert_eq!(counted, total, "the archive is whole");
    counted
}

/// Serves the archive of a folder in memory.
pub(crate) async fn serve(count: &str, size: &str) {
    let folder = Folder { hash: "alone", count: count.parse().expect("a count"), size: size.parse().expect("a size") };
    let memory = memory(folder);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    line(&format!("listening on http://{}", listener.local_addr().expect("an address")));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let memory = memory.clone();
        let service = service_fn(move |_: Request<Incoming>| {
            let memory = memory.clone();
            async move { Ok::<_, Infallible>(answer(memory)) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(memory: Memory) -> Response<Body> {
    let plan = Arc::new(memory.plan(true));
    let total = plan.layout.total();
    let chunks = send(plan, memory, 0..total, Duration::ZERO);
    Response::builder().header(CONTENT_LENGTH, total).body(body::stream(chunks)).expect("a response")
}
