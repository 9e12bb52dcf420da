//! Every endpoint, on every path and with every method it takes, as every kind of event that can reach it: the answer
//! is that of the function pointer in this process, over the same store, to the byte.
//!
//! The contract tests go deeper, each request as one kind of event. Here is what they cannot promise: that none is
//! left out.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderMap, Request};
use sha2::Digest;
use shared::endpoints::ALL;
use shared::http::{Auth, Dialect, Endpoint, Verb, body};
use shared::pages::FALLBACK;
use tests::client::Answer;
use tests::functions::{mode, name_for};
use tests::harness::Event;
use tests::stack::{Backend, Door, Settings, Stack};

/// Stands for every parameter of a path: a space, and a letter beyond ASCII. An encoded slash cannot be told from
/// another where an HTTP API has decoded the path.
const PARAMETER: &str = "a%20%C3%A9";

/// Whoever asks for something that only users get has this key.
const KEY: &str = "alice's key";

/// How often the start page is asked again.
const PATIENCE: usize = 20;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Client {
    /// A program: JSON, no cookies.
    Program,
    /// A browser: a form with bytes that are not text, cookies, and headers with several values.
    Browser,
}

/// One request, and what it is for.
pub(super) struct Case {
    endpoint: &'static Endpoint,
    pub(super) client: Client,
    method: &'static str,
    target: String,
}

impl Case {
    /// The request, always with the same identifier, which answers repeat.
    pub(super) fn request(&self) -> Request<Bytes> {
        let request = Request::builder()
            .method(self.method)
            .uri(&self.target)
            .header("Host", "files.example.org")
            .header("X-Forwarded-Proto", "https")
            .header("X-Request-Id", "sweep")
            .header("Authorization", KEY);
        let request = match self.client {
            Client::Program => request.header("Accept", "application/json"),
            Client::Browser => request
                .header("Accept", "text/html")
                .header("Accept", "*/*;q=0.1")
                .header("Accept-Language", "ru")
                .header("Accept-Language", "en;q=0.5")
                .header("Cookie", "theme=dark; lang=zh"),
        };
        if !matches!(self.method, "POST" | "PUT" | "PATCH") {
            return request.body(Bytes::new()).unwrap();
        }
        let (kind, content) = match self.client {
            Client::Program => ("application/json", Bytes::from("{\"sweep\": \"é\"}")),
            Client::Browser => ("application/octet-stream", Bytes::from_static(b"\x00\xff\x80 no form")),
        };
        let request = request.header("Content-Type", kind).header("Content-Length", content.len());
        request.body(content).unwrap()
    }
}

/// The user's key is known, and no databases are made.
pub(super) async fn stack(door: Door) -> Option<Stack> {
    let document = format!(
        "[users.alice]\nkey_sha256 = \"{}\"\nmax_instances = 1\n[instances]\nengine = \"off\"\n",
        shared::hex(&sha2::Sha256::digest(KEY))
    );
    let settings = Settings { document: &document, ..Settings::default() };
    Stack::configured(door, Backend::Embedded, settings).await
}

/// Every endpoint's paths and methods, for both clients.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for endpoint in ALL.iter().chain([&&FALLBACK]) {
        let words = endpoint.methods.iter().flat_map(|verb| match verb {
            Verb::Any => &["GET", "PUT", "OPTIONS"],
            verb => verb.allowed(),
        });
        let words: BTreeSet<&str> = words.copied().collect();
        for (path, method) in endpoint.paths.iter().flat_map(|path| words.iter().map(move |method| (path, *method))) {
            // One name: a REST API tells the names in no order.
            for (client, query) in [(Client::Program, ""), (Client::Browser, "?q=1%2B1%20%26&q=2")] {
                let target = format!("{}{query}", filled(path));
                cases.push(Case { endpoint, client, method, target });
            }
        }
    }
    cases
}

/// A path with something in place of each parameter.
fn filled(pattern: &str) -> String {
    let segment = |segment: &str| match segment.starts_with('{') {
        true => PARAMETER.to_owned(),
        false => segment.to_owned(),
    };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// How a function's answer to an event differs from that of the call, which is made at the same time.
async fn differences(stack: &Stack, direct: &Stack, event: Event, request: &Request<Bytes>) -> Option<String> {
    let expected = comparable(&direct.send(request.clone().map(body::full)).await);
    let answer = match stack.functions().call(event, request.clone()).await {
        Ok(response) => tests::client::read(response).await,
        Err(failure) => return Some(format!("{failure:?}")),
    };
    let found = comparable(&answer);
    if !answer.whole || (&found.0, &found.1) != (&expected.0, &expected.1) {
        return Some(format!("{:?} in place of {:?}", (found.0, found.1), (expected.0, expected.1)));
    }
    let at = found.2.iter().zip(&expected.2).position(|(found, expected)| found != expected)?;
    let part = |bytes: &Bytes| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 200)]).into_owned();
    Some(format!("at byte {at}: {:?} in place of {:?}", part(&found.2), part(&expected.2)))
}

/// What must be equal: everything but the name of what was made just now. An answer's values of one header may arrive
/// joined.
fn comparable(answer: &Answer) -> (u16, BTreeMap<String, String>, Bytes) {
    let joined = |headers: &HeaderMap, name: &str| {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        values.join(", ")
    };
    let headers = answer.headers.keys().map(|name| (name.to_string(), joined(&answer.headers, name.as_str())));
    let mut headers: BTreeMap<String, String> = headers.collect();
    if answer.status == 201
        && let Some(location) = headers.get_mut("location")
    {
        location.truncate(location.rfind('/').unwrap_or_default());
    }
    (answer.status.as_u16(), headers, answer.body.clone())
}

/// What tells an error's dialect, where there is one to be told.
fn speaks(dialect: Dialect, answer: &Answer) -> bool {
    let json = || serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    match dialect {
        Dialect::Msg => json()["msg"].is_string(),
        Dialect::RetCode => json()["retCode"].is_string(),
        Dialect::CodeMsgData => json()["code"] == answer.status.as_u16(),
        Dialect::Plain => answer.header("content-type") == "application/problem+json",
        Dialect::Page => answer.header("content-type").starts_with("text/html"),
        Dialect::Tus => answer.header("tus-resumable") == "1.0.0",
    }
}

#[tokio::test]
async fn every_endpoint_answers_every_kind_of_event_as_it_answers_a_call() {
    let Some(stack) = stack(Door::Functions).await else { return };
    let direct = stack.direct().await;
    let mut sent: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        let request = case.request();
        let name = name_for(request.method(), request.uri().path());
        if name != case.endpoint.name {
            continue; // Another endpoint, before it in the table, takes this.
        }
        let what = format!("{name}, {:?}: {} {}", case.client, case.method, case.target);
        let expected = direct.send(request.clone().map(body::full)).await;
        if expected.status.is_client_error() && matches!(case.client, Client::Program) && case.method != "HEAD" {
            assert!(speaks(case.endpoint.dialect, &expected), "{what}: {expected:?}");
        }
        assert!(case.endpoint.auth == Auth::Open || expected.status != 401, "{what}: the key arrived");
        for event in Event::all(mode(name)) {
            let mut differences = differences(&stack, &direct, *event, &request).await;
            // The start page shows numbers where it has them at once: a busy machine asks once more.
            for _ in 0..PATIENCE {
                if differences.is_none() || name != "home-page" {
                    break;
                }
                differences = self::differences(&stack, &direct, *event, &request).await;
            }
            assert_eq!(differences, None, "{event:?}, {what}");
            sent.entry(name).or_default().insert(format!("{event:?}"));
        }
    }
    for endpoint in ALL.iter().chain([&&FALLBACK]) {
        let events = Event::all(mode(endpoint.name)).iter().map(|event| format!("{event:?}")).collect();
        assert_eq!(sent.get(endpoint.name), Some(&events), "{}", endpoint.name);
    }
}
