//! The store fails while an import is writing.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::archive::import::sweep_older;
use shared::error::Kind;
use shared::http::{Body, body};
use tests::stack::{embedded, s3, storage_at};
use tests::{arbitrary, client, minio};
use tokio::net::TcpListener;

use super::LARGE;
use super::made::{Made, stored, zip};
use super::place::Place;

/// What the proxy before the store does.
#[derive(Clone, Default)]
struct Orders {
    /// Writes below `photos/` that are let through before all others fail.
    writes: Arc<AtomicU32>,
    /// Whether deletions fail.
    keep: Arc<AtomicBool>,
}

impl Orders {
    fn refuse(&self, request: &Request<Incoming>) -> bool {
        let below = request.uri().path().contains("/photos/");
        let write = request.method() == Method::PUT && below;
        let deletion = request.method() == Method::DELETE
            && below
            && request.uri().query().is_none_or(|q| !q.contains("uploadId"));
        let over = || self.writes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
        deletion && self.keep.load(Ordering::SeqCst) || write && over()
    }
}

/// Starts a proxy before a store; returns its URL.
async fn proxy(store: String, orders: Orders) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (store, orders) = (store.clone(), orders.clone());
            let service = service_fn(move |request| forward(store.clone(), orders.clone(), request));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    endpoint
}

async fn forward(store: String, orders: Orders, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let refused = orders.refuse(&request);
    let (mut head, incoming) = request.into_parts();
    let content = incoming.collect().await.expect("a whole request").to_bytes();
    if refused {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(response);
    }
    // The signature covers the host that the client sees; it stays as it is.
    head.uri = format!("{store}{}", head.uri).parse().expect("a target");
    let response = client::client().request(Request::from_parts(head, body::full(content))).await;
    Ok(response.expect("the store answers").map(body::boxed))
}

/// Imports while the store takes only so many writes.
async fn fails_after(writes: u32, entries: &[Made], keep: bool) {
    let data = tempfile::tempdir().unwrap();
    let keys = (minio::ACCESS_KEY, minio::SECRET_KEY);
    let (_store, direct) = embedded(&data, keys).await;
    let orders = Orders::default();
    let place = Place::over(storage_at(&proxy(direct.clone(), orders.clone()).await, "failing").await);
    orders.writes.store(writes, Ordering::SeqCst);
    orders.keep.store(keep, Ordering::SeqCst);
    let error = place.import(zip(entries)).await.expect_err("the store fails");
    assert_eq!(error.kind(), Kind::Unavailable, "{error}: {}", error.causes());
    let uploads = s3(&direct, keys).list_multipart_uploads().bucket("failing").send().await.unwrap();
    assert!(uploads.uploads().is_empty(), "no parts are left");
    if keep {
        let left = place.keys().await;
        assert!(
            left.iter().any(|key| key.starts_with("photos/")) && left.iter().any(|key| key.starts_with("imports/"))
        );
        orders.keep.store(false, Ordering::SeqCst);
        sweep_older(&place.app, SystemTime::now() + Duration::from_secs(60)).await.unwrap();
    }
    assert_eq!(place.keys().await, [""; 0]);
}

fn small() -> Vec<Made> {
    (0..20).map(|index| stored(format!("d/{index}"), "content")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_503_and_nothing_is_left() {
    fails_after(0, &small(), false).await;
    fails_after(10, &small(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_half_sent_is_given_up() {
    fails_after(2, &[stored("large", arbitrary::bytes(1, LARGE))], false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_away_at_once_is_left_to_the_sweep() {
    fails_after(10, &small(), true).await;
}
