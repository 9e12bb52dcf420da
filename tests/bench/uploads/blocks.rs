//! A client of the block protocol, with the token that `--demo-users` lets in.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::http::body;

use super::connection::{Connection, path_of};
use super::content::Content;

/// Separates the fields of a form; it is not in what is uploaded.
const BOUNDARY: &str = "----f1d2d2f924e986ac86fdf7b36c94bcdf32beec15";

/// Prefix of the finished files' keys.
pub(crate) const PREFIX: &str = "demo/bench/";

/// A task that was applied for.
#[derive(Clone)]
pub(crate) struct Task {
    upload: String,
    blocks: String,
    /// The key of the finished object.
    pub(crate) key: String,
}

/// Applies for a task, under a name that no file has yet: a file that is there would end it at once.
pub(crate) async fn apply(connection: &mut Connection, content: &Content) -> Task {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let name = NAMES.fetch_add(1, Ordering::Relaxed).to_string();
    let application = json!({
        "token": "demo", "userId": 1, "storePath": "bench", "fileName": name,
        "fileSize": content.size(), "fileMd5": content.md5, "feedBackParameter": null,
    });
    let application = application.to_string();
    let request = Request::post("/api/upload/new/task").header(CONTENT_TYPE, "application/json");
    let length = application.len() as u64;
    let data = data(&connection.send(request, body::full(application), length).await.json());
    let path = |field: &str| path_of(data[field].as_str().expect("a URL"));
    Task { upload: path("uploadUrl"), blocks: path("blocksUrl"), key: format!("{PREFIX}{name}") }
}

/// Sends one block with its MD5; the status of the task afterwards.
pub(crate) async fn send(connection: &mut Connection, task: &Task, content: &Content, index: u64) -> String {
    let start = index * content.block();
    let field = |name: &str, value: &str| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let head = [
        field("startByte", &start.to_string()),
        field("endByte", &(start + content.block() - 1).to_string()),
        field("partMd5", content.part_md5(index)),
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"block\"\r\n\r\n"),
    ];
    let (head, tail) = (Bytes::from(head.concat()), Bytes::from(format!("\r\n--{BOUNDARY}--\r\n")));
    let length = head.len() as u64 + content.block() + tail.len() as u64;
    let [common, own] = content.pieces(index);
    let form = body::stream(stream::iter([head, common, own, tail].map(Ok)));
    let request = Request::post(&task.upload).header(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"));
    let answer = connection.send(request, form, length).await.json();
    data(&answer)["status"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the file was verified and is at its place.
pub(crate) async fn complete(connection: &mut Connection, task: &Task) {
    loop {
        let answer = connection.call(Request::get(&task.blocks)).await.json();
        match data(&answer)["status"].as_str() {
            Some("complete") => return,
            Some("upload" | "finishing") => tokio::task::yield_now().await,
            _ => panic!("the task ended: {answer}"),
        }
    }
}

/// The data of an envelope that says that all is well, or that blocks are missing: others are on their way.
fn data(envelope: &Value) -> Value {
    assert!(matches!(envelope["retCode"].as_str(), Some("0" | "1")), "{envelope}");
    envelope["data"].clone()
}
