//! Archives as functions, beside the local program on the same store.

use serde_json::json;
use tests::arbitrary;
use tests::binaries::binary;
use tests::client::{self, get};
use tests::harness::{Event, Function, Mode};
use tests::stack::{Backend, Door, Stack};

/// The environment of a function on the store of `stack`.
fn environment(stack: &Stack) -> Vec<(String, String)> {
    let (endpoint, (access, secret)) = stack.store();
    let variables = [
        ("S3_ENDPOINT", endpoint),
        ("BUCKET", &stack.bucket),
        ("AWS_ACCESS_KEY_ID", access),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

async fn function(name: &str, stack: &Stack, mode: Mode) -> Function {
    let environment = environment(stack);
    let environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    Function::start(&binary(name), &environment, mode).await
}

async fn the_function_streams_what_the_program_does(backend: Backend) {
    let Some(stack) = Stack::start(Door::Program, backend).await else { return };
    for index in 0..5 {
        stack.put(&format!("photos/trip/{index}.bin"), arbitrary::bytes(index, 2_500_000)).await;
    }
    let local = stack.settled("/archive/trip/").await;
    let streaming = function("archive-download", &stack, Mode::Streamed).await;
    for shape in [Event::FunctionUrl, Event::RestV1] {
        let request = get("/archive/trip/").map(|_| bytes::Bytes::new());
        let answer = client::read(streaming.call(shape, request).await.expect("an answer")).await;
        assert!(answer.whole && answer.body == local.body, "{shape:?}");
        for name in ["content-length", "etag", "content-type", "accept-ranges", "last-modified"] {
            assert_eq!(answer.header(name), local.header(name), "{name}");
        }
    }
    // Buffered, as through an HTTP API, an archive of up to its limit comes in base64.
    stack.put("photos/small/a.bin", arbitrary::bytes(9, 500_000)).await;
    let small = stack.settled("/archive/small/").await;
    let buffered = function("archive-download", &stack, Mode::Buffered).await;
    let request = get("/archive/small/").map(|_| bytes::Bytes::new());
    let answer = client::read(buffered.call(Event::HttpApiV2, request).await.expect("an answer")).await;
    assert!(answer.whole && answer.body == small.body);
}

#[tokio::test]
async fn the_function_streams_what_the_program_does_from_the_embedded_store() {
    the_function_streams_what_the_program_does(Backend::Embedded).await;
}

#[tokio::test]
async fn the_function_streams_what_the_program_does_from_minio() {
    the_function_streams_what_the_program_does(Backend::Minio).await;
}

#[tokio::test]
async fn an_object_that_changes_breaks_the_functions_stream() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    for index in 0..3 {
        stack.put(&format!("photos/trip/{index}.bin"), arbitrary::bytes(index, 20_000_000)).await;
    }
    stack.settled("/archive/trip/").await;
    let streaming = function("archive-download", &stack, Mode::Streamed).await;
    let request = get("/archive/trip/").map(|_| bytes::Bytes::new());
    let response = streaming.call(Event::FunctionUrl, request).await.expect("an answer");
    stack.delete("photos/trip/2.bin").await;
    assert!(!client::read(response).await.whole);
}

/// The worker on a queue event, as the bucket would send it, on a store where nobody else listens.
#[tokio::test]
async fn the_worker_records_what_the_queue_tells_it() {
    let Some(stack) = Stack::start(Door::Functions, Backend::Embedded).await else { return };
    stack.put("photos/trip/a b+ü.bin", arbitrary::bytes(1, 3_000_000)).await;
    let records = async || {
        let listed = stack.s3.list_objects_v2().bucket(&stack.bucket).prefix("crc32/").send().await.unwrap();
        listed.contents().len()
    };
    assert_eq!(records().await, 0);
    let worker = function("record-crc32", &stack, Mode::Buffered).await;
    let message = |id: &str, event: &str, key: &str| {
        let notification = json!({ "Records": [{
            "eventSource": "aws:s3", "eventName": event, "awsRegion": "us-east-1",
            "s3": { "bucket": { "name": stack.bucket }, "object": { "key": key, "size": 3_000_000, "eTag": "x" } },
        }]});
        json!({ "messageId": id, "eventSource": "aws:sqs", "body": notification.to_string() })
    };
    let created = json!({ "Records": [
        message("1", "ObjectCreated:Put", "photos/trip/a+b%2B%C3%BC.bin"),
        message("2", "ObjectCreated:Put", "photos/trip/never-there"),
    ]});
    // Twice: a queue delivers at least once.
    for _ in 0..2 {
        let answer = worker.invoke(created.clone()).await;
        assert_eq!(answer["batchItemFailures"], json!([]));
    }
    assert_eq!(records().await, 1);
    assert_eq!(stack.head("/archive/trip/").await.header("accept-ranges"), "bytes");
    stack.delete("photos/trip/a b+ü.bin").await;
    let deleted = json!({ "Records": [message("3", "ObjectRemoved:Delete", "photos/trip/a+b%2B%C3%BC.bin")] });
    worker.invoke(deleted).await;
    assert_eq!(records().await, 0);
}
