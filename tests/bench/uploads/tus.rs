//! A client of tus 1.0.0.

use std::time::Instant;

use http::Request;
use http::request::Builder;
use tests::client::Answer;

use super::connection::{Connection, path_of};
use super::content::Content;

/// Creates an upload of so many bytes; its path. A partial one is to be joined with others.
pub(crate) async fn create(connection: &mut Connection, size: u64, partial: bool) -> String {
    let request = request("POST", "/files").header("upload-length", size);
    let request = if partial { request.header("upload-concat", "partial") } else { request };
    located(&connection.call(request).await)
}

/// Sends one block in a PATCH of its own.
pub(crate) async fn patch_block(connection: &mut Connection, path: &str, content: &Content, index: u64, offset: u64) {
    let body = content.block_body(index);
    let answer = connection.send(patch(path, offset), body, content.block()).await;
    assert_eq!(answer.header("upload-offset"), (offset + content.block()).to_string(), "it is all there");
}

/// Sends everything in one PATCH; when its last block was handed over.
pub(crate) async fn patch_all(connection: &mut Connection, path: &str, content: &Content) -> Instant {
    let (body, last) = content.body();
    connection.send(patch(path, 0), body, content.size()).await;
    *last.get().expect("the body was sent to its end")
}

/// Joins partial uploads; the path of the file.
pub(crate) async fn join(connection: &mut Connection, parts: &[String]) -> String {
    let request = request("POST", "/files").header("upload-concat", format!("final;{}", parts.join(" ")));
    located(&connection.call(request).await)
}

fn patch(path: &str, offset: u64) -> Builder {
    let request = request("PATCH", path).header("upload-offset", offset);
    request.header("content-type", "application/offset+octet-stream")
}

fn request(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("tus-resumable", "1.0.0")
}

fn located(answer: &Answer) -> String {
    path_of(answer.header("location"))
}
