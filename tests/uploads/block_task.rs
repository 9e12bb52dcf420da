//! A client of the block protocol.

use std::ops::Range;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use shared::http::{Body, body};
use tests::client::{Answer, PATIENCE};
use tests::stack::Stack;

/// Separates the fields of a form.
const BOUNDARY: &str = "----f1d2d2f924e986ac86fdf7b36c94bcdf32beec15";

/// A task, as its business server knows it.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: u64,
    /// Paths with their queries, out of the URLs.
    pub(super) upload: String,
    pub(super) blocks: String,
    pub(super) state: String,
    pub(super) presign: String,
    /// As it was when the task was applied for.
    pub(super) status: String,
}

/// What is applied for, for a file of that content and name.
pub(super) fn application(content: &[u8], name: &str) -> Value {
    json!({
        "token": "token-shop",
        "userId": 1001,
        "storePath": "2025/01",
        "fileName": name,
        "fileSize": content.len(),
        "fileMd5": md5(content),
        "feedBackParameter": { "order": [7, "\u{e9}"] },
    })
}

/// Where the file of such an application lies.
pub(super) fn key(name: &str) -> String {
    format!("business/2025/01/{name}")
}

pub(super) fn md5(content: &[u8]) -> String {
    Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) async fn apply(stack: &Stack, application: &Value) -> Answer {
    post(stack, "/api/upload/new/task", application).await
}

pub(super) async fn post(stack: &Stack, path: &str, fields: &Value) -> Answer {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    stack.send(request.body(body::full(fields.to_string())).unwrap()).await
}

/// The status and the `retCode` of an answer, which must be an envelope.
pub(super) fn code(answer: &Answer) -> (u16, String) {
    let envelope = answer.json();
    assert!(envelope["status"].is_string() && envelope.get("data").is_some(), "{envelope}");
    (answer.status.as_u16(), envelope["retCode"].as_str().expect("a string").to_owned())
}

#[track_caller]
pub(super) fn assert_code(answer: &Answer, status: u16, ret_code: &str, what: &str) {
    assert_eq!(code(answer), (status, ret_code.to_owned()), "{what}: {}", answer.text());
}

/// The path and the query of an absolute URL.
pub(super) fn path_of(url: &Value) -> String {
    let url = url.as_str().expect("a URL");
    let after = url.split_once("://").expect("it is absolute").1;
    after[after.find('/').expect("a path")..].to_owned()
}

impl Task {
    pub(super) async fn new(stack: &Stack, content: &[u8], name: &str) -> Self {
        Self::apply(stack, &application(content, name)).await
    }

    pub(super) async fn apply(stack: &Stack, application: &Value) -> Self {
        let answer = apply(stack, application).await;
        assert_code(&answer, 200, "0", "new task");
        let data = &answer.json()["data"];
        Self {
            id: data["taskId"].as_u64().expect("a number"),
            upload: path_of(&data["uploadUrl"]),
            blocks: path_of(&data["blocksUrl"]),
            state: path_of(&data["stateUrl"]),
            presign: path_of(&data["presignUrl"]),
            status: data["status"].as_str().expect("a status").to_owned(),
        }
    }

    /// Sends bytes of a file, with their MD5.
    pub(super) async fn send(&self, stack: &Stack, content: &Bytes, range: Range<usize>) -> Answer {
        stack.send(self.block(content, range)).await
    }

    pub(super) fn block(&self, content: &Bytes, range: Range<usize>) -> Request<Body> {
        let part = content.slice(range.clone());
        let (start, end) = (range.start.to_string(), (range.end - 1).to_string());
        self.form(&[("startByte", &start), ("endByte", &end), ("partMd5", &md5(&part))], Some(&part))
    }

    /// A form with these fields, and the file at its end.
    pub(super) fn form(&self, fields: &[(&str, &str)], file: Option<&[u8]>) -> Request<Body> {
        let mut parts: Vec<(&str, &[u8])> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        parts.extend(file.map(|file| ("file", file)));
        form(&self.upload, &parts)
    }

    pub(super) async fn info(&self, stack: &Stack) -> Value {
        let answer = stack.get(&self.blocks).await;
        assert_code(&answer, 200, "0", "info");
        let envelope = answer.json();
        for name in ["totalSize", "status", "expectBlocks"] {
            assert_eq!(envelope[name], envelope["data"][name], "{name} is at both places");
        }
        envelope["data"].clone()
    }

    /// What is missing.
    pub(super) async fn gaps(&self, stack: &Stack) -> Vec<Range<usize>> {
        let info = self.info(stack).await;
        let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).unwrap();
        let gaps = info["expectBlocks"].as_array().expect("a list");
        gaps.iter().map(|gap| number(&gap["startByte"])..number(&gap["endByte"]) + 1).collect()
    }

    /// Checks that this, and nothing else, is missing.
    pub(super) async fn needs(&self, stack: &Stack, range: Range<usize>) {
        assert_eq!(self.gaps(stack).await.as_slice(), std::slice::from_ref(&range));
    }

    pub(super) async fn set_state(&self, stack: &Stack, status: &str) -> Answer {
        post(stack, &self.state, &json!({ "taskId": self.id, "status": status })).await
    }

    /// Asks until the task is over; its last status.
    pub(super) async fn ended(&self, stack: &Stack) -> String {
        let asking = async {
            loop {
                let info = self.info(stack).await;
                let status = info["status"].as_str().expect("a status").to_owned();
                if !matches!(&*status, "upload" | "pause" | "finishing") {
                    assert_eq!(info["expectBlocks"], json!([]));
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("it ends")
    }

    /// Checks that the task completes and that its object is the content.
    pub(super) async fn completes(&self, stack: &Stack, content: &[u8], key: &str) {
        assert_eq!(self.ended(stack).await, "complete");
        let object = object(stack, key).await.expect("the object is there");
        assert!(object == content, "the object is the file");
    }
}

/// A form with these fields in that order; a field named `file` has a file name.
pub(super) fn form(path: &str, parts: &[(&str, &[u8])]) -> Request<Body> {
    let mut bytes = Vec::new();
    for (name, value) in parts {
        let file = if *name == "file" { "; filename=\"block\"\r\nContent-Type: application/octet-stream" } else { "" };
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let request = Request::post(path)
        .header(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .header(CONTENT_LENGTH, bytes.len());
    request.body(body::full(bytes)).unwrap()
}

/// An object's bytes, if it is there.
pub(super) async fn object(stack: &Stack, key: &str) -> Option<Bytes> {
    let object = stack.s3.get_object().bucket(&stack.bucket).key(key).send().await.ok()?;
    Some(object.body.collect().await.expect("a whole object").into_bytes())
}
