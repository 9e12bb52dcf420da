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
use shared::archive::import::{import, sweep_older};
use shared::error::Kind;
use shared::http::{Body, body};
use tests::stack::{embedded, s3, storage_at};
use tests::{arbitrary, client, minio};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

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
    /// Where writes below `photos/` wait.
    gate: Option<Arc<Gate>>,
}

/// Closed at first.
struct Gate {
    reached: Notify,
    open: Semaphore,
}

impl Orders {
    async fn hold_back(&self, request: &Request<Incoming>) {
        if let Some(gate) = self.gate.as_ref().filter(|_| Self::is_write(request)) {
            gate.reached.notify_one();
            let _ = gate.open.acquire().await;
        }
    }

    fn is_write(request: &Request<Incoming>) -> bool {
        request.method() == Method::PUT && request.uri().path().contains("/photos/")
    }

    fn refuse(&self, request: &Request<Incoming>) -> bool {
        // Objects are deleted together, by a list in the body.
        let deletion = request.method() == Method::POST
            && request
                .uri()
                .query()
                .is_some_and(|query| query.split('&').any(|part| part.trim_end_matches('=') == "delete"));
        let over = || self.writes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
        deletion && self.keep.load(Ordering::SeqCst) || Self::is_write(request) && over()
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
    orders.hold_back(&request).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_does_not_end_it() {
    let data = tempfile::tempdir().unwrap();
    let (_store, direct) = embedded(&data, (minio::ACCESS_KEY, minio::SECRET_KEY)).await;
    let gate = Arc::new(Gate { reached: Notify::new(), open: Semaphore::new(0) });
    let orders = Orders { gate: Some(Arc::clone(&gate)), ..Orders::default() };
    orders.writes.store(u32::MAX, Ordering::SeqCst);
    let place = Place::over(storage_at(&proxy(direct, orders).await, "leaving").await);
    let source = place.upload(zip(&small())).await;
    tokio::select! {
        outcome = import(&place.app, &source) => panic!("nothing was let through: {outcome:?}"),
        () = gate.reached.notified() => {}
    }
    let error = import(&place.app, &source).await.expect_err("it is under way");
    assert_eq!(error.kind(), Kind::Conflict);
    gate.open.add_permits(1);
    let imported = tokio::time::timeout(client::PATIENCE, async {
        loop {
            match import(&place.app, &source).await {
                Ok(imported) => break imported,
                Err(error) => assert_eq!(error.kind(), Kind::Conflict, "{error}"),
            }
        }
    });
    let imported = imported.await.expect("it comes to its end");
    assert_eq!(place.contents(&imported).await.len(), small().len());
    let folders = place.keys().await.into_iter().filter(|key| key.starts_with("imports-of/"));
    assert_eq!(folders.count(), 1, "there is one archive of it");
}
