//! What the template lets each function do with objects, and a tap before a store that lets it do no more.
//!
//! Behind such a tap a test of a function fails where its policy lacks a right, as it would on AWS: the store answers
//! `AccessDenied`. Of IAM there is here what the template uses: statements that allow, `*` in names, and a condition on the
//! prefix of a listing (S3 user guide, "Actions, resources, and condition keys"; which API needs which action: "Required
//! permissions for Amazon S3 API operations").

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, IF_MATCH};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use shared::http::{Body, body};

use crate::tap::{Behind, hand_on, open};
use crate::template::Template;

/// The template, with the values that the tests' stacks have: it knows the prefix of one business only, and they have two.
static TEMPLATES: LazyLock<[Template; 2]> = LazyLock::new(|| {
    ["business/", "other/"].map(|prefix| Template::read(&[("BucketName", "pannier"), ("StorePrefix", prefix)]))
});

/// What one function may do.
#[derive(Debug)]
pub struct Rights {
    function: String,
    statements: Vec<Statement>,
}

#[derive(Debug)]
struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    /// How the prefix of a listing has to look.
    prefixes: Option<Prefixes>,
}

#[derive(Debug)]
struct Prefixes {
    like: Vec<String>,
    /// Whether there may be none (IAM user guide, "...IfExists condition operators").
    or_none: bool,
}

/// One thing that a request does.
#[derive(Debug, PartialEq, Eq)]
struct Act {
    action: &'static str,
    /// A bucket, or a bucket, `/` and a key.
    on: String,
    prefix: Option<String>,
}

impl Rights {
    /// Those of the function of a binary.
    ///
    /// # Panics
    /// If the template has no such function, or says something of it that is not understood here.
    pub fn of(binary: &str) -> Self {
        let statements = TEMPLATES.iter().flat_map(|template| template.statements(binary));
        let statements = statements.filter_map(|statement| Statement::read(&statement)).collect();
        Self { function: binary.to_owned(), statements }
    }

    fn allow(&self, act: &Act) -> bool {
        self.statements.iter().any(|statement| {
            let fits = statement.prefixes.as_ref().is_none_or(|prefixes| match &act.prefix {
                Some(prefix) => prefixes.like.iter().any(|pattern| is_like(prefix, pattern)),
                None => prefixes.or_none,
            });
            fits && statement.actions.iter().any(|action| is_like(act.action, action))
                && statement.resources.iter().any(|resource| is_like(&format!("arn:aws:s3:::{}", act.on), resource))
        })
    }

    /// Opens a tap before a store: its address, for the function alone.
    pub async fn guard(self, store: &str) -> String {
        let (rights, store) = (Arc::new(self), Behind::Tcp(store.to_owned()));
        let guard = open(move |request| {
            let (rights, store) = (rights.clone(), store.clone());
            async move {
                let (head, sent) = request.into_parts();
                let sent = sent.collect().await?.to_bytes();
                rights.pass(head, sent, &store).await
            }
        });
        format!("http://{}", guard.await)
    }

    async fn pass(&self, head: Parts, sent: Bytes, store: &Behind) -> hyper::Result<Response<Body>> {
        let acts = acts(&head, &sent);
        if acts.is_empty() {
            return Ok(self.denied(&format!("{} {}, which is nothing that is known here", head.method, head.uri)));
        }
        if let Some(act) = acts.iter().find(|act| !self.allow(act)) {
            return Ok(self.denied(&format!("{act:?}")));
        }
        let reads = acts[0].action == "s3:GetObject" && matches!(head.method, Method::GET | Method::HEAD);
        let response = hand_on(store, Request::from_parts(head, body::full(sent))).await?;
        // Whoever may not list is not told what is not there (S3 API, GetObject, "Permissions").
        if reads && response.status() == StatusCode::NOT_FOUND {
            let bucket = acts[0].on.split('/').next().unwrap_or_default().to_owned();
            let list = Act { action: "s3:ListBucket", on: bucket, prefix: None };
            if !self.allow(&list) {
                return Ok(self.denied(&format!("{list:?}, to be told that nothing is there")));
            }
        }
        Ok(response)
    }

    fn denied(&self, what: &str) -> Response<Body> {
        // Kept with the test's output, which is shown if it fails.
        #[allow(clippy::print_stderr)]
        {
            eprintln!("{} has no right to {what}", self.function);
        }
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>\
                    <Message>Access Denied</Message></Error>";
        let mut response = Response::new(body::full(text));
        *response.status_mut() = StatusCode::FORBIDDEN;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response
    }
}

impl Statement {
    /// `None` for one that speaks of something else than the store.
    fn read(statement: &Value) -> Option<Self> {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        let actions: Vec<String> =
            texts(&statement["Action"]).into_iter().filter(|action| action.starts_with("s3:")).collect();
        if actions.is_empty() {
            return None;
        }
        let prefixes = statement["Condition"].as_object().map(|conditions| {
            let (name, keys) = conditions.iter().next().expect("a condition");
            assert!(
                conditions.len() == 1 && keys.as_object().is_some_and(|keys| keys.len() == 1),
                "what is {statement}?"
            );
            let or_none = match &**name {
                "StringLike" => false,
                "StringLikeIfExists" => true,
                _ => panic!("what is {statement}?"),
            };
            Prefixes { like: texts(&keys["s3:prefix"]), or_none }
        });
        Some(Self { actions, resources: texts(&statement["Resource"]), prefixes })
    }
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether a name is like a pattern, in which `*` stands for any text.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(name) = name.strip_prefix(first) else { return false };
    let mut left = name;
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

/// What a request does; nothing if it is none of those that are known here.
fn acts(head: &Parts, sent: &Bytes) -> Vec<Act> {
    let path = head.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let query = |name: &str| query(head, name);
    let act = |action, on: String| Act { action, on, prefix: None };
    let object = |action, key: &str| act(action, format!("{bucket}/{key}"));
    let key = &*decoded(key);
    match (head.method.as_str(), key) {
        ("GET", "") if query("uploads").is_some() => vec![act("s3:ListBucketMultipartUploads", bucket.to_owned())],
        ("GET", "") if query("list-type").is_some() => {
            vec![Act { action: "s3:ListBucket", on: bucket.to_owned(), prefix: query("prefix") }]
        }
        ("HEAD", "") => vec![act("s3:ListBucket", bucket.to_owned())],
        ("POST", "") if query("delete").is_some() => {
            keys(sent).iter().map(|key| object("s3:DeleteObject", key)).collect()
        }
        ("POST", "") => posted(sent).map(|key| object("s3:PutObject", &key)).into_iter().collect(),
        ("GET", _) if query("uploadId").is_some() => vec![object("s3:ListMultipartUploadParts", key)],
        ("GET", _) if query("attributes").is_some() => {
            vec![object("s3:GetObject", key), object("s3:GetObjectAttributes", key)]
        }
        ("GET" | "HEAD", _) => vec![object("s3:GetObject", key)],
        ("PUT" | "POST", _) => {
            let mut acts = vec![object("s3:PutObject", key)];
            if let Some(from) = head.headers.get("x-amz-copy-source").and_then(|from| from.to_str().ok()) {
                acts.push(act("s3:GetObject", decoded(from.trim_start_matches('/'))));
            }
            // S3 user guide, "How to prevent object overwrites with conditional writes".
            if head.headers.contains_key(IF_MATCH) {
                acts.push(object("s3:GetObject", key));
            }
            acts
        }
        ("DELETE", _) if query("uploadId").is_some() => vec![object("s3:AbortMultipartUpload", key)],
        ("DELETE", _) => {
            let mut acts = vec![object("s3:DeleteObject", key)];
            // S3 user guide, "How to perform conditional deletes".
            if head.headers.contains_key(IF_MATCH) {
                acts.push(object("s3:GetObject", key));
            }
            acts
        }
        _ => Vec::new(),
    }
}

/// The decoded value of a parameter of the query.
fn query(head: &Parts, name: &str) -> Option<String> {
    let pairs = head.uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(given, _)| *given == name).map(|(_, value)| decoded(value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The keys that a deletion of many names.
fn keys(sent: &Bytes) -> Vec<String> {
    let text = String::from_utf8_lossy(sent);
    let named = text.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0));
    let plain = |key: &str| {
        let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
        marks.iter().fold(key.to_owned(), |key, (mark, plain)| key.replace(mark, plain))
    };
    named.map(plain).collect()
}

/// The key of a form that a browser posts.
fn posted(sent: &Bytes) -> Option<String> {
    let text = String::from_utf8_lossy(sent);
    let (_, rest) = text.split_once("name=\"key\"\r\n\r\n")?;
    Some(rest.split_once("\r\n")?.0.to_owned())
}
