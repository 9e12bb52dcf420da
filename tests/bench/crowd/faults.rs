//! A store as it is on a bad day, before a real one: every request takes its time, some are told `SlowDown`, and now and then all
//! writes are for a while (S3 user guide, "Best practices design patterns: optimizing Amazon S3 performance").

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use shared::http::{Body, body};
use tests::tap::{self, Behind};

/// What is added to a request, in milliseconds: evenly spread between these.
const LATENCY: (u64, u64) = (10, 60);

/// What is added to one of [`RARE`].
const SLOW: u64 = 500;
const RARE: u64 = 50;

/// Of a hundred requests, those that are told to slow down.
const REFUSED: u64 = 5;

/// Of each of these stretches the first part refuses all writes.
const STRETCH: Duration = Duration::from_secs(5);
const STORM: Duration = Duration::from_millis(500);

/// What went through.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) reads: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) refused: AtomicU64,
    under_way: AtomicU64,
    pub(super) most_under_way: AtomicU64,
}

/// Opens it before a store; its address.
pub(super) async fn before(store: &str, counts: Arc<Counts>) -> String {
    let (store, began) = (Behind::Tcp(store.to_owned()), Instant::now());
    let tap = tap::open(move |request| pass(request, store.clone(), counts.clone(), began)).await;
    format!("http://{tap}")
}

async fn pass(
    request: Request<Incoming>,
    store: Behind,
    counts: Arc<Counts>,
    began: Instant,
) -> Result<Response<Body>, hyper::Error> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads { &counts.reads } else { &counts.writes }.fetch_add(1, Ordering::Relaxed);
    let now = counts.under_way.fetch_add(1, Ordering::Relaxed) + 1;
    counts.most_under_way.fetch_max(now, Ordering::Relaxed);
    let answer = answer(request, &store, reads, began, &counts).await;
    counts.under_way.fetch_sub(1, Ordering::Relaxed);
    answer
}

async fn answer(
    request: Request<Incoming>,
    store: &Behind,
    reads: bool,
    began: Instant,
    counts: &Counts,
) -> Result<Response<Body>, hyper::Error> {
    let (head, sent) = request.into_parts();
    let sent = sent.collect().await?.to_bytes();
    let latency = if below(RARE) == 0 { SLOW } else { LATENCY.0 + below(LATENCY.1 - LATENCY.0) };
    // The latency is what is measured here.
    #[allow(clippy::disallowed_methods)]
    tokio::time::sleep(Duration::from_millis(latency)).await;
    let elapsed = began.elapsed();
    let storm = !reads && elapsed.as_nanos() % STRETCH.as_nanos() < STORM.as_nanos();
    if storm || below(100) < REFUSED {
        counts.refused.fetch_add(1, Ordering::Relaxed);
        return Ok(slow_down());
    }
    tap::hand_on(store, Request::from_parts(head, body::full(sent))).await
}

fn slow_down() -> Response<Body> {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
                <Message>Please reduce your request rate.</Message></Error>";
    let mut response = Response::new(body::full(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
    response
}

/// A number below `limit`.
pub(super) fn below(limit: u64) -> u64 {
    u64::from_le_bytes(shared::random()) % limit
}
