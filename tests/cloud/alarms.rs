//! Logs and alarms.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Document, Resource, each, target};

/// The most metrics that one alarm may put together (CloudWatch quotas).
const TOGETHER: usize = 10;

/// Where the metrics of a kind of resource are, and the dimension that names one.
const KINDS: [(&str, &str, &str); 3] = [
    ("AWS/Lambda", "FunctionName", "AWS::Lambda::Function"),
    ("AWS/SQS", "QueueName", "AWS::SQS::Queue"),
    ("AWS/ApiGateway", "ApiId", "AWS::ApiGatewayV2::Api"),
];

/// Every group of logs forgets; every function, and the HTTP API, writes to one, as JSON.
pub(super) fn logs(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    for group in document.of("AWS::Logs::LogGroup").filter(|group| group.at("/RetentionInDays").is_null()) {
        found.push(format!("{} keeps everything", group.name));
    }
    let is_group = |name: Option<&str>| {
        name.and_then(|name| document.find(name)).is_some_and(|group| group.kind() == "AWS::Logs::LogGroup")
    };
    for function in document.functions() {
        if !is_group(target(function.at("/LoggingConfig/LogGroup"))) {
            found.push(format!("{} logs to no group of ours", function.binary()));
        }
        if function.at("/LoggingConfig/LogFormat") != "JSON" {
            found.push(format!("{} logs no JSON", function.binary()));
        }
        if function.at("/TracingConfig/Mode") != "Active" {
            found.push(format!("{} is not traced", function.binary()));
        }
    }
    for stage in document.of("AWS::ApiGatewayV2::Stage") {
        let format = stage.at("/AccessLogSettings/Format").as_str().unwrap_or_default();
        if !is_group(target(stage.at("/AccessLogSettings/DestinationArn"))) {
            found.push(format!("{} has no log", stage.name));
        }
        if serde_json::from_str::<BTreeMap<String, String>>(format).is_err() || format.contains("query") {
            found.push(format!("{} logs {format:?}", stage.name));
        }
    }
    found
}

/// A metric that an alarm looks at: namespace, name, and the resource it is of (none of the whole account's).
type Metric<'a> = (&'a str, &'a str, Option<&'a str>);

fn metrics<'a>(alarm: &Resource<'a>) -> Vec<Metric<'a>> {
    let text = |value: &'a Value| value.as_str().unwrap_or("nothing");
    let of = |metric: &'a Value| {
        let space = text(&metric["Namespace"]);
        let known = KINDS.iter().find(|(known, _, _)| *known == space).map_or("", |(_, dimension, _)| dimension);
        // A metric without the dimension that names one thing is another metric.
        let named = metric["Dimensions"].as_array().map(|all| match all.as_slice() {
            [one] if one["Name"] == known => target(&one["Value"]).unwrap_or("nothing"),
            _ => "nothing",
        });
        (space, text(&metric["MetricName"]), named)
    };
    match alarm.at("/Metrics") {
        Value::Array(all) => all.iter().filter_map(|one| one.pointer("/MetricStat/Metric")).map(of).collect(),
        _ => vec![of(&alarm.value["Properties"])],
    }
}

/// An alarm looks at something that there is, and can go off.
pub(super) fn measured(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    for alarm in document.of("AWS::CloudWatch::Alarm") {
        let looked = metrics(&alarm);
        if looked.is_empty() || looked.len() > TOGETHER {
            found.push(format!("{} looks at {} metrics", alarm.name, looked.len()));
        }
        for (space, metric, named) in looked {
            let kind = KINDS.iter().find(|(known, _, _)| *known == space).map(|(_, _, kind)| *kind);
            let is_there = named.is_none_or(|name| document.find(name).is_some_and(|it| Some(it.kind()) == kind));
            // Of the account as a whole there is one: who was turned away.
            let is_whole = named.is_some() || (space, metric) == ("AWS/Lambda", "Throttles");
            if kind.is_none() || !is_there || !is_whole {
                found.push(format!("{} looks at {metric} of {named:?} in {space}", alarm.name));
            }
        }
        if alarm.at("/Metrics").is_array() {
            found.extend(formula(&alarm));
        }
        if alarm.at("/AlarmActions").is_null() || alarm.at("/TreatMissingData") != "notBreaching" {
            found.push(format!("{} tells nobody, or goes off by itself", alarm.name));
        }
    }
    found
}

/// One number comes out of the metrics that are put together.
fn formula(alarm: &Resource<'_>) -> Vec<String> {
    let all = each(alarm.at("/Metrics"));
    let told = all.iter().filter(|one| one["ReturnData"] != false).collect::<Vec<_>>();
    let ids: BTreeSet<_> = all.iter().filter_map(|one| one["Id"].as_str()).collect();
    let mut found = Vec::new();
    if !matches!(told.as_slice(), [one] if one.get("Expression").is_some()) {
        found.push(format!("{} has {} results", alarm.name, told.len()));
    }
    if ids.len() != all.len() {
        found.push(format!("{} has one name for two metrics", alarm.name));
    }
    found
}

/// Every function has an alarm of its errors; every queue one of its age, every dead letter one of its own.
pub(super) fn complete(document: &Document) -> Vec<String> {
    let watched: BTreeSet<_> = document.of("AWS::CloudWatch::Alarm").flat_map(|alarm| metrics(&alarm)).collect();
    let mut found = Vec::new();
    let mut expect = |metric: Metric<'_>| {
        if !watched.contains(&metric) {
            found.push(format!("nobody hears of {} of {}", metric.1, metric.2.unwrap_or("the account")));
        }
    };
    for function in document.functions() {
        expect(("AWS/Lambda", "Errors", Some(function.name)));
    }
    for queue in document.of("AWS::SQS::Queue") {
        let is_read = !queue.at("/RedrivePolicy").is_null();
        let metric = if is_read { "ApproximateAgeOfOldestMessage" } else { "ApproximateNumberOfMessagesVisible" };
        expect(("AWS/SQS", metric, Some(queue.name)));
    }
    for api in document.of("AWS::ApiGatewayV2::Api") {
        expect(("AWS/ApiGateway", "5xx", Some(api.name)));
    }
    expect(("AWS/Lambda", "Throttles", None));
    found
}
