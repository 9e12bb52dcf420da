//! Queues, what reads them, and what else starts a worker.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::endpoints::WORKERS;

use super::document::{Document, each, target};

/// How many times its function's timeout a message is hidden, as Lambda asks for ("Using Lambda with Amazon SQS").
const HIDDEN: u64 = 6;

/// How long dead letters are kept, in seconds: the longest there is.
const KEPT: u64 = 14 * 24 * 3600;

/// Every queue has dead letters or is where they go; those are kept longer than the rest.
pub(super) fn dead_letters(document: &Document) -> Vec<String> {
    let buried = |queue: &Value| target(&queue["deadLetterTargetArn"]).map(str::to_owned);
    let graves: BTreeSet<_> =
        document.of("AWS::SQS::Queue").filter_map(|queue| buried(queue.at("/RedrivePolicy"))).collect();
    let mut found = Vec::new();
    for queue in document.of("AWS::SQS::Queue") {
        let grave = buried(queue.at("/RedrivePolicy"));
        match (&grave, graves.contains(queue.name)) {
            (None, false) => found.push(format!("{} has no dead letters", queue.name)),
            (Some(_), true) => found.push(format!("{} is another's dead letters and has some itself", queue.name)),
            (None, true) if queue.at("/MessageRetentionPeriod") != KEPT => {
                found.push(format!("{} forgets after {} s", queue.name, queue.at("/MessageRetentionPeriod")));
            }
            (Some(grave), false) if document.find(grave).is_none() => {
                found.push(format!("{} buries in {grave}, which is not there", queue.name));
            }
            _ => {}
        }
        if queue.at("/SqsManagedSseEnabled") != true {
            found.push(format!("{} is not encrypted", queue.name));
        }
    }
    found
}

/// A message is not given to a second run while the first may still have it.
pub(super) fn visibility(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    for mapping in document.of("AWS::Lambda::EventSourceMapping") {
        let (queue, function) = (target(mapping.at("/EventSourceArn")), target(mapping.at("/FunctionName")));
        let hidden = queue.and_then(|queue| document.property(queue, "/VisibilityTimeout").as_u64());
        let time = function.and_then(|function| document.property(function, "/Timeout").as_u64());
        if time.is_none() || hidden != time.map(|time| time * HIDDEN) {
            found.push(format!("{}: hidden for {hidden:?} s, run for {time:?} s", mapping.name));
        }
    }
    found
}

/// One bad message does not take the others of its batch with it.
pub(super) fn partial(document: &Document) -> Vec<String> {
    let bad = document
        .of("AWS::Lambda::EventSourceMapping")
        .filter(|mapping| each(mapping.at("/FunctionResponseTypes")) != ["ReportBatchItemFailures"]);
    bad.map(|mapping| format!("{} fails as a whole", mapping.name)).collect()
}

/// A worker that looks at objects has a queue of news, one that looks around has a schedule; the bucket tells each
/// queue, and may.
pub(super) fn triggers(document: &Document) -> Vec<String> {
    let (mut found, binaries) = (Vec::new(), document.binaries());
    let binary = |value: &Value| target(value).and_then(|name| binaries.get(name)).copied();
    let on_news: BTreeSet<_> = document
        .of("AWS::Lambda::EventSourceMapping")
        .filter_map(|mapping| binary(mapping.at("/FunctionName")))
        .collect();
    let on_time: BTreeSet<_> = document
        .of("AWS::Events::Rule")
        .filter(|rule| rule.at("/ScheduleExpression").as_str().is_some_and(|every| every.starts_with("rate(")))
        .flat_map(|rule| each(rule.at("/Targets")))
        .filter_map(|rule| binary(&rule["Arn"]))
        .collect();
    let expected = |does: fn(&shared::events::Worker) -> bool| -> BTreeSet<&str> {
        WORKERS.iter().filter(|worker| does(worker)).map(|worker| worker.name).collect()
    };
    if on_news != expected(|worker| worker.on_object.is_some()) {
        found.push(format!("{on_news:?} hear of objects"));
    }
    if on_time != expected(|worker| worker.on_schedule.is_some()) {
        found.push(format!("{on_time:?} run on a schedule"));
    }
    let told: BTreeSet<_> = each(document.property("Bucket", "/NotificationConfiguration/QueueConfigurations"))
        .into_iter()
        .filter_map(|queue| target(&queue["Queue"]))
        .collect();
    let permitted: BTreeSet<_> =
        each(document.property("NewsQueuesPolicy", "/Queues")).into_iter().filter_map(target).collect();
    let read: BTreeSet<_> = document
        .of("AWS::Lambda::EventSourceMapping")
        .filter_map(|mapping| target(mapping.at("/EventSourceArn")))
        .collect();
    if told != read || permitted != read {
        found.push(format!("{read:?} are read, {told:?} are told, {permitted:?} may be told"));
    }
    found
}
