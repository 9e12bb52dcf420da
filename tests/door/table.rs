//! Endpoints that echo, fail, panic, stream and hang; the same set for each dialect.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use shared::error::{Error, Kind};
use shared::http::body::{self, Body};
use shared::http::page::{self, Policy};
use shared::http::{Auth, Dialect, Endpoint, Limits, Needs, Outcome, Reply, Request, Verb};

/// Stands in every cause, and may never leave the process.
pub(crate) const SECRET: &str = "hunter2-internal-detail";

/// The most bytes that the `body` endpoints take.
pub(crate) const BODY_LIMIT: usize = 16;

/// Every dialect with the root of its job's paths.
pub(crate) const DIALECTS: [(Dialect, &str); 5] = [
    (Dialect::Plain, "/plain"),
    (Dialect::Msg, "/msg"),
    (Dialect::RetCode, "/ret"),
    (Dialect::CodeMsgData, "/code"),
    (Dialect::Page, "/page"),
];

/// Every kind of error with the word that makes the `fail` endpoints return it.
pub(crate) const KINDS: [(&str, Kind, u16); 17] = [
    ("invalid", Kind::Invalid, 400),
    ("unauthorized", Kind::Unauthorized, 401),
    ("forbidden", Kind::Forbidden, 403),
    ("not-found", Kind::NotFound, 404),
    ("method", Kind::MethodNotAllowed, 405),
    ("conflict", Kind::Conflict, 409),
    ("gone", Kind::Gone, 410),
    ("precondition", Kind::PreconditionFailed, 412),
    ("too-large", Kind::TooLarge, 413),
    ("media", Kind::UnsupportedMediaType, 415),
    ("range", Kind::RangeNotSatisfiable, 416),
    ("checksum", Kind::ChecksumMismatch, 460),
    ("unprocessable", Kind::Unprocessable, 422),
    ("too-many", Kind::TooManyRequests, 429),
    ("internal", Kind::Internal, 500),
    ("unavailable", Kind::Unavailable, 503),
    ("timeout", Kind::Timeout, 504),
];

/// Whether the body of `/watched` was ever asked for a byte. One test only looks at it.
pub(crate) static POLLED: AtomicBool = AtomicBool::new(false);

/// Takes GET and POST at no path, and answers with nothing in particular.
const BASE: Endpoint = Endpoint {
    name: "test",
    methods: &[Verb::Get],
    paths: &[],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |_, _| reply(StatusCode::OK, json!({ "a": 1 })),
};

const TIGHT: Limits = Limits { body: BODY_LIMIT as u64, ..Limits::READ };
const HASTY: Limits = Limits { time: Duration::from_millis(50), ..Limits::READ };

macro_rules! job {
    ($dialect:ident, $root:literal) => {{
        const JOB: Endpoint = Endpoint { dialect: Dialect::$dialect, ..BASE };
        const ROWS: &[&Endpoint] = &[
            &Endpoint { paths: &[concat!($root, "/ok")], ..JOB },
            &Endpoint {
                paths: &[concat!($root, "/text")],
                handler: |_, _| reply(StatusCode::CREATED, json!("done")),
                ..JOB
            },
            &Endpoint { paths: &[concat!($root, "/null")], handler: |_, _| reply(StatusCode::OK, Value::Null), ..JOB },
            &Endpoint {
                paths: &[concat!($root, "/nothing")],
                handler: |_, _| reply(StatusCode::NO_CONTENT, Value::Null),
                ..JOB
            },
            &Endpoint {
                paths: &[concat!($root, "/fail/{kind}")],
                methods: &[Verb::Get, Verb::Put],
                handler: fail,
                ..JOB
            },
            &Endpoint { paths: &[concat!($root, "/store")], needs: Needs::Store, ..JOB },
            &Endpoint { paths: &[concat!($root, "/key")], auth: Auth::ApiKey, handler: caller, ..JOB },
            &Endpoint {
                paths: &[concat!($root, "/body")],
                methods: &[Verb::Post],
                limits: TIGHT,
                handler: length,
                ..JOB
            },
            &Endpoint {
                paths: &[concat!($root, "/slow")],
                limits: HASTY,
                handler: |_, _| Box::pin(std::future::pending()),
                ..JOB
            },
            &Endpoint {
                paths: &[concat!($root, "/panic")],
                handler: |_, _| Box::pin(async { panic!("{SECRET}") }),
                ..JOB
            },
            &Endpoint { paths: &[concat!($root, "/panic-early")], handler: |_, _| panic!("{SECRET}"), ..JOB },
        ];
        ROWS
    }};
}

/// One path with several endpoints, and bodies of every sort.
const OTHERS: &[&Endpoint] = &[
    &Endpoint { paths: &["/echo/{a}/x/{b}", "/echo/{a}/"], handler: parameters, ..BASE },
    &Endpoint { paths: &["/rest/{path...}"], handler: parameters, ..BASE },
    &Endpoint { paths: &["/many/{id}"], ..BASE },
    &Endpoint { paths: &["/many/{id}"], methods: &[Verb::Patch, Verb::Delete], ..BASE },
    &Endpoint { paths: &["/many/{id...}"], methods: &[Verb::Get, Verb::Put], ..BASE },
    &Endpoint {
        paths: &["/html"],
        handler: |_, _| raw(page::html(StatusCode::OK, Policy::Strict, "<!doctype html><p>t</p>".to_owned())),
        ..BASE
    },
    &Endpoint { paths: &["/known"], handler: |_, _| raw(Response::new(body::full("0123456789"))), ..BASE },
    &Endpoint { paths: &["/streamed"], handler: |_, _| raw(Response::new(chunks(&["ab", "cd"], false))), ..BASE },
    &Endpoint { paths: &["/watched"], handler: watched, ..BASE },
    &Endpoint { paths: &["/broken"], handler: |_, _| raw(Response::new(chunks(&["ab", "cd"], true))), ..BASE },
    &Endpoint { paths: &["/broken-sized"], handler: |_, _| raw(sized(10, chunks(&["ab"], true))), ..BASE },
    &Endpoint { paths: &["/short"], handler: |_, _| raw(sized(10, chunks(&["abc"], false))), ..BASE },
    &Endpoint { paths: &["/base"], handler: base_url, ..BASE },
    &Endpoint { paths: &["/query"], handler: query, ..BASE },
];

/// All of them.
pub(crate) static TABLE: LazyLock<Vec<&'static Endpoint>> = LazyLock::new(|| {
    let jobs = [
        job!(Plain, "/plain"),
        job!(Msg, "/msg"),
        job!(RetCode, "/ret"),
        job!(CodeMsgData, "/code"),
        job!(Page, "/page"),
    ];
    jobs.into_iter().chain([OTHERS]).flatten().copied().collect()
});

fn reply<'a>(status: StatusCode, data: Value) -> Outcome<'a> {
    Box::pin(async move { Ok(Reply::Json(status, data)) })
}

fn raw<'a>(response: Response<Body>) -> Outcome<'a> {
    Box::pin(async move { Ok(Reply::Raw(response)) })
}

fn fail(_: &shared::app::App, request: Request) -> Outcome<'_> {
    Box::pin(async move {
        let named = KINDS.iter().find(|(word, ..)| *word == request.param("kind"));
        let (word, kind, _) = named.expect("a test asks for a kind that exists");
        match kind {
            Kind::Internal => Err(Error::internal("do a thing", SECRET)),
            Kind::Unavailable => Err(Error::unavailable("Sorry: unavailable <now>.").caused_by(SECRET)),
            kind => Err(Error::new(*kind, format!("Sorry: {word} <now>.")).caused_by(SECRET)),
        }
    })
}

fn caller(_: &shared::app::App, request: Request) -> Outcome<'_> {
    reply(StatusCode::OK, json!({ "caller": request.caller }))
}

fn parameters(_: &shared::app::App, request: Request) -> Outcome<'_> {
    let params: Vec<Value> = request.params.iter().map(|(name, value)| json!([name, value])).collect();
    reply(StatusCode::OK, json!(params))
}

fn query(_: &shared::app::App, request: Request) -> Outcome<'_> {
    reply(StatusCode::OK, json!(request.query("q")))
}

fn base_url(app: &shared::app::App, request: Request) -> Outcome<'_> {
    reply(StatusCode::OK, json!(request.base_url(&app.config)))
}

/// Reads the body as a handler does that has no limit of its own: the endpoint's must hold.
fn length(_: &shared::app::App, request: Request) -> Outcome<'_> {
    Box::pin(async move {
        let bytes = body::collect(request.body, u64::MAX).await?;
        Ok(Reply::Json(StatusCode::OK, json!({ "length": bytes.len() })))
    })
}

fn chunks(parts: &'static [&'static str], broken: bool) -> Body {
    let parts = stream::iter(parts).map(|part| Ok(Bytes::from_static(part.as_bytes())));
    // Each part is handed over on its own, as parts that come from elsewhere are.
    let parts = parts.then(|part| async {
        tokio::task::yield_now().await;
        part
    });
    let end = broken.then(|| Err(SECRET.into()));
    body::stream(parts.chain(stream::iter(end)))
}

fn sized(length: u64, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}

fn watched(_: &shared::app::App, _: Request) -> Outcome<'_> {
    let bytes = stream::once(async {
        POLLED.store(true, Ordering::SeqCst);
        Ok(Bytes::from_static(b"0123456789"))
    });
    let mut response = sized(10, body::stream(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    raw(response)
}
