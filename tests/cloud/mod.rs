//! The cloud without a cloud: `template.yaml` as AWS's own translator hands it to CloudFormation, looked at, linted and
//! deployed to moto.
//!
//! The rules are functions of the translated document that tell what is wrong with it; `broken.rs` shows that each can.
//! What no tool here can show: that AWS takes the document, that CloudFront routes as its function says. That the policies
//! let each function do its work with objects is shown elsewhere: by every test through the functions, see
//! [`tests::rights`].

mod alarms;
mod broken;
mod deployed;
mod document;
mod doors;
mod guide;
mod lint;
mod queues;
mod rights;
mod store;

use shared::endpoints::WORKERS;

use self::document::{Document, translated};
use self::doors::Picks;

/// The most resources that a stack may have (CloudFormation quotas).
const RESOURCES: usize = 500;

/// What is wrong with a document.
type Rule = fn(&Document) -> Vec<String>;

/// The rules that need nothing but the document.
const RULES: [(&str, Rule); 14] = [
    ("streams are streams", doors::streams),
    ("who may call a function URL", doors::urls),
    ("what waits longer than an HTTP API does", doors::patience),
    ("rights without a bound", rights::wildcards),
    ("dead letters", queues::dead_letters),
    ("visibility", queues::visibility),
    ("partial failures", queues::partial),
    ("news and schedules", queues::triggers),
    ("logs", alarms::logs),
    ("alarms", alarms::measured),
    ("everything has its alarm", alarms::complete),
    ("the bucket", store::bucket),
    ("settings", settings),
    ("size", size),
];

/// Variables that are a library's, not of `config.rs`.
const NO_SETTINGS: [&str; 1] = ["AWS_LC_SYS_NO_JITTER_ENTROPY"];

/// Every variable that a function is given is one that it reads.
fn settings(document: &Document) -> Vec<String> {
    let read = ["config.rs", "config/business.rs", "config/instances.rs", "config/speech.rs"]
        .map(|file| std::fs::read_to_string(document::root().join("shared/src").join(file)).expect("a source"))
        .concat();
    let mut found = Vec::new();
    for function in document.functions() {
        let given = function.at("/Environment/Variables").as_object().into_iter().flatten().map(|(name, _)| name);
        let unknown =
            given.filter(|name| !NO_SETTINGS.contains(&name.as_str()) && !read.contains(&format!("\"{name}\"")));
        found.extend(unknown.map(|name| format!("{} is given {name}, which nobody reads", function.binary())));
    }
    found
}

fn size(document: &Document) -> Vec<String> {
    let count = document.resources().count();
    if count < RESOURCES { Vec::new() } else { vec![format!("{count} resources, at most {RESOURCES}")] }
}

#[test]
fn the_translated_template_is_as_it_should_be() {
    let Some(document) = translated() else { return };
    let found: Vec<String> = RULES
        .iter()
        .flat_map(|(rule, look)| look(document).into_iter().map(move |fault| format!("{rule}: {fault}")))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(document.functions().count(), shared::endpoints::ALL.len() + WORKERS.len() + 1);
}

#[test]
fn every_request_has_one_door() {
    let (Some(document), Some(picks)) = (translated(), doors::picks()) else { return };
    let found = doors::routes(document, &picks);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_router_is_deployed_as_it_is_tested() {
    let Some(document) = translated() else { return };
    let deployed = document.property("Router", "/FunctionCode").as_str().unwrap();
    assert_eq!(deployed.trim_end(), doors::router().trim_end(), "template.yaml has the text of infra/router.js");
    // CloudFront functions quotas: 10 KB.
    assert!(deployed.len() < 10 * 1024);
}

#[test]
fn what_is_asked_of_cloudfront_alone_goes_where_it_should() {
    let asked = [
        ("GET", "/images/AAAAAAAAAAAAAAAAAAAAAA.jpg", "store,image-download"),
        ("HEAD", "/images/AAAAAAAAAAAAAAAAAAAAAA.gif", "store,image-download"),
        ("GET", "/images/AAAAAAAAAAAAAAAAAAAAAA.jpg?w=320", "image-download"),
        ("GET", "/images/AAAAAAAAAAAAAAAAAAAAAA.jpg?versionId=1", "image-download"),
        ("DELETE", "/images/AAAAAAAAAAAAAAAAAAAAAA.jpg", "api"),
        ("GET", "/images/AAAAAAAAAAAAAAAAAAAAAA.webp", "image-download"),
        ("GET", "/images/%2e%2e%2fquota", "image-download"),
        ("GET", "/images/AAAAAAAAAAAAAAAAAAAAAA.jpg/delete", "api"),
        ("GET", "/images/", "api"),
        ("GET", "/audio/AAAA.mp3", "store,speech-download"),
        ("GET", "/audio/AAAA.mp3?acl", "speech-download"),
        ("GET", "/audio/..%2Finstances%2Fx.mp3", "speech-download"),
        ("GET", "/instances/AAAA", "api"),
        ("GET", "/archive/a/index.json", "api"),
        ("OPTIONS", "/archive/a/", "api"),
        ("OPTIONS", "/v1/audio/speech", "api"),
        ("HEAD", "/files/a", "api"),
        ("GET", "/files/", "api"),
    ];
    let calls = asked.map(|(method, path, _)| (method.to_owned(), path.to_owned()));
    let Some(picked) = doors::ask(&calls) else { return };
    let expected: Picks = asked.map(|(method, path, to)| ((method.to_owned(), path.to_owned()), to.to_owned())).into();
    assert_eq!(picked, expected);
}
