//! Who answers what: the HTTP API, function URLs, the bucket, and CloudFront's function before them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use shared::endpoints::ALL;
use tests::require::tool;

use super::document::{Document, each, root, script, target};

/// Where each call goes: the origins in the order in which they are asked, with commas between.
pub(super) type Picks = BTreeMap<(String, String), String>;

/// The functions that send while they read: what they send has no bound, or is waited for.
const STREAMS: [&str; 6] =
    ["archive-download", "draft-download", "image-download", "speech-download", "speech-speak", "tus-download"];

/// The functions whose URL anybody may call, each because it takes a POST: CloudFront signs no body that it has not
/// seen, and asks the client for its hash.
const OPEN: [&str; 2] = ["archive-import", "speech-speak"];

/// The longest that an HTTP API waits, in seconds (its quotas).
const API_PATIENCE: u64 = 30;

/// The text of CloudFront's function.
pub(super) fn router() -> String {
    std::fs::read_to_string(root().join("infra/router.js")).expect("infra/router.js")
}

/// Method and path pattern of every call there is, HEAD with each GET, and the endpoint that answers it.
pub(super) fn calls() -> BTreeMap<(String, String), &'static str> {
    let mut calls = BTreeMap::new();
    for endpoint in ALL {
        let words = endpoint.methods.iter().flat_map(|verb| verb.allowed());
        for (word, path) in words.flat_map(|word| endpoint.paths.iter().map(move |path| (word, path))) {
            // The first one in the table has it.
            calls.entry(((*word).to_owned(), (*path).to_owned())).or_insert(endpoint.name);
        }
    }
    calls
}

/// A path that fits a pattern, as a client may send it.
fn example(pattern: &str) -> String {
    let name = if pattern.starts_with("/audio/") { "AAAAAAAAAAAAAAAAAAAAAA.mp3" } else { "AAAAAAAAAAAAAAAAAAAAAA.jpg" };
    let segments = pattern.split('/').map(|segment| if segment.starts_with('{') { name } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Where CloudFront's function sends every call there is; `None` where there is no Node.
pub(super) fn picks() -> Option<Picks> {
    let calls = calls();
    let asked: Vec<_> = calls.keys().map(|(method, path)| (method.clone(), example(path))).collect();
    let picked = ask(&asked)?;
    Some(calls.into_keys().zip(&asked).map(|(call, asked)| (call, picked[asked].clone())).collect())
}

/// Where CloudFront's function sends these.
pub(super) fn ask(calls: &[(String, String)]) -> Option<Picks> {
    let mut node = Command::new(tool("node")?)
        .arg(script("router.mjs"))
        .arg(root().join("infra/router.js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node runs");
    let asked = serde_json::to_vec(calls).expect("plain text");
    node.stdin.take().expect("it is piped").write_all(&asked).expect("Node reads");
    let output = node.wait_with_output().expect("Node ends");
    assert!(output.status.success(), "the router fails");
    let answers: Vec<String> = serde_json::from_slice(&output.stdout).expect("a list");
    Some(calls.iter().cloned().zip(answers).collect())
}

/// The functions behind the routes of the HTTP API: method (`ANY` of the last resort) and path.
fn api_routes(document: &Document) -> BTreeMap<(String, String), Vec<&str>> {
    let mut routes: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for api in document.of("AWS::ApiGatewayV2::Api") {
        for (path, methods) in api.at("/Body/paths").as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let uri = &operation["x-amazon-apigateway-integration"]["uri"];
                let method = if method == "x-amazon-apigateway-any-method" { "ANY" } else { method };
                routes.entry((method.to_uppercase(), path.clone())).or_default().push(target(uri).unwrap_or("nothing"));
            }
        }
    }
    routes
}

/// Every call there is has exactly one door, behind which is its function; and no door leads elsewhere.
pub(super) fn routes(document: &Document, picks: &Picks) -> Vec<String> {
    let (mut found, api, binaries) = (Vec::new(), api_routes(document), document.binaries());
    let (calls, origins) = (calls(), origins(document));
    for ((method, path), endpoint) in &calls {
        let call = (method.clone(), path.clone());
        let behind: Vec<&str> = api.get(&call).into_iter().flatten().map(|name| binaries[name]).collect();
        let picked: Vec<&str> = picks.get(&call).map(|to| to.split(',').collect()).unwrap_or_default();
        let fault = match (picked.as_slice(), behind.as_slice()) {
            (["api"], [only]) if only == endpoint => continue,
            (["api"], behind) => format!("the HTTP API has {behind:?}"),
            ([.., last], []) if last == endpoint => match origins.get(last) {
                Some(function) if function == endpoint => continue,
                other => format!("the origin is {other:?}"),
            },
            (picked, behind) => format!("CloudFront goes to {picked:?}, the HTTP API has {behind:?}"),
        };
        found.push(format!("{method} {path} should come to {endpoint}: {fault}"));
    }
    let last_resort = ("ANY".to_owned(), "$default".to_owned());
    for (method, path) in api.keys().filter(|call| **call != last_resort && !calls.contains_key(*call)) {
        found.push(format!("{method} {path} is no endpoint's"));
    }
    match api.get(&last_resort).map(Vec::as_slice) {
        Some([only]) if binaries[only] == "fallback" => {}
        other => found.push(format!("what nobody answers comes to {other:?}")),
    }
    found
}

/// The function behind every origin that is a function URL.
fn origins(document: &Document) -> BTreeMap<&str, &str> {
    let binaries = document.binaries();
    let named = each(document.property("Cdn", "/DistributionConfig/Origins")).into_iter().filter_map(|origin| {
        let url = target(&origin["DomainName"]["Fn::Select"][1]["Fn::Split"][1])?;
        let function = target(document.property(url, "/TargetFunctionArn"))?;
        Some((origin["Id"].as_str()?, *binaries.get(function)?))
    });
    named.collect()
}

/// What streams has a URL that streams, and is told so; nothing else is.
pub(super) fn streams(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    let urls: BTreeMap<_, _> = document
        .of("AWS::Lambda::Url")
        .filter_map(|url| Some((target(url.at("/TargetFunctionArn"))?, url.at("/InvokeMode").as_str()?)))
        .collect();
    for function in document.functions() {
        let binary = function.binary();
        let mode = function.at("/Environment/Variables/RESPONSE_MODE").as_str().unwrap_or("none");
        let expected = if STREAMS.contains(&binary) {
            ("stream", Some("RESPONSE_STREAM"))
        } else if OPEN.contains(&binary) {
            ("buffered", Some("BUFFERED"))
        } else {
            ("buffered", None)
        };
        let is = (mode, urls.get(function.name).copied());
        if is != expected {
            found.push(format!("{binary} is {is:?} and should be {expected:?}"));
        }
    }
    // An HTTP API cannot stream, whatever its document says.
    let body = document.property("Api", "/Body").to_string();
    if body.to_lowercase().contains("responsetransfermode") {
        found.push("the HTTP API is told to stream".to_owned());
    }
    found
}

/// A function URL is CloudFront's alone, but those that have to be open.
pub(super) fn urls(document: &Document) -> Vec<String> {
    let (mut found, binaries) = (Vec::new(), document.binaries());
    for url in document.of("AWS::Lambda::Url") {
        let function = target(url.at("/TargetFunctionArn")).unwrap_or_default();
        let binary = binaries.get(function).copied().unwrap_or("nothing");
        let open = OPEN.contains(&binary);
        if url.at("/AuthType") != if open { "NONE" } else { "AWS_IAM" } {
            found.push(format!("{}: {}", url.name, url.at("/AuthType")));
        }
        let signed = each(document.property("Cdn", "/DistributionConfig/Origins"))
            .into_iter()
            .any(|origin| origin["Id"] == binary && origin.get("OriginAccessControlId").is_some());
        if signed == open {
            found.push(format!("the origin {binary} is {}signed", if signed { "" } else { "not " }));
        }
        let permitted: BTreeSet<_> = document
            .of("AWS::Lambda::Permission")
            .filter(|permission| target(permission.at("/FunctionName")) == Some(function))
            .map(|permission| {
                let from = permission.at("/SourceArn")["Fn::Sub"].as_str().unwrap_or_default();
                let ours = from.ends_with(":distribution/${Cdn}");
                (permission.at("/Action").as_str(), permission.at("/Principal").as_str(), ours)
            })
            .collect();
        let who = if open { (Some("*"), false) } else { (Some("cloudfront.amazonaws.com"), true) };
        let expected = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"].map(|action| (Some(action), who.0, who.1));
        if permitted != expected.into() {
            found.push(format!("{binary} may be called by {permitted:?}"));
        }
    }
    found
}

/// Behind the HTTP API nothing takes longer than it waits.
pub(super) fn patience(document: &Document) -> Vec<String> {
    let routed: BTreeSet<&str> = api_routes(document).into_values().flatten().collect();
    let slow = document.functions().filter(|function| {
        routed.contains(function.name) && function.at("/Timeout").as_u64().is_none_or(|time| time > API_PATIENCE)
    });
    slow.map(|function| format!("{} may take {} s", function.binary(), function.at("/Timeout"))).collect()
}
