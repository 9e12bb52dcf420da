//! Each rule finds what it is there for: documents that are wrong in one thing.

use serde_json::{Value, json};

use super::document::{Document, translated};
use super::{RULES, doors};

/// The rule, how the document is broken, and a word of what the rule has to say.
type Break = (&'static str, fn(&mut Value), &'static str);

fn set(document: &mut Value, path: &str, value: Value) {
    *document.pointer_mut(&format!("/Resources/{path}")).unwrap_or_else(|| panic!("no {path}")) = value;
}

fn remove(document: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    let parent = document.pointer_mut(&format!("/Resources/{parent}")).unwrap_or_else(|| panic!("no {path}"));
    let removed = match parent {
        Value::Array(list) => list.remove(name.parse().expect("an index")),
        parent => parent.as_object_mut().and_then(|object| object.remove(name)).unwrap_or_else(|| panic!("no {path}")),
    };
    drop(removed);
}

/// Gives a role one more statement.
fn allow(document: &mut Value, role: &str, statement: Value) {
    let path = format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    document.pointer_mut(&path).and_then(Value::as_array_mut).expect("statements").push(statement);
}

fn forget(document: &mut Value, resource: &str) {
    document["Resources"].as_object_mut().expect("resources").remove(resource).expect("it is there");
}

const ORIGINS: &str = "Cdn/Properties/DistributionConfig/Origins";

const BREAKS: &[Break] = &[
    (
        "streams are streams",
        |d| set(d, "ArchiveDownloadUrl/Properties/InvokeMode", json!("BUFFERED")),
        "archive-download",
    ),
    (
        "streams are streams",
        |d| set(d, "ImageDownload/Properties/Environment/Variables/RESPONSE_MODE", json!("buffered")),
        "image-download",
    ),
    (
        "streams are streams",
        |d| set(d, "Docs/Properties/Environment/Variables/RESPONSE_MODE", json!("stream")),
        "docs is",
    ),
    ("streams are streams", |d| forget(d, "TusDownloadUrl"), "tus-download"),
    (
        "streams are streams",
        |d| set(d, "Api/Properties/Body/info", json!({ "responseTransferMode": "STREAM" })),
        "told to stream",
    ),
    ("who may call a function URL", |d| set(d, "TusDownloadUrl/Properties/AuthType", json!("NONE")), "TusDownloadUrl"),
    ("who may call a function URL", |d| remove(d, "TusDownloadByUrl/Properties/SourceArn"), "tus-download may"),
    ("who may call a function URL", |d| forget(d, "ImageDownloadBehind"), "image-download may"),
    (
        "who may call a function URL",
        |d| remove(d, &format!("{ORIGINS}/2/OriginAccessControlId")),
        "archive-download is not signed",
    ),
    ("what waits longer than an HTTP API does", |d| set(d, "Docs/Properties/Timeout", json!(31)), "docs may take 31"),
    (
        "rights without a bound",
        |d| {
            allow(
                d,
                "ImageListRole",
                json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": { "Fn::Sub": "arn:${AWS::Partition}:s3:::${BucketName}/*" } }),
            )
        },
        "ImageListRole has s3:GetObject",
    ),
    (
        "rights without a bound",
        |d| {
            allow(
                d,
                "ImageListRole",
                json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::x/images/*" }),
            )
        },
        "ImageListRole has s3:*",
    ),
    (
        "rights without a bound",
        |d| {
            allow(
                d,
                "StatsRole",
                json!({ "Effect": "Allow", "Action": ["rds:DescribeDBInstances"], "Resource": ["arn:aws:rds:us-east-1:1:db:*"] }),
            )
        },
        "StatsRole has rds",
    ),
    (
        "rights without a bound",
        |d| allow(d, "StatsRole", json!({ "Effect": "Allow", "NotAction": "s3:x", "Resource": "arn:aws:s3:::x/a*" })),
        "does not name",
    ),
    (
        "rights without a bound",
        |d| set(d, "DocsRole/Properties/ManagedPolicyArns", json!(["arn:aws:iam::aws:policy/AmazonS3FullAccess"])),
        "AmazonS3FullAccess",
    ),
    (
        "rights without a bound",
        |d| set(d, "DocsRole/Properties/ManagedPolicyArns", json!([{ "Ref": "Elsewhere" }])),
        "DocsRole has",
    ),
    (
        "rights without a bound",
        |d| {
            set(
                d,
                "DocsRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal",
                json!({ "Service": ["ec2.amazonaws.com"] }),
            )
        },
        "taken on",
    ),
    (
        "rights without a bound",
        |d| {
            let read = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/images/*" });
            d["Resources"]["DocsRole"]["Properties"]["Policies"] = json!([{ "PolicyDocument": { "Statement": read } }]);
        },
        "docs needs no object",
    ),
    (
        "rights without a bound",
        |d| {
            let key = json!({ "Fn::Sub": "arn:${AWS::Partition}:s3:::${BucketName}/image/*" });
            allow(d, "ImageListRole", json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": key }));
        },
        "rights to image/*, and nothing is there",
    ),
    (
        "rights without a bound",
        |d| {
            let path = "StatsRole/Properties/Policies/0/PolicyDocument/Statement/0/Condition/StringLike/s3:prefix";
            set(d, path, json!(["flies/*"]));
        },
        "rights to flies/*",
    ),
    ("rights without a bound", |d| remove(d, "WorkerPolicy/Properties/PolicyDocument/Statement/1"), "strike it out"),
    ("dead letters", |d| remove(d, "StoredQueue/Properties/RedrivePolicy"), "StoredQueue has no dead letters"),
    ("dead letters", |d| set(d, "SpokenDeadLetters/Properties/MessageRetentionPeriod", json!(60)), "forgets after 60"),
    ("dead letters", |d| remove(d, "SpokenQueue/Properties/SqsManagedSseEnabled"), "not encrypted"),
    ("dead letters", |d| forget(d, "PostedDeadLetters"), "not there"),
    ("visibility", |d| set(d, "RecordCrc32/Properties/Timeout", json!(301)), "RecordCrc32Stored"),
    ("visibility", |d| remove(d, "PostedQueue/Properties/VisibilityTimeout"), "DeliverCallbacksPosted"),
    (
        "partial failures",
        |d| set(d, "RecordCrc32Stored/Properties/FunctionResponseTypes", json!([])),
        "RecordCrc32Stored",
    ),
    ("news and schedules", |d| forget(d, "SweepImagesOften"), "on a schedule"),
    ("news and schedules", |d| forget(d, "RenderSpeechSpoken"), "hear of objects"),
    ("news and schedules", |d| remove(d, "NewsQueuesPolicy/Properties/Queues/0"), "may be told"),
    (
        "news and schedules",
        |d| remove(d, "Bucket/Properties/NotificationConfiguration/QueueConfigurations/2"),
        "are told",
    ),
    ("logs", |d| remove(d, "Logs/Properties/RetentionInDays"), "Logs keeps everything"),
    ("logs", |d| remove(d, "Docs/Properties/LoggingConfig"), "docs logs to no group"),
    ("logs", |d| set(d, "Docs/Properties/LoggingConfig/LogFormat", json!("Text")), "docs logs no JSON"),
    ("logs", |d| remove(d, "Docs/Properties/TracingConfig"), "docs is not traced"),
    ("logs", |d| remove(d, "ApiApiGatewayDefaultStage/Properties/AccessLogSettings"), "has no log"),
    ("alarms", |d| set(d, "StoredAgeAlarm/Properties/Dimensions/0/Value", json!("elsewhere")), "StoredAgeAlarm"),
    ("alarms", |d| set(d, "StoredAgeAlarm/Properties/Dimensions/0/Name", json!("Queue")), "StoredAgeAlarm"),
    ("alarms", |d| set(d, "StoredAgeAlarm/Properties/Namespace", json!("AWS/Lambda")), "StoredAgeAlarm"),
    ("alarms", |d| forget(d, "HeartBeat"), "HeartBeat"),
    ("alarms", |d| set(d, "DraftErrorsAlarm/Properties/Metrics/1/ReturnData", json!(true)), "2 results"),
    ("alarms", |d| set(d, "DraftErrorsAlarm/Properties/Metrics/1/Id", json!("all")), "one name"),
    ("alarms", |d| remove(d, "ThrottlesAlarm/Properties/AlarmActions"), "tells nobody"),
    ("everything has its alarm", |d| remove(d, "PageErrorsAlarm/Properties/Metrics/1"), "Errors of UploadPage"),
    ("everything has its alarm", |d| forget(d, "SpokenAgeAlarm"), "SpokenQueue"),
    ("everything has its alarm", |d| forget(d, "SpokenDeadLettersAlarm"), "SpokenDeadLetters"),
    ("everything has its alarm", |d| forget(d, "ThrottlesAlarm"), "the account"),
    ("everything has its alarm", |d| forget(d, "ApiErrorsAlarm"), "5xx"),
    (
        "the bucket",
        |d| set(d, "Bucket/Properties/PublicAccessBlockConfiguration/BlockPublicPolicy", json!(false)),
        "BlockPublicPolicy",
    ),
    ("the bucket", |d| remove(d, "Bucket/Properties/BucketEncryption"), "not encrypted"),
    ("the bucket", |d| set(d, "Bucket/Properties/CorsConfiguration/CorsRules/0/ExposedHeaders", json!([])), "ETag"),
    ("the bucket", |d| remove(d, "Bucket/Properties/LifecycleConfiguration/Rules/0"), "unfinished"),
    (
        "the bucket",
        |d| set(d, "Bucket/Properties/LifecycleConfiguration/Rules/1/Prefix", json!("photos/")),
        "something else",
    ),
    ("the bucket", |d| remove(d, "BucketRules/Properties/PolicyDocument/Statement/0"), "without TLS"),
    (
        "the bucket",
        |d| {
            set(
                d,
                "BucketRules/Properties/PolicyDocument/Statement/1/Resource/0",
                json!({ "Fn::Sub": "arn:aws:s3:::${BucketName}/quota/*" }),
            )
        },
        "it allows",
    ),
    ("the bucket", |d| remove(d, "BucketRules/Properties/PolicyDocument/Statement/1/Condition"), "it allows"),
    (
        "settings",
        |d| d["Resources"]["Docs"]["Properties"]["Environment"]["Variables"]["BUKET"] = json!("x"),
        "docs is given BUKET",
    ),
    ("size", many, "at most 500"),
];

fn many(document: &mut Value) {
    for index in 0..super::RESOURCES {
        document["Resources"][format!("More{index}")] = json!({ "Type": "AWS::SNS::Topic" });
    }
}

#[test]
fn every_rule_finds_its_fault() {
    let Some(document) = translated() else { return };
    for (rule, breaks, says) in BREAKS {
        let mut broken = document.clone();
        breaks(&mut broken.0);
        let (_, look) = RULES.iter().find(|(name, _)| name == rule).unwrap_or_else(|| panic!("no rule {rule}"));
        let found = look(&broken);
        assert!(found.iter().any(|fault| fault.contains(says)), "{rule}: {says:?} is not in {found:?}");
    }
    for (rule, _) in RULES {
        assert!(BREAKS.iter().any(|(broken, _, _)| *broken == rule), "{rule} is never broken");
    }
}

#[test]
fn a_lost_route_is_found() {
    let (Some(document), Some(picks)) = (translated(), doors::picks()) else { return };
    let broken = |breaks: fn(&mut Value), says: &str| {
        let mut broken: Document = document.clone();
        breaks(&mut broken.0);
        let found = doors::routes(&broken, &picks);
        assert!(found.iter().any(|fault| fault.contains(says)), "{says:?} is not in {found:?}");
    };
    broken(|d| remove(d, "Api/Properties/Body/paths/~1docs/head"), "HEAD /docs should come to docs");
    broken(
        |d| {
            let docs = d.pointer("/Resources/Api/Properties/Body/paths/~1docs").expect("a path").clone();
            set(d, "Api/Properties/Body/paths/~1health", docs);
        },
        "GET /health should come to health",
    );
    broken(
        |d| {
            let post = d.pointer("/Resources/Api/Properties/Body/paths/~1mysql/post").expect("a route").clone();
            d["Resources"]["Api"]["Properties"]["Body"]["paths"]["/v1/audio/speech"] = json!({ "post": post });
        },
        "POST /v1/audio/speech should come to speech-speak",
    );
    broken(
        |d| d["Resources"]["Api"]["Properties"]["Body"]["paths"]["/secret"] = json!({ "get": {} }),
        "/secret is no endpoint's",
    );
    broken(|d| remove(d, &format!("{ORIGINS}/3")), "should come to image-download");
    broken(
        |d| {
            d["Resources"]["Api"]["Properties"]["Body"]["paths"].as_object_mut().expect("paths").remove("$default");
        },
        "what nobody answers",
    );

    let mut elsewhere = picks.clone();
    elsewhere.insert(("GET".to_owned(), "/docs".to_owned()), "store".to_owned());
    assert!(doors::routes(document, &elsewhere).iter().any(|fault| fault.contains("CloudFront goes to [\"store\"]")));
}
