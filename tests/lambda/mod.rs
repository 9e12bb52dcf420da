//! The Lambda door: real function binaries under a real Runtime API; and, for what no real function does on
//! purpose, the same loop with endpoints that misbehave.

mod buckets;
mod door;
mod misbehaving;
mod queues;
mod rights;
mod stream;
mod sweep;
mod watch;
mod workers;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use shared::app::App;
use shared::config::{Config, ResponseMode};
use shared::http::{Body, Endpoint};
use tests::harness::{Answer, Function, Mode, Terms};

/// An app as a function has it, without a store.
fn app(mode: Mode) -> App {
    let mut config = Config::read(|_| None, None).expect("the defaults");
    config.response_mode = match mode {
        Mode::Streamed => ResponseMode::Streamed,
        Mode::Buffered => ResponseMode::Buffered,
    };
    App::new(config)
}

/// The real loop over endpoints that only a test has.
async fn serving(table: &'static [&'static Endpoint], mode: Mode) -> Function {
    Function::in_process(|api| async move { shared::lambda::serve_invocations(&api, &app(mode), table).await }).await
}

fn get(target: &str) -> Request<Bytes> {
    Request::get(target).body(Bytes::new()).expect("a target")
}

/// Head and whole body.
async fn read(response: Response<Body>) -> (http::response::Parts, Bytes) {
    let (head, body) = response.into_parts();
    (head, body.collect().await.expect("a whole body").to_bytes())
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn texts<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect()
}

/// The answer to an event whose handler does not end. It is asked for again when it is late, for a busy machine delays one or
/// the other by more than the function spares for it.
async fn in_time(function: &Function, event: &Value) -> Answer {
    const TIME: Duration = Duration::from_secs(2);
    let mut waits = Vec::new();
    loop {
        let started = Instant::now();
        let mut answer = function.raw(event, Terms { time: TIME, ..Terms::default() }).await.unwrap();
        if answer.is_streamed() {
            answer.prelude().await.unwrap();
        }
        assert!(answer.whole().await.broken.is_none());
        waits.push(started.elapsed());
        if waits.last().is_some_and(|wait| *wait < TIME) {
            return answer;
        }
        assert!(waits.len() < 4, "never before the deadline: {waits:?}");
    }
}
