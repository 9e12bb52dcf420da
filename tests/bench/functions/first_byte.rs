//! How long the first byte of a streamed answer is under way: from the handler that gives it to whoever asked.
//!
//! Both loops run in processes of their own, over the same handler: a stream whose first piece is the time of that moment. They
//! are asked in turns. The clock is the machine's, read in both processes.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use http_body_util::BodyExt;
use lambda_http::{Error as PeerError, run_with_streaming_response, service_fn};
use shared::app::App;
use shared::config::{Config, ResponseMode};
use shared::http::{self as door, Auth, Body, Dialect, Endpoint, Limits, Needs, Outcome, Reply, Verb, body};
use tests::harness::{Event, Function, Mode};

use crate::figures::{line, median, row, table};

/// Answers of each loop.
const ROUNDS: usize = 200;

/// Which loop this program is to be: a function has no arguments, only variables.
const ROLE: &str = "BENCH_FUNCTION";

/// What the first byte may take, in milliseconds.
const TARGET: f64 = 2.0;

/// Gives one piece, then another, then ends.
const STAMP: Endpoint = Endpoint {
    name: "stamp",
    methods: &[Verb::Get],
    paths: &["/stamp"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |_: &App, _: door::Request| -> Outcome<'_> {
        Box::pin(async { Ok(Reply::Raw(Response::new(body::stream(stamps().map(Ok))))) })
    },
};

fn stamps() -> impl Stream<Item = Bytes> + Send + 'static {
    stream::once(async { Bytes::from(now().to_string()) }).chain(stream::once(async { Bytes::from_static(b" end") }))
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()).expect("before 2554")
}

pub(super) async fn run() {
    let own = std::env::current_exe().expect("a program has a path");
    let ours = Function::start(&own, &[(ROLE, "ours")], Mode::Streamed).await;
    let peer = Function::start(&own, &[(ROLE, "peer")], Mode::Streamed).await;
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(ask(&ours).await);
        peer_times.push(ask(&peer).await);
    }
    table(
        &format!("First byte of a streamed answer, {ROUNDS} each in turns, ms from the handler"),
        &["loop", "median", "99th of 100"],
    );
    for (name, times) in [("ours", &our_times), ("lambda_http's own", &peer_times)] {
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        let late = sorted[sorted.len() * 99 / 100];
        row(&[name.to_owned(), format!("{:.2}", median(times.iter().copied())), format!("{late:.2}")]);
    }
    let reached = median(our_times.iter().copied()) <= TARGET;
    line(&format!("\nTarget: {TARGET} ms: {}", if reached { "reached" } else { "**missed**" }));
}

async fn ask(function: &Function) -> f64 {
    let request = Request::get("/stamp").body(Bytes::new()).expect("a target");
    let response = function.call(Event::FunctionUrl, request).await.unwrap_or_else(|_| panic!("no answer"));
    let mut content = response.into_body();
    let first = content.frame().await.expect("a piece").unwrap().into_data().expect("data");
    let came = now();
    content.collect().await.expect("its end");
    let text = String::from_utf8_lossy(&first).into_owned();
    let sent: u64 = text.split(' ').next().unwrap().parse().unwrap();
    came.saturating_sub(sent) as f64 / 1e6
}

/// This program as a function, if its variables say so.
// A function is started without arguments.
#[allow(clippy::disallowed_methods)]
pub(crate) async fn serve() -> Option<ExitCode> {
    match std::env::var(ROLE).ok()?.as_str() {
        "ours" => {
            let mut config = Config::read(|_| None, None).expect("the defaults");
            config.response_mode = ResponseMode::Streamed;
            let api = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("the harness says where");
            shared::lambda::serve_invocations(&api, &App::new(config), &[&STAMP]).await;
        }
        _ => run_with_streaming_response(service_fn(peer)).await.expect("the loop of the peer"),
    }
    Some(ExitCode::SUCCESS)
}

async fn peer(_: lambda_http::Request) -> Result<Response<Body>, PeerError> {
    Ok(Response::new(body::stream(stamps().map(Ok))))
}
