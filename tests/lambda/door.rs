//! What goes in and comes out: every kind of event, both modes, the start.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use shared::app::App;
use shared::endpoints::{ALL, WORKERS};
use shared::http::{Auth, Dialect, Endpoint, Limits, Needs, Outcome, Reply, Verb, body};
use tests::binaries::{GLIBC, binary, newest_glibc};
use tests::harness::{Event, Failure, Function, Mode, Terms};

use super::{get, json, read, serving, texts};

const DOORS: [(Event, Mode); 6] = [
    (Event::HttpApiV2, Mode::Buffered),
    (Event::HttpApiV2Stage, Mode::Buffered),
    (Event::FunctionUrl, Mode::Buffered),
    (Event::FunctionUrl, Mode::Streamed),
    (Event::RestV1, Mode::Buffered),
    (Event::RestV1, Mode::Streamed),
];

#[tokio::test]
async fn a_function_answers_through_every_door() {
    for (event, mode) in DOORS {
        let function = Function::start(&binary("heart-beat"), &[], mode).await;
        let (head, bytes) = read(function.call(event, get("/heart_beat")).await.unwrap()).await;
        assert_eq!(head.status, StatusCode::OK, "{event:?}, {mode:?}");
        assert_eq!(&bytes[..], br#"{"msg":"heart_beat"}"#);
        assert_eq!(texts(&head.headers, "content-type"), ["application/json"]);
        assert_eq!(texts(&head.headers, "x-content-type-options"), ["nosniff"]);
        assert!(texts(&head.headers, "x-request-id")[0].starts_with("8476a536-"), "the platform's identifier");

        let own = Request::post("/heart_beat").header("X-Request-Id", "my-own").body(Bytes::from("anything")).unwrap();
        let (head, _) = read(function.call(event, own).await.unwrap()).await;
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(texts(&head.headers, "x-request-id"), ["my-own"]);

        let head_only = Request::head("/heart_beat").body(Bytes::new()).unwrap();
        let (head, bytes) = read(function.call(event, head_only).await.unwrap()).await;
        assert_eq!((head.status, bytes.len()), (StatusCode::OK, 0));
        assert_eq!(texts(&head.headers, "content-length"), ["20"]);
    }
}

#[tokio::test]
async fn what_a_function_does_not_serve_is_refused_as_everywhere() {
    for (event, mode) in DOORS {
        let function = Function::start(&binary("heart-beat"), &[], mode).await;
        let (head, _) = read(function.call(event, get("/heart")).await.unwrap()).await;
        assert_eq!(head.status, StatusCode::NOT_FOUND);
        let delete = Request::delete("/heart_beat").body(Bytes::new()).unwrap();
        let (head, bytes) = read(function.call(event, delete).await.unwrap()).await;
        assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(texts(&head.headers, "allow"), ["GET, HEAD, POST, OPTIONS"]);
        assert!(json(&bytes)["msg"].is_string(), "its own dialect");
        let preflight = Request::options("/heart_beat").header("Origin", "https://example.org");
        let (head, bytes) = read(function.call(event, preflight.body(Bytes::new()).unwrap()).await.unwrap()).await;
        assert_eq!((head.status, bytes.len()), (StatusCode::NO_CONTENT, 0));
        assert_eq!(texts(&head.headers, "access-control-allow-origin"), ["*"]);
    }
}

/// Tells what arrived.
const ECHO: Endpoint = Endpoint {
    name: "echo",
    methods: &[Verb::Get, Verb::Post, Verb::Put],
    paths: &["/echo/{name}", "/echo/{name}/more"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits { body: 8 * 1024 * 1024, ..Limits::READ },
    handler: echo,
};

fn echo(_: &App, mut request: shared::http::Request) -> Outcome<'_> {
    Box::pin(async move {
        let sent = body::collect(std::mem::replace(&mut request.body, body::empty()), 8 * 1024 * 1024).await?;
        let told = json!({
            "method": request.method.as_str(),
            "path": request.uri.path(),
            "name": request.param("name"),
            "q": request.query("q"),
            "cookie": request.header("cookie"),
            "list": request.headers.get_all("x-list").iter().map(|v| v.to_str().unwrap_or("?")).collect::<Vec<_>>(),
            "host": request.header("host"),
            "base": request.base_url(&super::app(Mode::Buffered).config),
            "length": request.header("content-length"),
            "body": STANDARD.encode(sent),
        });
        Ok(Reply::Json(StatusCode::OK, told))
    })
}

#[tokio::test]
async fn the_door_sees_the_request_as_it_was_sent() {
    for (event, mode) in DOORS {
        let function = serving(&[&ECHO], mode).await;
        let request = Request::post("https://files.example.org/echo/a%20b%3F%C3%A9+c/more?q=1%2B1+%26%20%3D&z=&q=2")
            .header("Cookie", "a=1; b=2")
            .header("X-List", "one")
            .header("X-List", "two")
            .header("Content-Type", "application/octet-stream")
            .body(Bytes::from_static(b"\x00\xff\r\nbytes"))
            .unwrap();
        let (head, bytes) = read(function.call(event, request).await.unwrap()).await;
        assert_eq!(head.status, StatusCode::OK, "{event:?}");
        let told = json(&bytes);
        assert_eq!(told["method"], "POST");
        assert_eq!(told["name"], "a b?é+c", "{event:?}");
        assert_eq!(told["path"], "/echo/a%20b%3F%C3%A9+c/more", "{event:?}");
        assert_eq!(told["q"], "1+1 & =", "{event:?}");
        assert_eq!(told["cookie"], "a=1; b=2", "{event:?}");
        assert_eq!(told["host"], "files.example.org");
        assert_eq!(told["base"], "https://files.example.org");
        assert_eq!(told["length"], "9");
        assert_eq!(told["body"], STANDARD.encode(b"\x00\xff\r\nbytes"));
        // Where the gateway joins the values of a header they arrive joined, and mean the same.
        let list: Vec<_> = told["list"].as_array().unwrap().iter().filter_map(|value| value.as_str()).collect();
        assert_eq!(list.join(","), "one,two", "{event:?}");
    }
}

#[tokio::test]
async fn nothing_in_a_path_is_normalised() {
    let function = serving(&[&ECHO], Mode::Buffered).await;
    for event in [Event::FunctionUrl, Event::RestV1] {
        for (target, name) in [("/echo/..%2Fx", Some("../x")), ("/echo/%2e%2e", Some("..")), ("/x/../echo/a", None)] {
            let (head, bytes) = read(function.call(event, get(target)).await.unwrap()).await;
            match name {
                Some(name) => assert_eq!(json(&bytes)["name"], name),
                None => assert_eq!(head.status, StatusCode::NOT_FOUND, "{target}"),
            }
        }
    }
}

#[tokio::test]
async fn a_text_body_arrives_as_text() {
    let function = serving(&[&ECHO], Mode::Buffered).await;
    let request = || {
        let request = Request::put("/echo/a").header("Content-Type", "application/json");
        request.body(Bytes::from("{\"ä\":1}")).unwrap()
    };
    for event in Event::all(Mode::Buffered) {
        let (_, bytes) = read(function.call(*event, request()).await.unwrap()).await;
        assert_eq!(json(&bytes)["body"], STANDARD.encode("{\"ä\":1}"), "{event:?}");
    }
    // A REST API that treats no type as binary.
    let mut event = Event::RestV1.of(&request());
    event["body"] = json!("{\"ä\":1}");
    event["isBase64Encoded"] = json!(false);
    let mut answer = function.raw(&event, Terms::default()).await.unwrap();
    answer.whole().await;
    let body = json(&answer.bytes)["body"].take();
    assert_eq!(json(body.as_str().unwrap().as_bytes())["body"], STANDARD.encode("{\"ä\":1}"));
}

/// Headers with several values, among them the one that cannot be joined.
const SEVERAL: Endpoint = Endpoint { name: "several", paths: &["/several"], handler: several, ..ECHO };

fn several(_: &App, _: shared::http::Request) -> Outcome<'_> {
    Box::pin(async {
        let response = Response::builder()
            .header("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT")
            .header("Set-Cookie", "b=2")
            .header("Vary", "accept")
            .header("Vary", "origin");
        Ok(Reply::Raw(response.body(body::full("several")).expect("plain headers")))
    })
}

#[tokio::test]
async fn several_values_of_a_header_all_arrive() {
    for (event, mode) in DOORS {
        let function = serving(&[&SEVERAL], mode).await;
        let (head, _) = read(function.call(event, get("/several")).await.unwrap()).await;
        let cookies = texts(&head.headers, "set-cookie");
        assert_eq!(cookies, ["a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "b=2"], "{event:?}, {mode:?}");
        assert_eq!(texts(&head.headers, "vary").join(", "), "accept, origin", "{event:?}, {mode:?}");
    }
}

#[tokio::test]
async fn an_unknown_event_is_an_error_and_not_the_end() {
    let function = Function::start(&binary("heart-beat"), &[], Mode::Buffered).await;
    for event in [json!({ "hello": 1 }), json!([]), json!("text")] {
        let answer = function.raw(&event, Terms::default()).await.unwrap();
        assert!(answer.error);
        assert_eq!(answer.headers["lambda-runtime-function-error-type"], "Function.UnknownEvent");
    }
    function.call(Event::FunctionUrl, get("/heart_beat")).await.unwrap();
}

#[tokio::test]
async fn the_platforms_identifiers_are_logged() {
    let function = Function::start(&binary("heart-beat"), &[], Mode::Buffered).await;
    let terms = Terms { trace: Some("Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"), ..Terms::default() };
    let event = Event::FunctionUrl.of(&get("/heart_beat"));
    let answer = function.raw(&event, terms).await.unwrap();
    assert!(!answer.error);
    let line = json(function.logged("Root=1-5bef4de7").await.unwrap().as_bytes());
    assert_eq!(line["trace"], "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700");
    let access = json(function.logged("answered").await.unwrap().as_bytes());
    assert_eq!(access["request"], line["request"]);
}

#[tokio::test]
async fn a_wrong_setting_is_reported_and_ends_the_process() {
    let function = Function::start(&binary("heart-beat"), &[("RESPONSE_MODE", "loud")], Mode::Buffered).await;
    let report = function.init_error().await.unwrap();
    assert_eq!(report.kind, "Runtime.WrongSetting");
    assert_eq!(report.document["errorMessage"], "RESPONSE_MODE: must be buffered or stream");
    assert_eq!(function.ended().await.unwrap(), "exit status: 2");
    let line = json(function.logged("RESPONSE_MODE").await.unwrap().as_bytes());
    assert_eq!(line["level"], "ERROR");
    assert!(matches!(function.call(Event::FunctionUrl, get("/heart_beat")).await, Err(Failure::Ended(_))));
}

#[tokio::test]
async fn a_start_sends_nothing_to_the_store() {
    let store = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", store.local_addr().unwrap());
    let function = Function::start(&binary("heart-beat"), &[("S3_ENDPOINT", &url)], Mode::Buffered).await;
    function.ready().await.unwrap();
    function.call(Event::FunctionUrl, get("/heart_beat")).await.unwrap();
    assert!(store.accept().now_or_never().is_none(), "somebody called the store");
}

#[tokio::test]
async fn without_a_platform_a_function_says_so() {
    let output = tokio::process::Command::new(binary("heart-beat")).env_clear().output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AWS_LAMBDA_RUNTIME_API: is not set"));
}

#[tokio::test]
async fn a_refused_answer_is_not_the_end() {
    for mode in [Mode::Buffered, Mode::Streamed] {
        let function = serving(&[&SEVERAL], mode).await;
        let event = Event::FunctionUrl.of(&get("/several"));
        let terms = Terms { refuse: Some(StatusCode::PAYLOAD_TOO_LARGE), ..Terms::default() };
        function.raw(&event, terms).await.unwrap();
        let (head, _) = read(function.call(Event::FunctionUrl, get("/several")).await.unwrap()).await;
        assert_eq!(head.status, StatusCode::OK, "{mode:?}");
    }
}

#[tokio::test]
async fn the_function_ends_with_its_platform() {
    let function = serving(&[&SEVERAL], Mode::Buffered).await;
    let event =
        Event::FunctionUrl.of(&Request::builder().method(Method::GET).uri("/several").body(Bytes::new()).unwrap());
    let terms = Terms { refuse: Some(StatusCode::INTERNAL_SERVER_ERROR), ..Terms::default() };
    function.raw(&event, terms).await.unwrap();
    assert_eq!(function.ended().await.unwrap(), "the platform asked us to exit");
}

#[test]
fn every_function_runs_with_the_c_library_of_the_cloud() {
    let endpoints = ALL.iter().chain([&&shared::pages::FALLBACK]).map(|endpoint| endpoint.name);
    for name in endpoints.chain(WORKERS.iter().map(|worker| worker.name)) {
        let newest = newest_glibc(&binary(name));
        assert!(newest <= GLIBC, "{name} asks for glibc {newest:?}");
    }
}
