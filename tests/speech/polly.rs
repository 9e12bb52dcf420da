//! Amazon Polly, which cannot be reached from here: a server of the test's own stands for it. It checks what Polly would
//! look at (the path, the signature, the JSON) and answers as its documentation says; whether Polly itself agrees is not
//! tested by this.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use shared::http::{Body, body};
use tests::stack::{Backend, Door, Settings, Stack};
use tokio::net::TcpListener;

use super::speak::post;

/// What was asked, and what to answer.
#[derive(Default)]
struct Stand {
    asked: Mutex<Vec<(Parts, Value)>>,
    /// Statuses and bodies of the next answers; sound after them.
    answers: Mutex<Vec<(u16, &'static str, &'static str)>>,
}

/// The program with Polly as its engine, and what stands for Polly.
async fn stand(answers: &[(u16, &'static str, &'static str)]) -> (Arc<Stand>, Stack) {
    let stand = Arc::new(Stand { answers: Mutex::new(answers.to_vec()), ..Stand::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = stand.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let stand = serving.clone();
            let service = service_fn(move |request| answer(stand.clone(), request));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let document = format!("[[speech.engine]]\nkind = \"polly\"\nendpoint = \"http://{address}\"\n");
    let settings = Settings { document: &document, variables: &[("AWS_REGION", "eu-west-3")], ..Settings::default() };
    (stand, Stack::configured(Door::Program, Backend::Embedded, settings).await.unwrap())
}

async fn answer(stand: Arc<Stand>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, content) = request.into_parts();
    let content = content.collect().await.unwrap().to_bytes();
    stand.asked.lock().unwrap().push((head, serde_json::from_slice(&content).unwrap()));
    let mut answers = stand.answers.lock().unwrap();
    let response = if answers.is_empty() {
        let samples: Vec<u8> = (0..16_000i16).flat_map(|at| (at % 80 * 100).to_le_bytes()).collect();
        Response::builder().header("content-type", "audio/pcm").body(body::full(samples))
    } else {
        let (status, kind, text) = answers.remove(0);
        let builder = Response::builder().status(status).header("content-type", "application/json");
        builder.header("x-amzn-errortype", kind).body(body::full(format!("{{\"message\":\"{text}\"}}")))
    };
    Ok(response.unwrap())
}

#[tokio::test]
async fn a_text_becomes_calls_with_ssml() {
    let (stand, stack) = stand(&[]).await;
    let input = "One & two < three. ".repeat(220);
    let answer = post(&stack, &json!({ "input": input, "response_format": "wav", "speed": 1.5 })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = stand.asked.lock().unwrap();
    assert!(asked.len() > 1, "more than one call takes");
    assert_eq!(answer.body.len(), 44 + 32_000 * asked.len(), "all of the sound");
    assert_eq!(answer.body[24..28], 16_000u32.to_le_bytes());
    for (head, call) in asked.iter() {
        assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/v1/speech"));
        let signature = head.headers["authorization"].to_str().unwrap();
        assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential="), "{signature}");
        assert!(signature.contains("/eu-west-3/polly/aws4_request"), "{signature}");
        let fields = ["Engine", "OutputFormat", "SampleRate", "TextType", "VoiceId"].map(|name| call[name].as_str());
        assert_eq!(fields, ["standard", "pcm", "16000", "ssml", "Joanna"].map(Some));
        let text = call["Text"].as_str().unwrap();
        assert!(text.starts_with("<speak>") && text.ends_with("</speak>") && text.chars().count() <= 6000, "{text}");
        assert!(text.contains("rate=\"150%\"") && text.contains("One &amp; two &lt; three."), "{text}");
    }
    let spoken: usize = asked.iter().map(|(_, call)| call["Text"].as_str().unwrap().matches("three").count()).sum();
    assert_eq!(spoken, 220);
}

#[tokio::test]
async fn what_polly_says_becomes_a_reason() {
    let throttled = (429, "ThrottlingException", "Rate exceeded for account 12345");
    let (stand, stack) = stand(&[
        throttled,
        throttled,
        throttled,
        (400, "InvalidSsmlException", "Invalid SSML request"),
        (403, "AccessDeniedException", "User: arn:x is not authorized"),
        (400, "EngineNotSupportedException", "no"),
    ])
    .await;
    for reason in [
        "polly has too much to do",
        "polly does not take this text",
        "polly does not let us in",
        "polly refused to speak",
    ] {
        let answer = post(&stack, &json!({ "input": "Hello.", "voice": "polly:Amy" })).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["msg"]), (503, &Value::from(reason)));
    }
    assert_eq!(stand.asked.lock().unwrap().len(), 6, "only what passes is tried again");
    let answer = post(&stack, &json!({ "input": "Hello.", "voice": "polly:Amy" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(stand.asked.lock().unwrap()[6].1["VoiceId"], "Amy");
}
