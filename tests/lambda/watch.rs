//! `cargo lambda watch`, the development server of Lambda functions, with its router: the table of `endpoints.rs`, as
//! `functions/Cargo.toml` has it.
//!
//! It serves the Runtime API alone here (`--only-lambda-apis`), and the functions are those that are built already. Left
//! to itself it would call `cargo run --package functions`, which builds the SDK once more: with fewer packages cargo
//! unites fewer features. Once they are built it works that way too.
//!
//! What that server (1.9.2) does otherwise than AWS, so that it is not tried here:
//! - It streams no answer whose head comes in one piece with what follows, so functions answer as a whole: their
//!   RESPONSE_MODE is what it is by default.
//! - Of several headers of one name it hands on the first.
//! - It takes a deadline for the time that is left, and no answer without a list of cookies: the function loop knows.

use std::collections::HashMap;
use std::process::Stdio;

use bytes::Bytes;
use http::{Method, Request};
use shared::endpoints::ALL;
use shared::http::{Verb, body};
use tests::binaries::binary;
use tests::client::{self, Answer};
use tests::functions::name_for;
use tests::require;
use tests::stack::{Backend, Door, Stack, free_address};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::sweep;

/// Every method that a gateway hands on.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The routes, a line each. What no endpoint takes goes to the fallback, as in the cloud.
fn routes() -> Vec<String> {
    let mut paths: Vec<&str> = Vec::new();
    for path in ALL.iter().flat_map(|endpoint| endpoint.paths) {
        if !paths.contains(path) {
            paths.push(path);
        }
    }
    let mut lines = Vec::new();
    for path in paths {
        let mut functions: Vec<(&str, Vec<String>)> = Vec::new();
        for method in METHODS {
            let name = function(path, method);
            let method = format!("{method:?}");
            match functions.iter_mut().find(|(known, _)| *known == name) {
                Some((_, methods)) => methods.push(method),
                None => functions.push((name, vec![method])),
            }
        }
        for (name, methods) in functions {
            lines.push(format!("{{ path = {path:?}, methods = [{}], function = {name:?} }},", methods.join(", ")));
        }
    }
    lines.push("{ path = \"/{*path}\", function = \"fallback\" },".to_owned());
    lines
}

/// Who answers a method on a path: the first that takes it.
fn function(path: &str, method: &str) -> &'static str {
    let method: Method = method.parse().unwrap();
    let takes = |verb: &Verb| verb.takes(&method);
    let found = ALL.iter().find(|endpoint| endpoint.paths.contains(&path) && endpoint.methods.iter().any(takes));
    found.map_or("fallback", |endpoint| endpoint.name)
}

#[test]
fn its_router_is_the_table() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let written = manifest.split_once("\nrouter = [\n").and_then(|(_, rest)| rest.split_once("\n]\n"));
    let written: Vec<&str> = written.expect("a router").0.lines().map(str::trim).collect();
    let routes = routes();
    assert!(written == routes, "in functions/Cargo.toml should stand:\nrouter = [\n    {}\n]", routes.join("\n    "));
}

/// The development server, and the functions that were asked for. All of them end with this.
struct Watch {
    url: String,
    http: client::Client,
    variables: Vec<(&'static str, String)>,
    functions: Mutex<HashMap<&'static str, Child>>,
    _server: Child,
}

impl Watch {
    /// Over the store of `stack`.
    async fn start(stack: &Stack) -> Option<Self> {
        // It is installed with what deploys.
        let pinned = require::cache().join("deploy/bin/cargo-lambda");
        let program = if pinned.is_file() { pinned } else { require::tool("cargo-lambda")? };
        let (url, (endpoint, (access, secret))) = (free_address(), stack.store());
        let mut command = Command::new(program);
        command.args(["lambda", "watch", "--only-lambda-apis", "--disable-cors", "--invoke-address", "127.0.0.1"]);
        command.args(["--invoke-port", url.rsplit(':').next().unwrap(), "--package", "functions"]);
        let mut server = command
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = url.trim_start_matches("http://").to_owned();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(server.try_wait().unwrap().is_none(), "cargo lambda watch ended");
            tokio::task::yield_now().await;
        }
        let variables = vec![
            ("S3_ENDPOINT", endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", access.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("BUCKET", stack.bucket.clone()),
            ("PANNIER_CONFIG", stack.document().display().to_string()),
        ];
        Some(Self { url, http: client::client(), variables, functions: Mutex::default(), _server: server })
    }

    /// Starts the function, if it does not run, as a person would who looks for a mistake in it.
    async fn run(&self, name: &'static str) {
        let mut functions = self.functions.lock().await;
        functions.entry(name).or_insert_with(|| {
            Command::new(binary(name))
                .env("AWS_LAMBDA_RUNTIME_API", format!("{}/.rt/{name}", self.url))
                .envs(self.variables.iter().map(|(name, value)| (*name, value)))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap()
        });
    }

    async fn send(&self, request: Request<Bytes>) -> Answer {
        let (mut head, content) = request.into_parts();
        self.run(name_for(&head.method, head.uri.path())).await;
        head.uri = format!("{}{}", self.url, head.uri).parse().unwrap();
        let answer = self.http.request(Request::from_parts(head, body::full(content)));
        let answer = tokio::time::timeout(client::PATIENCE, answer).await.expect("in time").unwrap();
        client::read(answer.map(body::boxed)).await
    }
}

/// Every endpoint on all its paths, as a program asks for it.
#[tokio::test]
async fn it_finds_every_function() {
    let Some(stack) = sweep::stack(Door::Direct).await else { return };
    let Some(watch) = Watch::start(&stack).await else { return };
    for case in sweep::cases().into_iter().filter(|case| matches!(case.client, sweep::Client::Program)) {
        let request = case.request();
        let what = format!("{} {}", request.method(), request.uri());
        let expected = stack.send(request.clone().map(body::full)).await;
        let answer = watch.send(request).await;
        assert_eq!((answer.status, answer.text()), (expected.status, expected.text()), "{what}");
        assert_eq!(answer.header("content-type"), expected.header("content-type"), "{what}");
        assert_eq!(answer.header("x-request-id"), "sweep", "{what}: a function answered");
    }
    let functions = watch.functions.lock().await;
    for endpoint in ALL {
        assert!(functions.contains_key(endpoint.name), "{}", endpoint.name);
    }
}

/// A request that is answered alike at any address.
fn request(method: &str, target: &str, headers: &[(&str, &str)], content: impl Into<Bytes>) -> Request<Bytes> {
    let content = content.into();
    let mut request = Request::builder().method(method).uri(target).header("X-Request-Id", "watched");
    request = request.header("X-Forwarded-Host", "files.example.org");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !content.is_empty() {
        request = request.header("Content-Length", content.len());
    }
    request.body(content).unwrap()
}

/// A picture of one black pixel.
fn png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[tokio::test]
async fn it_hands_on_what_a_request_has() {
    let Some(stack) = Stack::start(Door::Direct, Backend::Embedded).await else { return };
    let Some(watch) = Watch::start(&stack).await else { return };
    stack.put("photos/a é/x.txt", "abc").await;
    let json = ("Accept", "application/json");
    let page = ("Accept", "text/html");
    let form = ("Content-Type", "application/octet-stream");
    let preflight = [("Origin", "https://example.org"), ("Access-Control-Request-Method", "POST")];
    let requests = [
        request("POST", "/heart_beat", &[json, form], &b"\x00\xff"[..]),
        // Another method and another path: the fallback says what there is.
        request("DELETE", "/heart_beat", &[json], ""),
        request("PATCH", "/archive/a/", &[json], ""),
        request("OPTIONS", "/heart_beat", &preflight, ""),
        request("GET", "/nothing/here", &[page, ("Cookie", "a=1; lang=ru")], ""),
        request("GET", "/archives?lang=zh&q=1%2B1", &[page, ("Cookie", "a=1; lang=ru")], ""),
        request("GET", "/archives", &[page, ("Cookie", "a=1; lang=ru")], ""),
        request("GET", "/archive/a%20%C3%A9/index.json", &[json], ""),
    ];
    for request in requests {
        let what = format!("{} {}", request.method(), request.uri());
        let expected = stack.send(request.clone().map(body::full)).await;
        let answer = watch.send(request).await;
        assert_eq!((answer.status, answer.text()), (expected.status, expected.text()), "{what}");
        for name in ["content-type", "x-request-id", "allow", "set-cookie", "access-control-allow-methods"] {
            assert_eq!(answer.header(name), expected.header(name), "{what}: {name}");
        }
    }
    // Bytes go in and come out as they are.
    let upload = request("POST", "/api/upload", &[json, ("Content-Type", "image/png"), ("Filename", "dot.png")], png());
    let answer = watch.send(upload).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let link = answer.json()["url"].as_str().unwrap().to_owned();
    let path = link.strip_prefix("http://files.example.org").unwrap_or_else(|| panic!("{link}")).to_owned();
    let answer = watch.send(request("GET", &path, &[], "")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "image/png"));
    assert_eq!(answer.body, stack.get(&path).await.body);
    assert!(answer.body.starts_with(b"\x89PNG"));
}
