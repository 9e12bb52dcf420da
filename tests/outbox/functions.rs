//! The same as a function: on news of a message from the queue, and on the platform's clock.

use serde_json::{Value, json};
use shared::outbox::post;
use tests::binaries::binary;
use tests::harness::{Function, Mode};
use tests::minio;
use tests::stack::{embedded, storage_at};

use super::office::{configuration, message};
use super::receiver::{Receiver, Reply};

const BUCKET: &str = "callbacks";

fn news(key: &str) -> Value {
    let notification = json!({ "Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": "us-east-1",
        "s3": { "bucket": { "name": BUCKET }, "object": { "key": key, "size": 100, "eTag": "x" } },
    }]});
    let message =
        |id: &str, body: &Value| json!({ "messageId": id, "eventSource": "aws:sqs", "body": body.to_string() });
    json!({ "Records": [message("1", &notification), message("2", &notification)] })
}

fn clock(source: &str) -> Value {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": source, "account": "123456789012", "time": "2025-10-08T16:53:06Z", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/due"], "detail": {},
    })
}

#[tokio::test]
async fn the_function_delivers_on_news_and_on_the_clock() {
    let data = tempfile::tempdir().unwrap();
    let keys = (minio::ACCESS_KEY, minio::SECRET_KEY);
    let (_store, endpoint) = embedded(&data, keys).await;
    let storage = storage_at(&endpoint, BUCKET).await;
    let receiver =
        Receiver::start(&[Reply::Status(200), Reply::Status(200), Reply::Status(500), Reply::Status(200)]).await;
    let document = data.path().join("pannier.toml");
    std::fs::write(&document, configuration(&[("shop", &receiver.url())])).unwrap();
    let environment = [
        ("S3_ENDPOINT", &*endpoint),
        ("BUCKET", BUCKET),
        ("AWS_ACCESS_KEY_ID", keys.0),
        ("AWS_SECRET_ACCESS_KEY", keys.1),
        ("PANNIER_CONFIG", document.to_str().unwrap()),
    ];
    let function = Function::start(&binary("deliver-callbacks"), &environment, Mode::Buffered).await;
    let delivered = || receiver.calls().iter().map(|call| call.header("webhook-id").to_owned()).collect::<Vec<_>>();

    post(&storage, &message("one", "shop")).await.unwrap();
    // Told twice at once, and again when it is gone.
    for _ in 0..2 {
        assert_eq!(function.invoke(news("outbox/one")).await["batchItemFailures"], json!([]));
    }
    assert_eq!(delivered(), ["one"]);
    // News of others, and of what is no message.
    for key in ["photos/one", "outbox/", "outbox/a%2Fb", "outbox-dead/one"] {
        assert_eq!(function.invoke(news(key)).await["batchItemFailures"], json!([]), "{key}");
    }

    post(&storage, &message("two", "shop")).await.unwrap();
    assert_eq!(function.invoke(clock("aws.events")).await, json!({}));
    assert_eq!(delivered(), ["one", "two"]);
    // A failed try is over when the run is, and the next run is too early for another.
    post(&storage, &message("three", "shop")).await.unwrap();
    assert_eq!(function.invoke(clock("aws.scheduler")).await, json!({}));
    assert_eq!(function.invoke(clock("aws.events")).await, json!({}));
    assert_eq!(function.invoke(news("outbox/three")).await["batchItemFailures"], json!([]));
    assert_eq!(delivered(), ["one", "two", "three"]);
    // Once it is time, it goes.
    while delivered().len() < 4 {
        assert_eq!(function.invoke(clock("aws.events")).await, json!({}));
    }
    assert_eq!(delivered()[3], "three");
    assert_eq!(function.invoke(json!({ "source": "aws.s3" })).await["errorType"], "Function.UnknownEvent");
    assert_eq!(function.invoke(clock("aws.health")).await["errorType"], "Function.UnknownEvent");
}
