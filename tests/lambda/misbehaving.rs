//! Endpoints that fail in every way there is; a caller never takes a broken response for a whole one, and
//! the next invocation works.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use shared::error::BoxError;
use shared::http::{Auth, Body, Dialect, Endpoint, Limits, Needs, Outcome, Reply, Verb, body};
use tests::harness::{Event, Function, Mode, Terms};

use super::{get, in_time, json, read, serving, texts};

const FINE: Endpoint = Endpoint {
    name: "fine",
    methods: &[Verb::Get],
    paths: &["/fine"],
    auth: Auth::Open,
    dialect: Dialect::CodeMsgData,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |_, _| raw(body::full("fine")),
};

const BREAKS: Endpoint = Endpoint {
    name: "breaks",
    paths: &["/breaks"],
    handler: |_, _| {
        let first = Ok(Bytes::from_static(b"first bytes"));
        raw(body::stream(stream::iter([first, Err(BoxError::from("the secret cause"))])))
    },
    ..FINE
};

const PANICS: Endpoint =
    Endpoint { name: "panics", paths: &["/panics"], handler: |_, _| panic!("the secret cause"), ..FINE };

const PANICS_LATE: Endpoint = Endpoint {
    name: "panics-late",
    paths: &["/panics-late"],
    handler: |_, _| {
        let first = stream::iter([Ok(Bytes::from_static(b"first bytes"))]);
        raw(body::stream(first.chain(stream::poll_fn(|_| panic!("the secret cause")))))
    },
    ..FINE
};

const SHORT: Endpoint = Endpoint {
    name: "short",
    paths: &["/short"],
    handler: |_, _| {
        Box::pin(async {
            let chunks = body::stream(stream::iter([Ok(Bytes::from_static(b"first bytes"))]));
            Ok(Reply::Raw(Response::builder().header("Content-Length", "12").body(chunks).expect("a number")))
        })
    },
    ..FINE
};

const NEVER: Endpoint =
    Endpoint { name: "never", paths: &["/never"], handler: |_, _| Box::pin(std::future::pending()), ..FINE };

const NEVER_ENDS: Endpoint = Endpoint {
    name: "never-ends",
    paths: &["/never-ends"],
    handler: |_, _| raw(body::stream(stream::iter([Ok(Bytes::from_static(b"first bytes"))]).chain(stream::pending()))),
    ..FINE
};

const HUGE: Endpoint =
    Endpoint { name: "huge", paths: &["/huge"], handler: |_, _| raw(body::full(vec![b'a'; 6 * 1024 * 1024])), ..FINE };

/// Endless, and nothing says so beforehand.
const ENDLESS: Endpoint = Endpoint {
    name: "endless",
    paths: &["/endless"],
    handler: |_, _| raw(body::stream(stream::repeat_with(|| Ok(Bytes::from_static(&[0xff; 65536]))))),
    ..FINE
};

const TABLE: &[&Endpoint] = &[&FINE, &BREAKS, &PANICS, &PANICS_LATE, &SHORT, &NEVER, &NEVER_ENDS, &HUGE, &ENDLESS];

fn raw<'a>(body: Body) -> Outcome<'a> {
    Box::pin(async { Ok(Reply::Raw(Response::new(body))) })
}

async fn still_works(function: &Function) {
    let (head, bytes) = read(function.call(Event::FunctionUrl, get("/fine")).await.expect("the next works")).await;
    assert_eq!((head.status, &bytes[..]), (StatusCode::OK, &b"fine"[..]));
}

#[tokio::test]
async fn a_stream_that_fails_ends_in_error_trailers() {
    let function = serving(TABLE, Mode::Streamed).await;
    for (target, kind) in [
        ("/breaks", "Function.ResponseBrokeOff"),
        ("/panics-late", "Function.Panic"),
        ("/short", "Function.ResponseBrokeOff"),
    ] {
        let event = Event::FunctionUrl.of(&get(target));
        let mut answer = function.raw(&event, Terms::default()).await.unwrap();
        answer.prelude().await.unwrap();
        assert!(answer.whole().await.broken.is_none(), "the platform's connection stays whole");
        assert_eq!(&answer.bytes[..], b"first bytes", "{target}: nothing but the body in the body");
        let declared = texts(&answer.headers, "trailer");
        assert_eq!(declared, ["lambda-runtime-function-error-type", "lambda-runtime-function-error-body"]);
        assert_eq!(answer.trailers["lambda-runtime-function-error-type"], kind, "{target}");
        let document = STANDARD.decode(&answer.trailers["lambda-runtime-function-error-body"]).unwrap();
        assert_eq!(json(&document)["errorType"], kind);
        assert!(!String::from_utf8_lossy(&document).contains("secret"));

        let response = function.call(Event::FunctionUrl, get(target)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.into_body().collect().await.is_err(), "{target}: the caller sees a broken response");
        still_works(&function).await;
    }
}

#[tokio::test]
async fn a_buffered_body_that_fails_is_a_clean_error() {
    let function = serving(TABLE, Mode::Buffered).await;
    for target in ["/breaks", "/panics-late", "/short", "/huge", "/endless", "/panics"] {
        for event in [Event::HttpApiV2, Event::RestV1] {
            let (head, bytes) = read(function.call(event, get(target)).await.unwrap()).await;
            assert_eq!(head.status, StatusCode::INTERNAL_SERVER_ERROR, "{target}");
            assert_eq!(json(&bytes)["code"], 500, "{target}: its own dialect");
            assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
            assert_eq!(texts(&head.headers, "x-content-type-options"), ["nosniff"]);
            assert_eq!(texts(&head.headers, "access-control-allow-origin").len(), 0, "no origin asked");
            assert!(texts(&head.headers, "x-request-id")[0].starts_with("8476a536-"));
        }
        still_works(&function).await;
    }
}

#[tokio::test]
async fn a_handler_that_panics_fails_alone() {
    let function = serving(TABLE, Mode::Streamed).await;
    let (head, bytes) = read(function.call(Event::FunctionUrl, get("/panics")).await.unwrap()).await;
    assert_eq!(head.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
    still_works(&function).await;
}

#[tokio::test]
async fn the_deadline_is_answered_before_it_comes() {
    for mode in [Mode::Buffered, Mode::Streamed] {
        let function = serving(TABLE, mode).await;
        for target in ["/never", "/never-ends"] {
            let event = Event::FunctionUrl.of(&get(target));
            let answer = in_time(&function, &event).await;
            match (answer.is_streamed(), target) {
                (true, "/never") => assert_eq!(answer.prelude["statusCode"], 504),
                (true, _) => {
                    assert_eq!(&answer.bytes[..], b"first bytes");
                    assert_eq!(answer.trailers["lambda-runtime-function-error-type"], "Function.Timeout");
                }
                (false, _) => assert_eq!(json(&answer.bytes)["statusCode"], 504),
            }
            still_works(&function).await;
        }
    }
}
