//! The translated template, deployed to moto.
//!
//! What is dropped on the way, and where it is looked at instead:
//! - CloudFront (distribution, function, policies, access controls) and function URLs: moto's CloudFormation does not know
//!   them. Their rules are in `doors.rs`, and the function runs in Node.
//! - The stage of the HTTP API, with its throttling and its log: as above; see `alarms.rs`.
//! - Of a function moto's CloudFormation takes over code, role, variables, memory and time; not its processors, its log, its
//!   tracing, its key. Of the bucket only the encryption.
//! - What the bucket has beside that, the policies of bucket and queues, alarms, the HTTP API and the secret are put by
//!   the services' own APIs out of the same document (`deploy.py`).
//! - Conditions of policies are read by nobody, and nobody's rights are looked at.
//! - What has a condition (the key, names, the budget, the engines of databases) is not made: the parameters are the
//!   default ones.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tests::require::python_tool;

use super::document::{Document, python, script, target, translated, translated_file};

/// What moto has no place for, by kind and number.
const DROPPED: [(&str, usize); 7] = [
    ("AWS::ApiGatewayV2::Stage", 1),
    ("AWS::CloudFront::CachePolicy", 2),
    ("AWS::CloudFront::Distribution", 1),
    ("AWS::CloudFront::Function", 1),
    ("AWS::CloudFront::OriginAccessControl", 2),
    ("AWS::CloudFront::ResponseHeadersPolicy", 2),
    ("AWS::Lambda::Url", 7),
];

const BUCKET: &str = "pannier-test-files";

/// A moto of its own, stopped with the test.
struct Moto {
    process: Child,
    url: String,
}

impl Moto {
    fn start() -> Option<Self> {
        let url = tests::stack::free_address();
        let address = url.trim_start_matches("http://").to_owned();
        let port = address.rsplit(':').next().expect("a port");
        let mut process = Command::new(python_tool("moto_server")?)
            .args(["-H", "127.0.0.1", "-p", port])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto starts");
        while TcpStream::connect(&address).is_err() {
            assert!(process.try_wait().expect("it is ours").is_none(), "moto ended");
            std::thread::yield_now();
        }
        Some(Self { process, url })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What moto has of the template, as the services tell it.
fn deploy() -> Option<Value> {
    let (moto, file) = (Moto::start()?, translated_file()?);
    let mut command = Command::new(python()?);
    command.arg(script("deploy.py")).arg(&moto.url).arg(file.path()).arg(BUCKET);
    let output = command.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("a JSON document"))
}

/// The members of a list by one of their fields.
fn by<'a>(list: &'a Value, field: &str) -> BTreeMap<&'a str, &'a Value> {
    let list = list.as_array().expect("a list");
    list.iter().map(|item| (item[field].as_str().expect("a name"), item)).collect()
}

/// The logical name out of a physical one.
fn logical(physical: &str) -> &str {
    physical.trim_start_matches("pannier-").split('-').next().expect("a name")
}

#[test]
fn moto_takes_the_template() {
    let (Some(document), Some(there)) = (translated(), deploy()) else { return };
    let mut dropped = BTreeMap::new();
    for kind in there["dropped"].as_object().expect("an object").values() {
        *dropped.entry(kind.as_str().expect("a kind")).or_insert(0) += 1;
    }
    assert_eq!(dropped, DROPPED.into());
    bucket(&there["bucket"]);
    queues(&there, document);
    functions(&there, document);
    routes(&there);
    alarms(&there, document);
    let groups = there["logs"].as_array().expect("a list");
    assert!(groups.len() == 2 && groups.iter().all(|group| group["retentionInDays"] == 30), "{groups:?}");
    assert_eq!(there["secrets"].as_array().map(Vec::len), Some(1));
}

fn bucket(bucket: &Value) {
    let rule = &bucket["encryption"]["Rules"][0];
    assert_eq!(rule["ApplyServerSideEncryptionByDefault"], json!({ "SSEAlgorithm": "AES256" }));
    let block = bucket["block"].as_object().expect("an object");
    assert!(block.len() == 4 && block.values().all(|on| on == true), "{block:?}");
    assert_eq!(bucket["cors"][0]["ExposeHeaders"], json!(["ETag"]));
    assert_eq!(bucket["cors"][0]["AllowedOrigins"], json!(["*"]));
    let rules = by(&bucket["lifecycle"], "ID");
    assert_eq!(rules["forget-assembled-archives"]["Expiration"], json!({ "Days": 2 }));
    assert_eq!(rules["forget-assembled-archives"]["Filter"], json!({ "Prefix": "assembled/" }));
    let abort = &rules["abort-unfinished-multipart-uploads"]["AbortIncompleteMultipartUpload"];
    assert_eq!(abort["DaysAfterInitiation"], 7);
    assert_eq!(bucket["versioning"], Value::Null);
    assert_eq!(bucket["policy"]["Statement"][0]["Effect"], "Deny");
}

/// Queues with what they hear of, and who reads them.
fn queues(there: &Value, document: &Document) {
    let heard = |key: &str| -> Vec<(String, String)> {
        let heard = there["news"][key].as_array().expect("a list").iter();
        heard
            .map(|news| (logical(news[0].as_str().unwrap()).to_owned(), news[1].as_str().unwrap().to_owned()))
            .collect()
    };
    let one = |queue: &str, key: &str| vec![(queue.to_owned(), key.to_owned())];
    assert_eq!(heard("photos/a/b.jpg"), one("StoredQueue", "photos%2Fa%2Fb.jpg"));
    assert_eq!(heard("outbox/1"), one("PostedQueue", "outbox%2F1"));
    assert_eq!(heard("speech/queue/1"), one("SpokenQueue", "speech%2Fqueue%2F1"));
    assert_eq!(heard("uploads/u/c/handoff"), one("HandedOverQueue", "uploads%2Fu%2Fc%2Fhandoff"));
    assert_eq!((heard("uploads/u/task"), heard("images/a.jpg")), (Vec::new(), Vec::new()));

    let queues = by(&there["queues"], "QueueArn");
    assert_eq!(queues.len(), document.of("AWS::SQS::Queue").count());
    for (arn, queue) in &queues {
        let name = logical(arn.rsplit(':').next().unwrap());
        assert_eq!(queue["SqsManagedSseEnabled"], "true", "{name}");
        let Some(redrive) = queue.get("RedrivePolicy") else {
            assert!(name.ends_with("DeadLetters"), "{name}");
            continue;
        };
        let redrive: Value = serde_json::from_str(redrive.as_str().unwrap()).unwrap();
        assert!(queues.contains_key(redrive["deadLetterTargetArn"].as_str().unwrap()), "{name}: {redrive}");
        let policy: Value = serde_json::from_str(queue["Policy"].as_str().unwrap()).unwrap();
        let from = &policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"];
        assert_eq!(*from, format!("arn:aws:s3:::{BUCKET}"), "{name}");
    }
    let mappings = there["mappings"].as_array().expect("a list");
    assert_eq!(mappings.len(), 4);
    for mapping in mappings {
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
        let arn = mapping["EventSourceArn"].as_str().unwrap();
        let hidden: u64 = queues[arn]["VisibilityTimeout"].as_str().unwrap().parse().unwrap();
        let name = logical(mapping["FunctionArn"].as_str().unwrap().rsplit(':').next().unwrap());
        assert_eq!(Some(hidden), document.property(name, "/Timeout").as_u64().map(|time| 6 * time), "{name}");
    }
}

/// Functions with their roles and schedules: every reference came to something.
fn functions(there: &Value, document: &Document) {
    let functions = by(&there["functions"], "FunctionName");
    assert_eq!(functions.len(), document.functions().count());
    for (name, function) in &functions {
        let wanted = document.find(logical(name)).expect("a function of the template");
        assert_eq!(function["MemorySize"], *wanted.at("/MemorySize"), "{name}");
        assert_eq!(function["Timeout"], *wanted.at("/Timeout"), "{name}");
        let variables = function["Environment"]["Variables"].as_object().expect("variables");
        assert_eq!((&variables["BUCKET"], &variables["CORS_ORIGINS"]), (&json!(BUCKET), &json!("*")), "{name}");
        let lost = variables.values().filter(|value| !value.is_string() && !value.is_number()).count();
        assert_eq!(lost, 0, "{name}: {variables:?}");
        let role = function["Role"].as_str().unwrap().rsplit('/').next().unwrap();
        let rights = there["roles"][role].to_string();
        assert!(there["roles"].get(role).is_some() && !rights.contains("${"), "{name}: {rights}");
    }
    let rules = there["rules"].as_array().expect("a list");
    assert_eq!(rules.len(), document.of("AWS::Events::Rule").count());
    for rule in rules {
        let arn = rule["Targets"][0]["Arn"].as_str().unwrap();
        assert!(functions.contains_key(arn.rsplit(':').next().unwrap()), "{rule}");
    }
}

fn routes(there: &Value) {
    let routes: BTreeSet<&str> = by(&there["routes"], "RouteKey").into_keys().collect();
    let behind_urls = ["GET /archive/{hash}/", "POST /v1/audio/speech"];
    assert!(routes.contains("POST /files/") && routes.contains("$default"), "{routes:?}");
    assert!(behind_urls.iter().all(|route| !routes.contains(route)), "{routes:?}");
    assert_eq!(routes.len(), there["routes"].as_array().map_or(0, Vec::len), "one of each");
}

/// Alarms and the dashboard: what they measure is there, under the name it has.
fn alarms(there: &Value, document: &Document) {
    let alarms = by(&there["alarms"], "AlarmName");
    assert_eq!(alarms.len(), document.of("AWS::CloudWatch::Alarm").count());
    let names: BTreeSet<&str> = there["made"].as_object().unwrap().values().filter_map(Value::as_str).collect();
    let dimensions = |alarm: &Value| -> Vec<String> {
        let single = alarm["Dimensions"].as_array().cloned().unwrap_or_default();
        let math = alarm["Metrics"].as_array().cloned().unwrap_or_default();
        let inner =
            math.iter().filter_map(|metric| metric.pointer("/MetricStat/Metric/Dimensions")?.as_array().cloned());
        let all = inner.flatten().chain(single);
        all.map(|dimension| dimension["Value"].as_str().unwrap().to_owned()).collect()
    };
    for (name, alarm) in &alarms {
        for value in dimensions(alarm).iter().filter(|_| *name != "ApiErrorsAlarm") {
            let is_there = names.iter().any(|made| made == value || made.ends_with(&format!("/{value}")));
            assert!(is_there, "{name} looks at {value}");
        }
    }
    let board = &there["dashboards"][0];
    let shown = board.to_string();
    assert!(board["widgets"].as_array().is_some_and(|widgets| widgets.len() == 9), "{shown}");
    for queue in document.of("AWS::SQS::Queue") {
        assert!(target(&json!({ "Ref": queue.name })).is_some_and(|name| shown.contains(&format!("pannier-{name}-"))));
    }
}
