//! Blocks that go straight to the store.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use shared::http::body;
use tests::client::{self, Answer};
use tests::contract;
use tests::stack::{Backend, Door, Stack};
use tests::{arbitrary, program};

use super::block_task::{Task, application, assert_code, key, md5, path_of, post};

/// Asks for the URL of a block.
async fn presign(stack: &Stack, task: &Task, start: u64, end: u64) -> Answer {
    stack.get(&format!("{}&startByte={start}&endByte={end}", task.presign)).await
}

/// Puts bytes as the answer says, with a client that knows nothing of the store.
async fn put(data: &Value, bytes: Bytes) -> u16 {
    let url = data["url"].as_str().unwrap();
    let mut request = Request::builder().method(data["method"].as_str().unwrap()).uri(url);
    for (name, value) in data["headers"].as_object().unwrap() {
        // The client sets the length itself; it must be the right one.
        if name != "Content-Length" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    let request = request.body(body::full(bytes)).unwrap();
    client::client().request(request).await.unwrap().status().as_u16()
}

contract! {
    async fn a_block_goes_straight_to_the_store(stack: &Stack) {
        let content = arbitrary::bytes(30, 9_000_000);
        let task = Task::new(stack, &content, "direct").await;
        let answer = presign(stack, &task, 0, 8_499_999).await;
        assert_code(&answer, 200, "0", "a URL");
        let data = answer.json()["data"].clone();
        assert_eq!((data["headers"]["Content-Length"].as_str(), data["expiresIn"].as_u64()), (Some("8500000"), Some(3600)));
        let commit = path_of(&data["commitUrl"]);
        let claim = json!({ "startByte": 0, "endByte": "8499999", "ticket": data["ticket"], "partMd5": md5(&content[..8_500_000]).to_uppercase() });
        assert_code(&post(stack, &commit, &claim).await, 400, "6", "before it is there");
        assert_ne!(put(&data, content.slice(..8_499_999)).await, 200, "another length is refused by the store");
        assert_eq!(put(&data, content.slice(..8_500_000)).await, 200);
        task.needs(stack, 0..9_000_000).await;
        assert_code(&post(stack, &commit, &claim).await, 200, "0", "it is there");
        task.needs(stack, 8_500_000..9_000_000).await;
        assert_code(&post(stack, &commit, &claim).await, 200, "0", "said again");
        assert!(stack.keys(&format!("uploads/{}/in/", task.id)).await.is_empty());
        assert_code(&task.send(stack, &content, 8_500_000..9_000_000).await, 200, "0", "the rest");
        task.completes(stack, &content, &key("direct")).await;
        assert_code(&presign(stack, &task, 0, 9).await, 409, "5", "a URL for a complete file");
        assert_code(&post(stack, &commit, &claim).await, 200, "0", "its bytes are there");
    }

    async fn a_wrong_claim_is_refused(stack: &Stack) {
        let content = arbitrary::bytes(31, 1000);
        let task = Task::new(stack, &content, "claim").await;
        let end = presign(stack, &task, 500, 999).await.json()["data"].clone();
        let path = path_of(&end["commitUrl"]);
        let claim = |start: u64, md5: Option<String>| {
            json!({ "startByte": start, "endByte": 999, "ticket": end["ticket"], "partMd5": md5 })
        };
        assert_eq!(put(&end, content.slice(500..)).await, 200);
        let answer = post(stack, &path, &claim(500, Some(md5(b"x")))).await;
        assert_code(&answer, 422, "7", "another MD5");
        assert_eq!(put(&end, content.slice(500..)).await, 200, "the URL can be used again");
        assert_code(&post(stack, &path, &claim(501, None)).await, 400, "8", "another length");
        assert_eq!(put(&end, content.slice(500..)).await, 200);
        task.needs(stack, 0..1000).await;
        let answer = post(stack, &path, &claim(500, None)).await;
        assert_code(&answer, 200, "1", "it ends the file");
        assert_eq!(answer.json()["data"], json!({ "startByte": 0, "endByte": 499 }));
        for (start, end, code) in [(5, 4, "8"), (0, 1000, "8"), (1000, 1000, "8")] {
            assert_code(&presign(stack, &task, start, end).await, 400, code, &format!("{start}-{end}"));
        }
        assert_code(&stack.get(&task.presign).await, 400, "6", "no range");
        for ticket in [json!(null), json!(""), json!("../task"), json!("a/b"), json!("x".repeat(65)), json!(7)] {
            let answer = post(stack, &path, &json!({ "startByte": 0, "endByte": 9, "ticket": ticket })).await;
            assert_code(&answer, 400, "6", &format!("ticket {ticket}"));
        }
        let huge = Task::apply(stack, &{
            let mut fields = application(&content, "huge");
            fields["fileSize"] = json!(3_u64 << 30);
            fields
        }).await;
        assert_code(&presign(stack, &huge, 0, (1 << 30) - 1).await, 200, "0", "1 GiB");
        assert_code(&presign(stack, &huge, 0, 1 << 30).await, 400, "6", "more than 1 GiB");
    }
}

/// The embedded store without an address of its own is reached by nobody.
#[tokio::test]
async fn where_the_store_cannot_be_reached_the_answer_says_so() {
    let data = tempfile::tempdir().unwrap();
    let program = program::Program::start(&data.path().join("data"), &["--demo-users"], &[]).await;
    let address = program.address.clone();
    let send = async |request: String| String::from_utf8(client::raw(&address, request.as_bytes()).await).unwrap();
    let fields = json!({
        "token": "demo", "userId": 1, "storePath": "", "fileName": "a", "fileSize": 10, "fileMd5": "0".repeat(32),
    })
    .to_string();
    let request = format!(
        "POST /api/upload/new/task HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{fields}",
        fields.len()
    );
    let answer = loop {
        let answer = send(request.clone()).await;
        if !answer.starts_with("HTTP/1.1 503") {
            break answer;
        }
    };
    let envelope: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let url = envelope["data"]["presignUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("http://{address}/")), "links are of the host that was asked: {url}");
    let path = path_of(&envelope["data"]["presignUrl"]);
    let request = format!("GET {path}&startByte=0&endByte=9 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = send(request).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("uploadUrl"), "{answer}");
}

/// The address that the program gives is that of `--store-listen`, or what the operator says.
#[tokio::test]
async fn the_operator_may_name_the_address_of_the_store() {
    let variables = [("STORE_PUBLIC_URL", "https://store.example")];
    let settings = tests::stack::Settings { variables: &variables, ..Default::default() };
    let stack = Stack::configured(Door::Program, Backend::Embedded, settings).await.unwrap();
    let content = arbitrary::bytes(32, 10);
    let task = Task::new(&stack, &content, "named").await;
    let url = presign(&stack, &task, 0, 9).await.json()["data"]["url"].clone();
    assert!(url.as_str().unwrap().starts_with("https://store.example/"), "{url}");
}
