//! Workers: what a bucket and its queue tell them, and what they answer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shared::app::App;
use shared::error::Error;
use shared::events::{Change, Done, ObjectEvent, RUN_LIMIT, Schedule, Worker};
use tests::harness::{Function, Mode, Terms};

use super::{app, in_time};

/// Remembers what it heard. Keys say how it takes it.
const LISTENER: Worker = Worker { name: "listener", on_object: Some(listen), on_schedule: None };

static HEARD: Mutex<Vec<ObjectEvent>> = Mutex::new(Vec::new());

fn listen<'a>(_: &'a App, event: &'a ObjectEvent) -> Done<'a> {
    assert!(!event.key.ends_with("panic-at-once"), "the secret cause");
    Box::pin(async move {
        HEARD.lock().expect("no panic holds it").push(event.clone());
        assert!(!event.key.ends_with("panic"), "the secret cause");
        if event.key.ends_with("never") {
            std::future::pending::<()>().await;
        }
        if event.key.ends_with("fail") { Err(Error::internal("listen", "the secret cause")) } else { Ok(()) }
    })
}

/// Knows the time only: each run ends in another way.
const CLOCK: Worker = Worker {
    name: "clock",
    on_object: None,
    on_schedule: Some(Schedule { every: Duration::from_secs(1), limit: RUN_LIMIT, handler: strike }),
};

static STRIKES: AtomicU32 = AtomicU32::new(0);

fn strike(_: &App) -> Done<'_> {
    Box::pin(async {
        match STRIKES.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(()),
            1 => Err(Error::internal("strike", "the secret cause")),
            2 => panic!("the secret cause"),
            3 => std::future::pending().await,
            _ => Ok(()),
        }
    })
}

/// What was heard of keys below `prefix`: the tests of this module run at once.
fn heard(prefix: &str) -> Vec<ObjectEvent> {
    let heard = HEARD.lock().expect("no panic holds it");
    heard.iter().filter(|event| event.key.starts_with(prefix)).cloned().collect()
}

async fn listening() -> Function {
    let serve =
        |api: String| async move { shared::events::serve_invocations(&api, &app(Mode::Buffered), &LISTENER).await };
    Function::in_process(serve).await
}

fn record(name: &str, key: &str) -> Value {
    let mut record = json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2025-01-24T14:00:00.000Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": { "name": "media", "arn": "arn:aws:s3:::media" },
            "object": { "key": key, "sequencer": "0055AED6DCD90281E5" },
        },
    });
    if name.contains("Created") {
        record["s3"]["object"]["size"] = json!(1024);
        record["s3"]["object"]["eTag"] = json!("d41d8cd98f00b204e9800998ecf8427e");
    }
    record
}

fn message(id: &str, body: &Value) -> Value {
    json!({ "messageId": id, "body": body.to_string(), "eventSource": "aws:sqs", "attributes": {} })
}

#[tokio::test]
async fn each_message_of_a_batch_succeeds_or_fails_by_itself() {
    let function = listening().await;
    let of = |key: &str| json!({ "Records": [record("ObjectCreated:Put", key)] });
    let batch = json!({ "Records": [
        message("fine", &of("q/a+b%2Bc/%C3%A9.jpg")),
        message("fails", &of("q/fail")),
        message("panics", &of("q/panic")),
        message("panics-at-once", &of("q/panic-at-once")),
        message("test", &json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media" })),
        message("strange", &json!({ "Event": "s3:Unheard" })),
        { "messageId": "no-json", "body": "no JSON", "eventSource": "aws:sqs" },
        message("bad-key", &of("q/%ff")),
        message("gone", &json!({ "Records": [record("s3:ObjectRemoved:Delete", "q/gone")] })),
        message("tagged", &json!({ "Records": [record("ObjectTagging:Put", "q/tagged")] })),
        message("none", &json!({ "Records": [] })),
    ] });
    let answer = function.invoke(batch).await;
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let mut failed: Vec<_> = failures.iter().filter_map(|failure| failure["itemIdentifier"].as_str()).collect();
    failed.sort_unstable();
    assert_eq!(failed, ["bad-key", "fails", "no-json", "panics", "panics-at-once", "strange"]);

    let heard = heard("q/");
    let created = ObjectEvent {
        bucket: "media".to_owned(),
        key: "q/a b+c/é.jpg".to_owned(),
        size: 1024,
        etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        kind: Change::Created,
    };
    assert!(heard.contains(&created), "{heard:?}");
    let gone = heard.iter().find(|event| event.key == "q/gone").unwrap();
    assert_eq!((gone.kind, gone.size, gone.etag.as_str()), (Change::Deleted, 0, ""));
    assert!(!heard.iter().any(|event| event.key == "q/tagged"));
}

#[tokio::test]
async fn news_straight_from_the_bucket_succeeds_or_fails_as_a_whole() {
    let function = listening().await;
    let fine = json!({ "Records": [record("ObjectCreated:Copy", "d/one"), record("ObjectCreated:Put", "d/two")] });
    assert_eq!(function.invoke(fine).await["batchItemFailures"], json!([]));
    let fails = json!({ "Records": [record("ObjectCreated:Put", "d/three"), record("ObjectCreated:Put", "d/fail")] });
    let answer = function.invoke(fails).await;
    assert_eq!(answer["errorType"], "Function.WorkerFailed");
    assert!(!answer.to_string().contains("secret"));
    let unknown = function.invoke(json!({ "hello": 1 })).await;
    assert_eq!(unknown["errorType"], "Function.UnknownEvent");
    let mut keys: Vec<_> = heard("d/").into_iter().map(|event| event.key).collect();
    keys.sort();
    assert_eq!(keys, ["d/fail", "d/one", "d/three", "d/two"]);
}

#[tokio::test]
async fn what_is_not_done_by_the_deadline_is_not_lost() {
    let function = listening().await;
    let of = |key: &str| json!({ "Records": [record("ObjectCreated:Put", key)] });
    let batch = json!({ "Records": [message("hangs", &of("t/never")), message("fine", &of("t/fine"))] });
    let answer = in_time(&function, &batch).await;
    assert_eq!(super::json(&answer.bytes)["batchItemFailures"], json!([{ "itemIdentifier": "hangs" }]));
}

#[tokio::test]
async fn a_schedule_is_another_kind_of_event() {
    let serve =
        |api: String| async move { shared::events::serve_invocations(&api, &app(Mode::Buffered), &CLOCK).await };
    let function = Function::in_process(serve).await;
    let time = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
    assert_eq!(function.invoke(time.clone()).await, json!({}));
    for _ in 0..2 {
        let answer = function.invoke(time.clone()).await;
        assert_eq!(answer["errorType"], "Function.WorkerFailed");
        assert!(!answer.to_string().contains("secret"));
    }
    let terms = Terms { time: Duration::from_secs(2), ..Terms::default() };
    let mut answer = function.raw(&time, terms).await.unwrap();
    answer.whole().await;
    assert_eq!(super::json(&answer.bytes)["errorType"], "Function.WorkerFailed");
    assert_eq!(function.invoke(time.clone()).await, json!({}), "it lives on");
    // Each worker takes only what it is for.
    let news = json!({ "Records": [record("ObjectCreated:Put", "c/one")] });
    assert_eq!(function.invoke(news).await["errorType"], "Function.UnknownEvent");
    assert_eq!(listening().await.invoke(time).await["errorType"], "Function.UnknownEvent");
    assert_eq!(STRIKES.load(Ordering::Relaxed), 5);
}
