//! Workers behind the queues that the template declares: a message that nobody can handle costs its neighbours nothing
//! and ends among the dead letters.

use std::collections::BTreeMap;

use serde_json::json;
use tests::harness::Mode;
use tests::queues::Queues;
use tests::stack::{Backend, Door, Stack};
use tests::template::{Consumer, Template};

/// Messages that are fine, about as many before the bad one as after it.
const FINE: usize = 6;

/// Where the bucket's news of a queue is about: prefix and suffix of keys.
fn filter(template: &Template, queue: &str) -> (String, String) {
    let news = template.news().into_iter().find(|news| news.queue == queue);
    let news = news.unwrap_or_else(|| panic!("no bucket tells {queue} anything"));
    (news.prefix, news.suffix)
}

/// A bucket's notification. The key is written as the bucket writes it, encoded.
fn news(bucket: &str, key: &str) -> String {
    let object = json!({ "key": key, "size": 3, "eTag": "900150983cd24fb0d6963f7d28e17f72" });
    let record = json!({ "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": "us-east-1",
        "s3": { "bucket": { "name": bucket }, "object": object } });
    json!({ "Records": [record] }).to_string()
}

#[tokio::test]
async fn one_poisoned_message_comes_back_alone_and_ends_among_the_dead_letters() {
    let template = Template::read(&[]);
    let Some(queues) = Queues::start(&template).await else { return };
    let consumers = template.consumers();
    assert!(!consumers.is_empty(), "the template has workers behind queues");
    for consumer in &consumers {
        poisoned(&template, &queues, consumer).await;
    }
    // Every queue is one of those: it has a worker, or it is where the dead letters of one go.
    let ends: Vec<String> = consumers.iter().map(|consumer| dead_letters(&template, consumer).0).collect();
    for (name, _) in template.resources("AWS::SQS::Queue") {
        let known = consumers.iter().any(|consumer| consumer.queue == name) || ends.iter().any(|end| end == name);
        assert!(known, "{name} has neither a worker nor dead letters");
    }
}

/// Of a worker's queue: where what it gives up goes, and after how many tries.
fn dead_letters(template: &Template, consumer: &Consumer) -> (String, usize) {
    let policy = &template.properties(&consumer.queue)["RedrivePolicy"];
    let arn = policy["deadLetterTargetArn"].as_str().unwrap_or_else(|| panic!("{} has no end", consumer.queue));
    let tries = policy["maxReceiveCount"].as_u64().and_then(|tries| usize::try_from(tries).ok()).unwrap();
    (arn.rsplit(':').next().unwrap().to_owned(), tries)
}

async fn poisoned(template: &Template, queues: &Queues, consumer: &Consumer) {
    let Some(stack) = Stack::start(Door::Functions, Backend::Embedded).await else { return };
    let worker = shared::endpoints::WORKERS.iter().find(|worker| worker.name == consumer.binary).unwrap();
    let function = stack.functions().function(worker.name, Mode::Buffered).await;
    let queue = &consumer.queue;
    let (end, tries) = dead_letters(template, consumer);
    let visibility = queues.number(queue, "VisibilityTimeout").await;
    assert!(visibility >= 6 * consumer.timeout, "{queue}: a message must not come back while it is worked on");

    let (prefix, suffix) = filter(template, queue);
    let mut fine = Vec::new();
    let mut bad = String::new();
    for index in 0..=FINE {
        if index == FINE / 2 {
            // An object whose key is no text: every try of it fails.
            bad = queues.send(queue, &news(&stack.bucket, &format!("{prefix}%ff{suffix}"))).await;
        } else {
            let key = format!("{prefix}trip/{index}{suffix}");
            // What is told of is there, except for what only the work itself makes.
            if prefix == "photos/" {
                stack.put(&key, "abc").await;
            }
            fine.push(queues.send(queue, &news(&stack.bucket, &key)).await);
        }
    }
    let deliveries = queues.drain(consumer, &function).await;

    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for delivery in &deliveries {
        *count.entry(&delivery.id).or_default() += 1;
        assert_eq!(delivery.failed, delivery.id == bad, "{queue}: {deliveries:?}");
    }
    assert!(fine.iter().all(|id| count.get(&**id) == Some(&1)), "{queue}: each of the others once: {deliveries:?}");
    assert_eq!(count[&*bad], tries, "{queue}: {deliveries:?}");
    let together = deliveries.iter().any(|delivery| delivery.id == bad && delivery.batch > 1);
    assert_eq!(together, consumer.batch > 1, "{queue}: it had neighbours where there are batches: {deliveries:?}");
    assert_eq!((queues.left(queue).await, queues.left(&end).await), (0, 1), "{queue} and {end}");
    assert_eq!(queues.bodies(&end).await, [news(&stack.bucket, &format!("{prefix}%ff{suffix}"))]);
    if consumer.binary == "record-crc32" {
        assert_eq!(stack.keys("crc32/").await.len(), FINE, "the others were worked on");
    }
}
