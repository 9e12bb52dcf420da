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

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use shared::app::App;
use shared::config::{Config, ResponseMode};
use shared::http::{Body, Endpoint};
use tests::harness::{Function, Mode};

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
