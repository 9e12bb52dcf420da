//! What functions, the bucket, queues and the key let whom do.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::endpoints::ALL;
use shared::http::Needs;
use shared::storage::key::is_own;

use super::document::{Document, Resource, each, target};

const NO_RESOURCE: &str = "the service knows no resources for it";
const ITSELF: &str = "such a policy speaks of nothing but the thing it is attached to";

/// Every right that has no bound: who has it, what it is, why it has to be.
const UNBOUND: [(&str, &str, &str); 17] = [
    ("EphemeralEnginePolicy", "ecs:DeregisterTaskDefinition", NO_RESOURCE),
    ("EphemeralEnginePolicy", "ecs:ListTaskDefinitions", NO_RESOURCE),
    ("EphemeralEnginePolicy", "ecs:ListTasks", "without machines of our own a condition on the cluster is the bound"),
    ("Key", "kms:*", ITSELF),
    ("Key", "kms:CreateGrant", ITSELF),
    ("Key", "kms:Decrypt", ITSELF),
    ("Key", "kms:DescribeKey", ITSELF),
    ("Key", "kms:Encrypt", ITSELF),
    ("Key", "kms:GenerateDataKey*", ITSELF),
    ("Key", "kms:ReEncrypt*", ITSELF),
    ("NewsQueuesPolicy", "sqs:SendMessage", ITSELF),
    ("RenderSpeechRole", "polly:SynthesizeSpeech", NO_RESOURCE),
    ("SpeechSpeakRole", "polly:SynthesizeSpeech", NO_RESOURCE),
    ("WorkerPolicy", "xray:PutTelemetryRecords", NO_RESOURCE),
    ("WorkerPolicy", "xray:PutTraceSegments", NO_RESOURCE),
    ("every function", "service-role/AWSLambdaBasicExecutionRole", "SAM attaches it: it writes to log groups"),
    ("every function", "AWSXrayWriteOnlyAccess", "SAM attaches it: it writes traces, which are no resources"),
];

/// Where the beginnings of keys are that callers may choose, and that of archives that are put together.
const CHOSEN: [&str; 4] = ["${ArchivePrefix}", "${StorePrefix}", "assembled/", "assemblies/"];

/// A statement that allows something.
struct Allowed<'a> {
    owner: &'a str,
    statement: &'a Value,
}

/// The policy documents of a resource.
fn policies<'a>(resource: &Resource<'a>) -> Vec<&'a Value> {
    match resource.kind() {
        "AWS::IAM::Role" => {
            each(resource.at("/Policies")).into_iter().map(|policy| &policy["PolicyDocument"]).collect()
        }
        "AWS::KMS::Key" => vec![resource.at("/KeyPolicy")],
        "AWS::IAM::ManagedPolicy" | "AWS::S3::BucketPolicy" | "AWS::SQS::QueuePolicy" => {
            vec![resource.at("/PolicyDocument")]
        }
        _ => Vec::new(),
    }
}

/// Every statement that allows something, with the resource that it belongs to.
fn allowed(document: &Document) -> Vec<Allowed<'_>> {
    let mut found = Vec::new();
    for resource in document.resources() {
        for statement in policies(&resource).into_iter().flat_map(|policy| each(&policy["Statement"])) {
            if statement["Effect"] == "Allow" {
                found.push(Allowed { owner: resource.name, statement });
            }
        }
    }
    found
}

/// Whether a resource of a statement names nothing. A name with a beginning is a bound, one without is not.
fn is_unbound(resource: &Value) -> bool {
    let Some(text) = resource.as_str().or_else(|| resource["Fn::Sub"].as_str()) else {
        return target(resource).is_none();
    };
    let text = text.replace("${AWS::", "${");
    let name = text.splitn(6, ':').nth(5).unwrap_or(&text);
    // Of an object the name is its key, of anything else what follows its kind.
    let name = if text.contains(":s3:::") {
        name.strip_prefix("${BucketName}/").unwrap_or(name)
    } else {
        name.split_once([':', '/']).map_or(name, |(_, name)| name)
    };
    name.starts_with('*')
}

/// What may be done without a bound, beyond what has to be, and what no longer is.
pub(super) fn wildcards(document: &Document) -> Vec<String> {
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for Allowed { owner, statement } in allowed(document) {
        let unbound = each(&statement["Resource"]).into_iter().any(is_unbound);
        for action in each(&statement["Action"]) {
            let action = action.as_str().unwrap_or("*");
            if unbound || action.contains('*') {
                used.insert((owner.to_owned(), action.to_owned()));
            }
        }
        if statement.get("NotAction").is_some() || statement.get("NotResource").is_some() {
            found.push(format!("{owner} allows what it does not name"));
        }
    }
    for role in document.of("AWS::IAM::Role") {
        for policy in each(role.at("/ManagedPolicyArns")) {
            match policy.as_str().and_then(|arn| arn.split_once(":policy/")) {
                Some((_, name)) => drop(used.insert(("every function".to_owned(), name.to_owned()))),
                None => found.extend(foreign(document, &role, policy)),
            }
        }
        let trusted = &role.at("/AssumeRolePolicyDocument/Statement")[0]["Principal"]["Service"];
        if each(trusted) != ["lambda.amazonaws.com"] {
            found.push(format!("{} may be taken on by {trusted}", role.name));
        }
    }
    let known: BTreeSet<_> = UNBOUND.map(|(owner, action, _)| (owner.to_owned(), action.to_owned())).into();
    found.extend(used.difference(&known).map(|(owner, right)| format!("{owner} has {right} without a bound")));
    found.extend(known.difference(&used).map(|(owner, right)| format!("{owner} no longer has {right}: strike it out")));
    found.extend(needless(document));
    found.extend(astray(document));
    found
}

/// Rights to objects under names that nothing has.
fn astray(document: &Document) -> Vec<String> {
    let text = |value: &Value| value.as_str().or_else(|| value["Fn::Sub"].as_str()).map(str::to_owned);
    let mut found = Vec::new();
    for Allowed { owner, statement } in allowed(document) {
        let objects = each(&statement["Resource"]).into_iter().filter_map(text);
        let keys = objects.filter_map(|arn| Some(arn.split_once(":s3:::${BucketName}/")?.1.to_owned()));
        let listed = statement["Condition"].as_object().into_iter().flatten();
        let listed = listed.flat_map(|(_, condition)| each(&condition["s3:prefix"])).filter_map(text);
        for key in keys.chain(listed).filter(|key| !is_own(key) && !CHOSEN.iter().any(|chosen| key.starts_with(chosen)))
        {
            found.push(format!("{owner} has rights to {key}, and nothing is there"));
        }
    }
    found
}

/// A policy of a role that is none of this stack.
fn foreign(document: &Document, role: &Resource<'_>, policy: &Value) -> Option<String> {
    let names: Vec<_> = match &policy["Fn::If"] {
        Value::Array(branches) => branches[1..].iter().filter_map(target).collect(),
        _ => target(policy).into_iter().collect(),
    };
    let ours = |name: &&str| {
        **name == *"AWS::NoValue" || document.find(name).is_some_and(|it| it.kind() == "AWS::IAM::ManagedPolicy")
    };
    (names.is_empty() || !names.iter().all(ours)).then(|| format!("{} has {policy}", role.name))
}

/// The pages that are shown without the store, and with more where it is there.
const SHOWN_ANYWAY: [&str; 1] = ["archives-page"];

/// A function that does without the store may read nothing of it.
fn needless(document: &Document) -> Vec<String> {
    let does_without = |name: &&str| !SHOWN_ANYWAY.contains(name);
    let without = ALL.iter().filter(|endpoint| endpoint.needs != Needs::Store).map(|endpoint| endpoint.name);
    let without: BTreeSet<_> = without.filter(does_without).collect();
    let has = document.functions().filter(|function| without.contains(function.binary())).filter_map(|function| {
        let role = document.find(target(function.at("/Role"))?)?;
        let rights = role.at("/Policies").to_string();
        rights.contains("s3:GetObject").then(|| format!("{} needs no object, and may read some", function.binary()))
    });
    has.collect()
}
