//! What an uploader sends, and what is there afterwards.

use bytes::Bytes;
use http::{Method, Request};
use image::ImageReader;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::http::{Body, body};
use tests::client::Answer;
use tests::stack::Stack;

/// A file of a form.
pub(super) struct File<'a> {
    name: &'a str,
    bytes: &'a [u8],
}

impl<'a> File<'a> {
    pub(super) fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name, bytes }
    }
}

/// A form with files.
pub(super) fn form(path: &str, files: &[File<'_>]) -> Request<Body> {
    let mut text = Vec::new();
    for (index, File { name, bytes }) in files.iter().enumerate() {
        let name = name.replace('"', "%22");
        text.extend_from_slice(
            format!("--limit\r\nContent-Disposition: form-data; name=\"f{index}\"; filename=\"{name}\"\r\nContent-Type: image/x\r\n\r\n")
                .as_bytes(),
        );
        text.extend_from_slice(bytes);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"--limit--\r\n");
    let request = Request::post(path).header("content-type", "multipart/form-data; boundary=limit");
    request.header("content-length", text.len()).body(body::full(text)).unwrap()
}

pub(super) async fn upload(stack: &Stack, files: &[File<'_>]) -> Answer {
    stack.send(form("/api/upload", files)).await
}

/// Bytes as the body.
pub(super) async fn raw(stack: &Stack, headers: &[(&str, &str)], bytes: Bytes) -> Answer {
    let request = Request::post("/api/upload").header("content-length", bytes.len());
    let mut request = request.header("content-type", "application/octet-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stack.send(request.body(body::full(bytes)).unwrap()).await
}

pub(super) async fn delete(stack: &Stack, path: &str, token: &str) -> Answer {
    let request = Request::builder().method(Method::DELETE).uri(path).header("x-delete-token", token);
    stack.send(request.body(body::empty()).unwrap()).await
}

/// SHA-256 in hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    shared::hex(&Sha256::digest(bytes))
}

/// The path of an absolute URL.
pub(super) fn path_of(url: &Value) -> String {
    let url = url.as_str().unwrap();
    url[url.find("/images/").unwrap()..].to_owned()
}

/// The size of an image that decodes.
pub(super) fn size(bytes: &[u8]) -> (u32, u32) {
    if bytes.starts_with(b"GIF8") {
        let mut frames = gif::DecodeOptions::new().read_info(bytes).unwrap();
        while frames.read_next_frame().unwrap().is_some() {}
        return (frames.width().into(), frames.height().into());
    }
    let reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().unwrap();
    let decoded = reader.decode().unwrap();
    (decoded.width(), decoded.height())
}
