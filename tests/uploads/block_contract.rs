//! Contract, section 4.1, line by line, through every door and on every store.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use shared::http::body;
use tests::arbitrary;
use tests::client::get;
use tests::contract;
use tests::stack::Stack;

use super::block_task::{Task, application, apply, assert_code, form, key, md5, object, path_of, post};

contract! {
    async fn a_file_comes_in_blocks_and_appears_whole(stack: &Stack) {
        let content = arbitrary::bytes(1, 9_000_001);
        let answer = apply(stack, &application(&content, "film.mp4")).await;
        assert_code(&answer, 200, "0", "new task");
        let data = answer.json()["data"].clone();
        let id = data["taskId"].as_u64().expect("a number");
        assert!((1..1 << 53).contains(&id));
        assert_eq!((data["blockSize"].as_u64(), data["status"].as_str()), (Some(4 << 20), Some("upload")));
        for (name, path) in [("uploadUrl", "block"), ("blocksUrl", "blocks/info")] {
            assert!(path_of(&data[name]).starts_with(&format!("/api/upload/files/{path}?taskId={id}&key=")), "{data}");
        }
        assert!(path_of(&data["stateUrl"]).starts_with("/api/upload/files/state?key="), "{data}");
        let task = Task::apply(stack, &application(&content, "film.mp4")).await;
        assert_eq!(task.id, id, "the same application finds the task again");

        let last = task.send(stack, &content, 8_000_000..9_000_001).await;
        assert_code(&last, 200, "1", "the block that ends the file, with gaps");
        assert_eq!(last.json()["data"], json!({ "startByte": 0, "endByte": 7_999_999 }));
        assert_code(&task.send(stack, &content, 0..4_000_000).await, 200, "0", "a block");
        assert_code(&task.send(stack, &content, 0..4_000_000).await, 200, "0", "the same again");
        let again = task.send(stack, &content, 8_500_000..9_000_001).await;
        assert_code(&again, 200, "1", "again");
        assert_eq!(again.json()["data"], json!({ "startByte": 4_000_000, "endByte": 7_999_999 }));
        let info = task.info(stack).await;
        assert_eq!((info["totalSize"].as_u64(), info["status"].as_str()), (Some(9_000_001), Some("upload")));
        assert_eq!(info["expectBlocks"], json!([{ "startByte": 4_000_000, "endByte": 7_999_999 }]));
        assert!(object(stack, &key("film.mp4")).await.is_none(), "nothing appears before the whole is there");
        assert_code(&task.send(stack, &content, 3_000_000..7_999_999).await, 200, "0", "overlapping");
        task.needs(stack, 7_999_999..8_000_000).await;
        assert_code(&task.send(stack, &content, 7_999_999..8_000_000).await, 200, "0", "one byte");
        task.completes(stack, &content, &key("film.mp4")).await;
        assert_code(&task.send(stack, &content, 0..10).await, 200, "0", "its bytes are there");
        assert_code(&task.send(stack, &content, 0..9_000_001 - 4_600_000).await, 200, "0", "a large one too");
        let over = task.form(&[("startByte", "9000000"), ("endByte", "9000001")], Some(b"xx"));
        assert_code(&stack.send(over).await, 400, "8", "beyond the end");
        for state in ["pause", "upload", "cancel"] {
            assert_code(&task.set_state(stack, state).await, 409, "5", state);
        }
        let left = stack.keys(&format!("uploads/{id}/x/")).await;
        assert!(left.is_empty(), "{left:?}");
    }

    async fn the_bytes_that_came_first_stay(stack: &Stack) {
        let (first, second) = (arbitrary::bytes(2, 100), arbitrary::bytes(3, 150));
        let whole: Bytes = [&first[..], &second[100..]].concat().into();
        let task = Task::new(stack, &whole, "mixed").await;
        let mut shifted = vec![0; 50];
        shifted.extend_from_slice(&second[50..]);
        assert_code(&task.send(stack, &first, 0..100).await, 200, "0", "the first");
        assert_code(&task.send(stack, &shifted.into(), 50..150).await, 200, "0", "the second, with other bytes");
        task.completes(stack, &whole, &key("mixed")).await;
    }

    async fn numbers_may_be_text_and_fields_in_any_order(stack: &Stack) {
        let content = arbitrary::bytes(4, 1000);
        let mut fields = application(&content, "n");
        let task = Task::apply(stack, &fields).await;
        fields["userId"] = json!("1001");
        fields["fileSize"] = json!("1000");
        fields["fileMd5"] = json!(md5(&content).to_uppercase());
        assert_eq!(Task::apply(stack, &fields).await.id, task.id, "the same in other words");
        let form_fields = format!(
            "token=token-shop&userId=1001&storePath=2025%2F01&fileName=n&fileSize=1000&fileMd5={}&feedBackParameter=a+b",
            md5(&content)
        );
        let request = Request::post("/api/upload/new/task").header("content-type", "application/x-www-form-urlencoded");
        let answer = stack.send(request.body(body::full(form_fields)).unwrap()).await;
        assert_code(&answer, 200, "0", "a form");
        assert_eq!(answer.json()["data"]["taskId"], task.id);

        let upper = md5(&content[..600]).to_uppercase();
        let parts: [(&str, &[u8]); 5] = [
            ("file", &content[..600]),
            ("other", b"passed over"),
            ("partMd5", upper.as_bytes()),
            ("endByte", b"599"),
            ("startByte", b"000"),
        ];
        assert_code(&stack.send(form(&task.upload, &parts)).await, 200, "0", "the file first");
        let state = json!({ "taskId": task.id.to_string(), "status": "pause" });
        assert_code(&post(stack, &task.state, &state).await, 200, "0", "taskId as text");
        assert_code(&task.set_state(stack, "upload").await, 200, "0", "on");
        let no_md5 = task.form(&[("startByte", "600"), ("endByte", "999")], Some(&content[600..]));
        assert_code(&stack.send(no_md5).await, 200, "0", "without partMd5");
        task.completes(stack, &content, &key("n")).await;
    }

    async fn a_task_is_paused_goes_on_and_is_cancelled(stack: &Stack) {
        let content = arbitrary::bytes(5, 5000);
        let task = Task::new(stack, &content, "p").await;
        assert_code(&task.set_state(stack, "upload").await, 409, "5", "it is so already");
        assert_code(&task.send(stack, &content, 0..1000).await, 200, "0", "a block");
        let paused = task.set_state(stack, "pause").await;
        assert_code(&paused, 200, "0", "pause");
        assert_eq!(paused.json()["data"], json!({ "taskId": task.id, "status": "pause" }));
        assert_code(&task.set_state(stack, "pause").await, 409, "5", "pause again");
        assert_code(&task.send(stack, &content, 1000..2000).await, 409, "4", "a block while paused");
        let presign = format!("{}&startByte=0&endByte=9", task.presign);
        assert_code(&stack.get(&presign).await, 409, "4", "a URL while paused");
        assert_eq!(task.info(stack).await["status"], "pause");
        task.needs(stack, 1000..5000).await;
        assert_eq!(Task::new(stack, &content, "p").await.status, "pause", "a resumed task says so");
        assert_code(&task.set_state(stack, "upload").await, 200, "0", "on");
        assert_code(&task.send(stack, &content, 1000..2000).await, 200, "0", "a block again");
        assert_code(&task.set_state(stack, "pause").await, 200, "0", "pause");
        assert_code(&task.set_state(stack, "cancel").await, 200, "0", "cancel while paused");
        assert_eq!(task.ended(stack).await, "cancel");
        for state in ["pause", "upload", "cancel"] {
            assert_code(&task.set_state(stack, state).await, 410, "9", state);
        }
        assert_code(&task.send(stack, &content, 2000..3000).await, 410, "9", "a block");
        assert!(stack.keys(&format!("uploads/{}/x/", task.id)).await.is_empty(), "the parts are deleted");
        let next = Task::new(stack, &content, "p").await;
        assert_ne!(next.id, task.id, "a task that is over is not resumed");
        next.needs(stack, 0..5000).await;
    }

    async fn another_application_is_another_task(stack: &Stack) {
        let content = arbitrary::bytes(6, 64);
        let base = application(&content, "same");
        let mut ids = vec![Task::apply(stack, &base).await.id];
        assert_eq!(Task::apply(stack, &base).await.id, ids[0]);
        for (field, value) in [
            ("token", json!("token-other")),
            ("userId", json!("someone else")),
            ("fileName", json!("other")),
            ("storePath", json!("2025/02")),
            ("fileSize", json!(65)),
            ("fileMd5", json!("0".repeat(32))),
        ] {
            let mut other = base.clone();
            other[field] = value;
            let id = Task::apply(stack, &other).await.id;
            assert!(!ids.contains(&id), "{field}");
            ids.push(id);
        }
        let mut same = base.clone();
        same["storePath"] = json!("/2025//./01/");
        same["feedBackParameter"] = json!("another");
        assert_eq!(Task::apply(stack, &same).await.id, ids[0], "the destination is what counts");
    }

    async fn a_file_that_is_there_is_complete_at_once(stack: &Stack) {
        let content = arbitrary::bytes(7, 300_000);
        let task = Task::new(stack, &content, "there").await;
        assert_code(&task.send(stack, &content, 0..300_000).await, 200, "0", "all of it");
        task.completes(stack, &content, &key("there")).await;
        let instant = Task::new(stack, &content, "there").await;
        assert_ne!(instant.id, task.id);
        assert_eq!((&*instant.status, &*instant.ended(stack).await), ("complete", "complete"));
        // Put there by somebody else, in one piece.
        stack.put(&key("foreign"), content.clone()).await;
        assert_eq!(Task::new(stack, &content, "foreign").await.status, "complete");
        let other = arbitrary::bytes(8, 300_000);
        assert_eq!(Task::new(stack, &other, "there").await.status, "upload", "another content is another file");
    }

    async fn an_empty_file_is_complete_at_once(stack: &Stack) {
        let task = Task::new(stack, b"", "empty").await;
        task.completes(stack, b"", &key("empty")).await;
        let block = task.form(&[("startByte", "0"), ("endByte", "0")], Some(b"x"));
        assert_code(&stack.send(block).await, 400, "8", "it has no bytes");
        let mut wrong = application(b"", "not-empty");
        wrong["fileMd5"] = json!("0".repeat(32));
        assert_eq!(Task::apply(stack, &wrong).await.ended(stack).await, "mismatch");
        assert!(object(stack, &key("not-empty")).await.is_none());
    }

    async fn a_file_that_is_another_one_is_not_published(stack: &Stack) {
        let content = arbitrary::bytes(9, 1000);
        let mut fields = application(&content, "wrong");
        fields["fileMd5"] = json!(md5(b"something else"));
        stack.put(&key("wrong"), "what was there before").await;
        let task = Task::apply(stack, &fields).await;
        assert_code(&task.send(stack, &content, 0..1000).await, 200, "0", "the block itself is right");
        assert_eq!(task.ended(stack).await, "mismatch");
        assert_eq!(object(stack, &key("wrong")).await.unwrap(), "what was there before");
        assert_code(&task.send(stack, &content, 0..10).await, 410, "9", "a block afterwards");
        assert!(stack.keys(&format!("uploads/{}/x/", task.id)).await.is_empty());
    }

    async fn every_answer_wears_the_dialect(stack: &Stack) {
        let content = arbitrary::bytes(10, 10);
        let task = Task::new(stack, &content, "d").await;
        let head = stack.head(&task.blocks).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), stack.get(&task.blocks).await.body.len().to_string());
        for (method, path, allow) in [
            (Method::GET, "/api/upload/new/task", "POST, OPTIONS"),
            (Method::DELETE, &*task.upload, "POST, OPTIONS"),
            (Method::POST, &*task.blocks, "GET, HEAD, OPTIONS"),
            (Method::PUT, &*task.presign, "GET, HEAD, POST, OPTIONS"),
        ] {
            let answer = stack.send(Request::builder().method(method).uri(path).body(body::empty()).unwrap()).await;
            assert_code(&answer, 405, "6", path);
            assert_eq!(answer.header("allow"), allow, "{path}");
        }
        assert_code(&stack.get("/api/upload/files/nothing").await, 404, "2", "a path that is none");
        let preflight = Request::options(&*task.upload).header("origin", "https://shop.example");
        let preflight = preflight.header("access-control-request-method", "POST").body(body::empty()).unwrap();
        let preflight = stack.send(preflight).await;
        assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-origin")), (204, "*"));
        let huge = json!({ "token": "x".repeat(70_000) });
        assert_code(&post(stack, "/api/upload/new/task", &huge).await, 413, "6", "too large");
        let mut browser = get(&task.blocks.replace("taskId=", "taskId=x"));
        browser.headers_mut().insert("accept", http::HeaderValue::from_static("text/html"));
        assert!(stack.send(browser).await.header("content-type").starts_with("text/html"));
        assert!(!stack.get("/heart_beat").await.header("x-request-id").is_empty());
        let info: Value = stack.get(&task.blocks).await.json();
        assert_eq!(info["expectBlocks"], json!([{ "startByte": 0, "endByte": 9 }]));
    }
}
