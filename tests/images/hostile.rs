//! Requests that mean no good, or that go wrong half-way.

use futures_util::{StreamExt, stream};
use http::Request;
use serde_json::json;
use shared::http::body;
use tests::client;
use tests::contract;
use tests::stack::{Backend, Door, Stack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::pixels_samples::jpeg;
use super::request::{File, form, path_of, size, upload};

const MEBIBYTE: usize = 1 << 20;

/// Sends the head of an upload that declares `length` bytes, then `beginning`, and reads what comes back before more
/// is sent.
async fn answer_to(address: &str, length: usize, beginning: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=limit\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The answer may come before all of it is taken.
    let _ = stream.write_all(beginning).await;
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(client::PATIENCE, stream.read(&mut answer)).await.expect("an answer").unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_bounded_while_it_is_parsed() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    let address = &stack.program().address;
    let junk = vec![b'A'; 3 * MEBIBYTE];
    let head = [b"--limit\r\nContent-Disposition: form-data; name=\"".as_slice(), &junk].concat();
    for beginning in [&junk, &head] {
        let answer = answer_to(address, 100 * MEBIBYTE, beginning).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_is_refused_before_it_has_come() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    let address = &stack.program().address;
    let head = b"--limit\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\n\r\n".as_slice();
    let beginning = [head, &vec![b'x'; 6 * MEBIBYTE]].concat();
    for (length, beginning) in [(50 * MEBIBYTE, &beginning[..]), (500 * MEBIBYTE, b"")] {
        let answer = answer_to(address, length, beginning).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"File too large\""), "{answer}");
    }
    let log = std::fs::read_to_string(stack.data().join("logs/app.log")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("oo large")).count(), 2, "{log}");
}

contract! {
    async fn what_was_taken_stays_taken(stack: &Stack) {
        let pictures: Vec<_> = (0..21).map(|index| jpeg((30 + index, 20))).collect();
        let files: Vec<_> = pictures.iter().map(|bytes| File::new("a.jpg", bytes)).collect();
        let answer = upload(stack, &files).await;
        let uploads = answer.json()["uploads"].as_array().unwrap().clone();
        assert_eq!((answer.status.as_u16(), uploads.len()), (201, 21));
        assert!(uploads[..20].iter().all(|image| image["delete_token"].is_string()));
        assert_eq!(uploads[20]["error"], json!({ "status": 400, "detail": "A form has at most 20 files." }));

        let good = jpeg((80, 20));
        let answer = upload(stack, &[File::new("a.jpg", &good), File::new("///", b"x")]).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["uploads"][1]["error"]["status"]), (201, &json!(400)));

        let whole = form("/api/upload", &[File::new("b.jpg", &jpeg((81, 20))), File::new("c.jpg", &good)]);
        let whole = http_body_util::BodyExt::collect(whole.into_body()).await.unwrap().to_bytes();
        let broken = whole.slice(..whole.len() - good.len() / 2);
        let request = Request::post("/api/upload").header("content-type", "multipart/form-data; boundary=limit");
        let answer = stack.send(request.body(body::full(broken)).unwrap()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert!(answer.json()["uploads"][0]["delete_token"].is_string());
        assert_eq!(stack.keys("images/").await.len(), 22);
        assert!(stack.keys("image-state/attempts/").await.is_empty());
    }

    async fn many_ask_for_one_variant(stack: &Stack) {
        let image = upload(stack, &[File::new("a.jpg", &jpeg((900, 600)))]).await.json();
        let path = format!("{}?w=640", path_of(&image["url"]));
        let answers = stream::iter((0..40).map(|_| stack.get(&path))).buffer_unordered(40);
        let answers: Vec<_> = answers.collect().await;
        assert!(answers.iter().all(|answer| answer.status == 200 && size(&answer.body) == (640, 427)));
        assert!(stack.keys("image-state/attempts/").await.is_empty());
    }

    async fn a_name_has_to_fit_into_a_key(stack: &Stack) {
        let presign = |name: String| {
            let asked = json!({ "filename": name, "bytes": 1 }).to_string();
            stack.send(Request::post("/api/images/presign").body(body::full(asked)).unwrap())
        };
        assert_eq!(presign(format!("{}.jpg", "\u{1f600}".repeat(200))).await.status, 400);
        assert_eq!(presign(format!("{}.jpg", "\u{1f600}".repeat(120))).await.status, 200);
    }
}
