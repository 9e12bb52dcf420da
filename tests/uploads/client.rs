//! A client of uploads, which says exactly what a test tells it to.

use bytes::Bytes;
use http::{Method, Request};
use shared::http::body;
use tests::client::Answer;
use tests::stack::Stack;

/// The content type of bytes that continue an upload by tus.
pub(crate) const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// Sends a request.
pub(crate) async fn send(
    stack: &Stack,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    content: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let content = content.into();
    let content = if content.is_empty() { body::empty() } else { body::full(content) };
    stack.send(request.body(content).unwrap()).await
}

/// Sends a request of tus 1.0.0, and holds the answer to its version.
pub(crate) async fn tus(
    stack: &Stack,
    call: (&str, &str),
    headers: &[(&str, &str)],
    content: impl Into<Bytes>,
) -> Answer {
    let mut all = vec![("tus-resumable", "1.0.0")];
    all.extend(headers);
    let answer = send(stack, call, &all, content).await;
    assert_eq!(answer.header("tus-resumable"), "1.0.0", "{call:?}: {}", answer.text());
    if !answer.status.is_success() && call.0 != "HEAD" {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{call:?}");
        assert_eq!(answer.json()["status"], answer.status.as_u16());
    }
    answer
}

/// The path of what was created.
pub(crate) fn location(answer: &Answer) -> String {
    let location = answer.header("location");
    let rest = location.strip_prefix("http://").or_else(|| location.strip_prefix("https://"));
    let rest = rest.unwrap_or_else(|| panic!("{} {}: not absolute: {location:?}", answer.status, answer.text()));
    rest[rest.find('/').unwrap()..].to_owned()
}

/// Begins an upload of tus; its path.
pub(crate) async fn create(stack: &Stack, headers: &[(&str, &str)]) -> String {
    let answer = tus(stack, ("POST", "/files/"), headers, "").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    location(&answer)
}

/// Continues an upload of tus.
pub(crate) async fn patch(stack: &Stack, path: &str, offset: usize, content: impl Into<Bytes>) -> Answer {
    tus(stack, ("PATCH", path), &[CHUNK, ("upload-offset", &offset.to_string())], content).await
}

/// The offset of an upload of tus.
pub(crate) async fn offset(stack: &Stack, path: &str) -> String {
    let answer = tus(stack, ("HEAD", path), &[], "").await;
    assert_eq!(answer.status, 200);
    answer.header("upload-offset").to_owned()
}
