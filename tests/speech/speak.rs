//! `POST /v1/audio/speech` through the doors.

use std::path::Path;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::http::body;
use tests::client::Answer;
use tests::contract;
use tests::require;
use tests::stack::{Settings, Stack};

use super::voice::all_gone;

pub(super) async fn post(stack: &Stack, fields: &Value) -> Answer {
    stack.send(request(fields)).await
}

fn request(fields: &Value) -> Request<shared::http::Body> {
    let text = fields.to_string();
    let request = Request::post("/v1/audio/speech").header("content-type", "application/json");
    request.header("content-length", text.len()).body(body::full(text)).unwrap()
}

contract! {
    async fn a_text_is_spoken(stack: &Stack) {
        let fields = json!({ "model": "tts-1", "input": "Hello, world.", "voice": "alloy" });
        let answer = post(stack, &fields).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "audio/mpeg"), "{}", answer.text());
        assert!(answer.whole && answer.body.len() > 3000 && answer.body[0] == 0xFF, "{} bytes", answer.body.len());
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let wav = post(stack, &json!({ "input": "Hello, world.", "response_format": "wav", "model": "flite" })).await;
        assert_eq!((wav.status.as_u16(), wav.header("content-type")), (200, "audio/wav"));
        assert!(wav.whole && wav.body.starts_with(b"RIFF"));
        assert_eq!(wav.body[24..28], 16_000u32.to_le_bytes());
        let seconds = (wav.body.len() - 44) / 32_000;
        assert!((0..3).contains(&seconds), "{} bytes", wav.body.len());
        let fast = json!({ "input": "Hello, world.", "response_format": "wav", "speed": 2, "instructions": "gaily",
                           "stream_format": "audio", "unknown": [1] });
        assert!(post(stack, &fast).await.body.len() * 3 < wav.body.len() * 2);
        let low = post(stack, &json!({ "input": "Hello.", "voice": "flite:kal", "response_format": "wav" })).await;
        assert_eq!(low.body[24..28], 8_000u32.to_le_bytes());
    }

    async fn what_is_wrong_is_told(stack: &Stack) {
        let cases = [
            (json!({}), "No text provided", json!("input")),
            (json!({ "input": 5 }), "input must be a string", json!("input")),
            (json!({ "input": "" }), "No text provided", json!("input")),
            (json!({ "input": "x".repeat(5001) }), "Too large text (> 5000 characters)", json!("input")),
            (json!({ "input": "a", "voice": "nobody" }), "Unknown voice: nobody", json!("voice")),
            (json!({ "input": "a", "voice": ["x"] }), "voice must be a string", json!("voice")),
            (json!({ "input": "a", "voice": "x".repeat(129) }), "voice has at most 128 characters", json!("voice")),
            (json!({ "input": "a", "model": "x".repeat(129) }), "model has at most 128 characters", json!("model")),
            (json!({ "input": "a", "model": "flite", "voice": "ru" }), "Unknown voice: flite:ru", json!("voice")),
            (json!({ "input": "a", "speed": 0.2 }), "speed must be a number from 0.25 to 4", json!("speed")),
            (json!({ "input": "a", "speed": 4.1 }), "speed must be a number from 0.25 to 4", json!("speed")),
            (json!({ "input": "a", "speed": "1" }), "speed must be a number from 0.25 to 4", json!("speed")),
            (json!({ "input": "a", "response_format": "opus" }), "response_format must be mp3 or wav", json!("response_format")),
            (json!({ "input": "a", "stream_format": "sse" }), "stream_format must be audio", json!("stream_format")),
        ];
        for (fields, problem, param) in cases {
            let answer = post(stack, &fields).await;
            let found = answer.json();
            assert_eq!((answer.status.as_u16(), &found["msg"]), (400, &json!(problem)), "{fields}");
            let error = json!({ "message": problem, "type": "invalid_request_error", "param": param, "code": null });
            assert_eq!(found["error"], error, "{fields}");
        }
        for broken in ["", "{", "[]", "\"x\"", "{\"input\":\"a\"} x", "\u{0}"] {
            let request = Request::post("/v1/audio/speech").body(body::full(broken.to_owned())).unwrap();
            let answer = stack.send(request).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["msg"]), (400, &json!("Can not read passed json")));
        }
        let other = Request::builder().method(Method::PUT).uri("/v1/audio/speech").body(body::empty()).unwrap();
        let other = stack.send(other).await;
        assert_eq!((other.status.as_u16(), other.header("allow")), (405, "POST, OPTIONS"));
        assert!(other.json()["msg"].is_string());
        let large = post(stack, &json!({ "input": "x".repeat(600_000) })).await;
        assert_eq!((large.status.as_u16(), large.json()["msg"].is_string()), (413, true));
    }
}

/// The program with one engine of the test's own, which is this script.
async fn with_engine(folder: &Path, script: &str) -> Stack {
    let path = folder.join("engine.py");
    std::fs::write(&path, script).unwrap();
    let document = format!(
        "[[speech.engine]]\nkind = \"command\"\nname = \"own\"\ncommand = [\"python3\", {path:?}]\nvoices = {{ en = \"amy\" }}\n"
    );
    let settings = Settings { document: &document, ..Settings::default() };
    Stack::configured(tests::stack::Door::Program, tests::stack::Backend::Embedded, settings).await.unwrap()
}

/// Speaks for ten seconds, except for what has a word in it.
const OWN: &str = r#"
import struct, sys, time
text = sys.stdin.read()
if 'Break' in text:
    sys.exit(7)
if 'Hang' in text:
    time.sleep(1000)
out = sys.stdout.buffer
out.write(b'RIFF' + struct.pack('<I', 0x7ffff024) + b'WAVEfmt ' + struct.pack('<IHHIIHH', 16, 1, 1, 16000, 32000, 2, 16) + b'data' + struct.pack('<I', 0x7ffff000))
out.write(struct.pack('<hh', 5000, -5000) * 80000)
"#;

/// A paragraph for each word: phrases of their own.
fn paragraphs(words: &[&str]) -> Value {
    json!({ "input": words.join("\n\n"), "response_format": "wav" })
}

#[tokio::test]
async fn failures_before_and_behind_the_first_sound() {
    if require::tool("python3").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let stack = with_engine(folder.path(), OWN).await;
    let fine = post(&stack, &paragraphs(&["Hello."])).await;
    assert_eq!((fine.status.as_u16(), fine.whole), (200, true));
    let failed = post(&stack, &paragraphs(&["Break."])).await;
    assert_eq!((failed.status.as_u16(), &failed.json()["msg"]), (503, &json!("own ended with status 7")));
    assert_eq!(failed.json()["error"]["type"], "server_error");
    assert!(!failed.header("retry-after").is_empty());
    let text = format!("{} Break.", "Hello, this is a sentence that is long enough. ".repeat(8));
    let broken = post(&stack, &json!({ "input": text, "response_format": "wav" })).await;
    assert_eq!((broken.status.as_u16(), broken.whole), (200, false), "never a short one that looks whole");
    assert!(broken.body.len() > 100_000);
    all_gone(&[&folder.path().display().to_string()]).await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_process() {
    if require::tool("python3").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().display().to_string();
    let stack = with_engine(folder.path(), OWN).await;
    let text = format!("{} Hang.", "Hello, this is a sentence that is long enough. ".repeat(8));
    let mut response = stack.open(request(&json!({ "input": text, "response_format": "wav" }))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.body_mut().frame().await.unwrap().is_ok(), "while the engine goes on");
    drop(response);
    all_gone(&[&marker]).await;
}

#[tokio::test]
async fn only_so_many_are_spoken_at_once() {
    if require::tool("python3").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let stack = with_engine(folder.path(), OWN).await;
    // Each holds its place for as long as its client does not listen: the sockets take less than all of it.
    let long = json!({ "input": "Hello, this is a sentence that is long enough to be a phrase. ".repeat(70), "response_format": "wav" });
    let mut held = Vec::new();
    for _ in 0..16 {
        let response =
            tokio::time::timeout(Duration::from_secs(60), stack.open(request(&long))).await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        held.push(response);
    }
    let refused = post(&stack, &paragraphs(&["Hello."])).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "2"));
    assert_eq!(refused.json()["msg"], "Too many texts are spoken at once.");
    held.clear();
    assert_eq!(post(&stack, &paragraphs(&["Hello."])).await.status, 200, "places are given back");
    all_gone(&[&folder.path().display().to_string()]).await;
}

#[tokio::test]
async fn health_names_what_is_missing() {
    let document = "[[speech.engine]]\nkind = \"command\"\nname = \"own\"\ncommand = [\"no-such-program-here\"]\n\
                    voices = { en = \"a\" }\ninstall = \"the package own\"\n";
    let with_flite = format!("{document}[[speech.engine]]\nkind = \"flite\"\n");
    let start = |document: String| async move {
        let settings = Settings { document: &document, ..Settings::default() };
        Stack::configured(tests::stack::Door::Program, tests::stack::Backend::Embedded, settings).await.unwrap()
    };
    let stack = start(with_flite).await;
    let health = stack.get("/health").await;
    assert_eq!(health.status, 200, "one engine is enough");
    let missing = "not installed: install the package own";
    let expected = json!({ "state": "ok", "engines": { "own": missing, "flite": "ok" } });
    assert_eq!(health.json()["dependencies"]["speech"], expected);
    let answer = post(&stack, &json!({ "input": "Hello.", "voice": "own" })).await;
    let words = "The speech engine own is not installed: install the package own";
    assert_eq!((answer.status.as_u16(), &answer.json()["msg"]), (503, &json!(words)));
    assert_eq!(post(&stack, &json!({ "input": "Hello." })).await.status, 200, "the other one speaks");
}
