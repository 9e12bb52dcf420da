//! Bytes on their way: how soon they leave, and that they arrive unchanged.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use shared::app::App;
use shared::http::{Auth, Dialect, Endpoint, Limits, Needs, Outcome, Reply, Request, Verb, body};
use tests::binaries::binary;
use tests::harness::{Event, Function, Mode, Terms};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{get, json, read, serving, texts};

#[tokio::test]
async fn a_small_streamed_response_leaves_in_one_write() {
    let function = Function::start(&binary("heart-beat"), &[], Mode::Streamed).await;
    for _ in 0..3 {
        let mut answer = function.raw(&Event::FunctionUrl.of(&get("/heart_beat")), Terms::default()).await.unwrap();
        answer.prelude().await.unwrap();
        let reads = answer.whole().await.reads.clone();
        assert_eq!(&answer.bytes[..], br#"{"msg":"heart_beat"}"#);
        assert_eq!(answer.prelude["statusCode"], 200);
        assert_eq!(reads.len(), 1, "head, prelude and body came in {reads:?}");
    }
}

/// Sends its body when the test has seen its head.
const PIECE: Endpoint = Endpoint {
    name: "piece",
    methods: &[Verb::Get],
    paths: &["/piece"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: piece,
};

static SEEN: Semaphore = Semaphore::const_new(0);

fn piece(_: &App, _: Request) -> Outcome<'_> {
    let piece = stream::once(async {
        SEEN.acquire().await.expect("never closed").forget();
        Ok(Bytes::from_static(b"piece"))
    });
    Box::pin(async { Ok(Reply::Raw(Response::new(body::stream(piece)))) })
}

#[tokio::test]
async fn a_piece_does_not_wait_for_the_acknowledgement_of_the_last() {
    let function = serving(&[&PIECE], Mode::Streamed).await;
    let mut waits = Vec::new();
    // One after the other on one connection: the kernel takes it for an interactive one by then, and delays
    // its acknowledgements by 40 ms.
    for _ in 0..15 {
        let mut answer = function.raw(&Event::FunctionUrl.of(&get("/piece")), Terms::default()).await.unwrap();
        answer.prelude().await.unwrap();
        let released = Instant::now();
        SEEN.add_permits(1);
        assert_eq!(answer.chunk().await.unwrap(), "piece");
        waits.push(released.elapsed());
        answer.whole().await;
    }
    waits.sort();
    // The median, for a busy machine delays one or the other.
    assert!(waits[waits.len() / 2] < Duration::from_millis(30), "{waits:?}");
}

/// Says that it is text; the test decides what it is.
const SAYS_TEXT: Endpoint = Endpoint { name: "says-text", paths: &["/says-text"], handler: says_text, ..PIECE };

static SAID: Mutex<Bytes> = Mutex::new(Bytes::new());

fn says_text(_: &App, _: Request) -> Outcome<'_> {
    let bytes = SAID.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Box::pin(async {
        let response = Response::builder().header("Content-Type", "text/plain; charset=utf-8");
        Ok(Reply::Raw(response.body(body::full(bytes)).expect("plain headers")))
    })
}

#[tokio::test]
async fn bytes_arrive_unchanged_whatever_they_are_said_to_be() {
    let limit = vec![0xfe; 4_600_000];
    let cases: [(&[u8], bool); 6] = [
        (b"text \xff more", true),
        (b"nul \0 in text", true),
        ("plain \u{fffd} ä\r\n\"\\\u{1}".as_bytes(), false),
        (b"", false),
        (b"\xc3", true),
        (&limit, true),
    ];
    for mode in [Mode::Buffered, Mode::Streamed] {
        let function = serving(&[&SAYS_TEXT], mode).await;
        for (bytes, base64) in cases {
            *SAID.lock().unwrap() = Bytes::copy_from_slice(bytes);
            for event in [Event::FunctionUrl, Event::RestV1] {
                let (head, received) = read(function.call(event, get("/says-text")).await.unwrap()).await;
                assert!(received == bytes, "{mode:?}: {} bytes changed", bytes.len());
                assert_eq!(texts(&head.headers, "content-length"), [bytes.len().to_string()]);
            }
            let event = Event::FunctionUrl.of(&get("/says-text"));
            let mut answer = function.raw(&event, Terms::default()).await.unwrap();
            if !answer.is_streamed() {
                answer.whole().await;
                assert_eq!(json(&answer.bytes)["isBase64Encoded"], base64);
            }
        }
    }
}

/// More than a buffered answer can hold.
const LARGE: Endpoint = Endpoint { name: "large", paths: &["/large"], handler: large, ..PIECE };

const CHUNKS: usize = 400;

fn large(_: &App, _: Request) -> Outcome<'_> {
    let chunks = (0..CHUNKS).map(|index| Ok(Bytes::from(vec![u8::try_from(index % 251).unwrap_or(0); 65_537])));
    let response = Response::builder().header("Content-Length", CHUNKS * 65_537);
    Box::pin(async { Ok(Reply::Raw(response.body(body::stream(stream::iter(chunks))).expect("a number"))) })
}

#[tokio::test]
async fn a_large_stream_arrives_whole() {
    let function = serving(&[&LARGE], Mode::Streamed).await;
    let (_, bytes) = read(function.call(Event::FunctionUrl, get("/large")).await.unwrap()).await;
    assert_eq!(bytes.len(), CHUNKS * 65_537);
    let right =
        bytes.chunks(65_537).enumerate().all(|(index, chunk)| chunk.iter().all(|b| usize::from(*b) == index % 251));
    assert!(right);
}
