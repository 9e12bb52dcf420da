//! Bad input: every call says what is wrong, and nothing of it is stored.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use shared::http::body;
use tests::arbitrary;
use tests::contract;
use tests::stack::Stack;

use super::block_task::{Task, application, apply, assert_code, form, md5, post};

/// A path with another value of one query parameter.
fn with(path: &str, name: &str, value: &str) -> String {
    let (before, query) = path.split_once('?').unwrap();
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((own, _)) if own == name => format!("{name}={value}"),
        _ => pair.to_owned(),
    });
    format!("{before}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// The value of a query parameter.
fn of<'a>(path: &'a str, name: &str) -> &'a str {
    let pair = path.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    pair.unwrap()
}

const NOT_NUMBERS: [&str; 10] =
    ["", "NaN", "-1", "1e3", "1.5", "%2B1", "0x10", "99999999999999999999999999", "null", "%00"];

/// Status and code of the refusal, the fields, the file.
type Case<'a> = (u16, &'a str, Vec<(&'a str, &'a str)>, Option<&'a [u8]>);

contract! {
    async fn a_wrong_application_is_refused(stack: &Stack) {
        let base = application(b"content", "name");
        let long = "x".repeat(1024);
        let wrong = [
            ("userId", vec![json!(null), json!(""), json!("u".repeat(257)), json!([1]), json!({}), json!(true)]),
            ("storePath", vec![
                json!(null), json!("a/../b"), json!(".."), json!("a\\b"), json!("a\u{0}b"), json!("a\nb"), json!(7),
                json!("\u{fffe}"), json!(long.clone()),
            ]),
            ("fileName", vec![
                json!(null), json!(""), json!("."), json!(".."), json!("a/b"), json!("a\\b"), json!("a\u{0}"),
                json!("\r"), json!(long), json!(["a"]),
            ]),
            ("fileSize", vec![
                json!(null), json!(""), json!(-1), json!("-1"), json!(1.5), json!("1e3"), json!("NaN"), json!(true),
                json!((5_u64 << 40) + 1), json!("99999999999999999999999999"), json!([]), json!(" 1"),
            ]),
            ("fileMd5", vec![json!(null), json!(""), json!("0".repeat(31)), json!("0".repeat(33)), json!("g".repeat(32))]),
            ("feedBackParameter", vec![json!("f".repeat(16 * 1024))]),
        ];
        for (field, values) in wrong {
            for value in values {
                let mut fields = base.clone();
                fields[field] = value.clone();
                assert_code(&apply(stack, &fields).await, 400, "6", &format!("{field} {value}"));
            }
            if field != "feedBackParameter" {
                let mut fields = base.clone();
                fields.as_object_mut().unwrap().remove(field);
                assert_code(&apply(stack, &fields).await, 400, "6", &format!("no {field}"));
            }
        }
        for token in [json!(null), json!(""), json!("token-sho"), json!("token-shop "), json!(7), json!("demo")] {
            let mut fields = base.clone();
            fields["token"] = token.clone();
            assert_code(&apply(stack, &fields).await, 401, "1", &format!("token {token}"));
        }
        for text in ["", "{", "[]", "null", "\"x\"", "{\"token\":\"\\ud800\"}", "\u{0}"] {
            let request = Request::post("/api/upload/new/task").body(body::full(text)).unwrap();
            assert_code(&stack.send(request).await, 400, "6", text);
        }
        assert!(stack.keys("uploads/").await.is_empty(), "no task was made");
    }

    async fn limits_are_reached_and_not_passed(stack: &Stack) {
        let mut fields = application(b"content", "name");
        fields["fileSize"] = json!(5_u64 << 40);
        fields["userId"] = json!("\u{6f22}".repeat(256));
        fields["feedBackParameter"] = json!("f".repeat(16 * 1024 - 2));
        fields["fileName"] = json!("x".repeat(255));
        let task = Task::apply(stack, &fields).await;
        assert_eq!(task.info(stack).await["totalSize"], 5_u64 << 40);
        fields["fileName"] = json!("x".repeat(256));
        assert_code(&apply(stack, &fields).await, 400, "6", "one byte more");
        fields["fileName"] = json!("task");
        for path in ["", "/", "uploads/1", "../uploads/1"] {
            fields["storePath"] = json!(path);
            let expected = if path.contains("..") { (400, "6") } else { (200, "0") };
            assert_code(&apply(stack, &fields).await, expected.0, expected.1, path);
        }
    }

    async fn a_wrong_block_is_refused_and_nothing_stored(stack: &Stack) {
        let content = arbitrary::bytes(20, 1000);
        let task = Task::new(stack, &content, "b").await;
        let part = &content[..100];
        let (right, other) = (md5(part), md5(b"x"));
        let long = "1".repeat(2000);
        let upper_limit = u64::MAX.to_string();
        let cases: Vec<Case<'_>> = vec![
            (400, "8", vec![("startByte", "100"), ("endByte", "99")], Some(part)),
            (400, "8", vec![("startByte", "950"), ("endByte", "1000")], Some(&content[..51])),
            (400, "8", vec![("startByte", "1000"), ("endByte", "1099")], Some(part)),
            (400, "8", vec![("startByte", "0"), ("endByte", "100")], Some(part)),
            (400, "8", vec![("startByte", "0"), ("endByte", "98")], Some(part)),
            (400, "8", vec![("startByte", "0"), ("endByte", "0")], Some(b"")),
            (400, "8", vec![("startByte", "0"), ("endByte", &upper_limit)], Some(part)),
            (422, "7", vec![("startByte", "0"), ("endByte", "99"), ("partMd5", &other)], Some(part)),
            (400, "6", vec![("startByte", "0"), ("endByte", "99"), ("partMd5", "xyz")], Some(part)),
            (400, "6", vec![("startByte", "0"), ("endByte", "99"), ("partMd5", "")], Some(part)),
            (400, "6", vec![("startByte", "0"), ("endByte", "99"), ("partMd5", &right[1..])], Some(part)),
            (400, "6", vec![("startByte", "0"), ("endByte", "99")], None),
            (400, "6", vec![("endByte", "99")], Some(part)),
            (400, "6", vec![("startByte", "0")], Some(part)),
            (400, "6", vec![("startByte", "0"), ("startByte", "0"), ("endByte", "99")], Some(part)),
            (400, "6", vec![("startByte", "0"), ("endByte", "99"), ("file", "again")], Some(part)),
            (400, "6", vec![("startByte", "0"), ("endByte", "99"), ("x", &long)], Some(part)),
            (400, "6", vec![("x", ""); 17], Some(part)),
        ];
        for (status, code, fields, file) in cases {
            let answer = stack.send(task.form(&fields, file)).await;
            assert_code(&answer, status, code, &format!("{fields:?}"));
        }
        for number in ["", "NaN", "-1", "1e3", "1.5", "+1", " 1", "0x10", "99999999999999999999999999", "\u{661}"] {
            let start = task.form(&[("startByte", number), ("endByte", "99")], Some(part));
            assert_code(&stack.send(start).await, 400, "6", &format!("startByte {number:?}"));
            let end = task.form(&[("startByte", "0"), ("endByte", number)], Some(part));
            assert_code(&stack.send(end).await, 400, "6", &format!("endByte {number:?}"));
        }
        task.needs(stack, 0..1000).await;
        let stored = stack.keys(&format!("uploads/{}/x/", task.id)).await;
        assert!(stored.is_empty(), "{stored:?}");
    }

    async fn a_body_that_is_no_form_is_refused(stack: &Stack) {
        let content = arbitrary::bytes(21, 10);
        let task = Task::new(stack, &content, "f").await;
        let whole = task.block(&content, 0..10);
        let kind = whole.headers()["content-type"].to_str().unwrap().to_owned();
        let bytes = http_body_util::BodyExt::collect(whole.into_body()).await.unwrap().to_bytes();
        let cut = |at: usize| bytes.slice(..at);
        let bodies: [(&str, Bytes); 8] = [
            ("application/json", bytes.clone()),
            ("multipart/form-data", bytes.clone()),
            ("multipart/form-data; boundary=other", bytes.clone()),
            (&kind, Bytes::new()),
            (&kind, cut(20)),
            (&kind, cut(bytes.len() / 2)),
            (&kind, cut(bytes.len() - 10)),
            (&kind, Bytes::from_static(&[0; 1000])),
        ];
        for (kind, body) in bodies {
            let what = format!("{kind}, {} bytes", body.len());
            let request = Request::post(&task.upload).header("content-type", kind);
            assert_code(&stack.send(request.body(body::full(body)).unwrap()).await, 400, "6", &what);
        }
        task.needs(stack, 0..10).await;
    }

    async fn without_its_own_key_there_is_no_task(stack: &Stack) {
        let content = arbitrary::bytes(22, 100);
        let task = Task::new(stack, &content, "one").await;
        let other = Task::new(stack, &content, "two").await;
        let unknown = ((1_u64 << 53) - 1).to_string();
        let presign = format!("{}&startByte=0&endByte=9", task.presign);
        let mut answers: Vec<(u16, Value)> = Vec::new();
        for path in [&task.blocks, &task.upload, &presign] {
            let paths = [
                with(path, "key", of(&other.blocks, "key")),
                with(path, "key", "AAAAAAAAAAAAAAAAAAAAAA"),
                with(path, "key", "x"),
                with(path, "taskId", &other.id.to_string()),
                with(path, "taskId", &unknown),
                with(path, "taskId", "1"),
            ];
            for path in paths {
                let answer = if path.contains("/block?") {
                    let parts: [(&str, &[u8]); 3] = [("startByte", b"0"), ("endByte", b"9"), ("file", &content[..10])];
                    stack.send(form(&path, &parts)).await
                } else {
                    stack.get(&path).await
                };
                assert_code(&answer, 404, "2", &path);
                answers.push((answer.status.as_u16(), answer.json()));
            }
            for wrong in NOT_NUMBERS.iter().chain(&["0", "9007199254740992"]) {
                let path = with(path, "taskId", wrong);
                let answer = if path.contains("/block?") {
                    stack.send(form(&path, &[])).await
                } else {
                    stack.get(&path).await
                };
                assert_code(&answer, 400, "6", &path);
            }
        }
        let commit = json!({ "startByte": 0, "endByte": 9, "ticket": "AAAA" });
        let answer = post(stack, &with(&task.presign, "key", of(&other.state, "key")), &commit).await;
        answers.push((answer.status.as_u16(), answer.json()));
        let state = json!({ "taskId": task.id, "status": "cancel" });
        let answer = post(stack, &other.state, &state).await;
        answers.push((answer.status.as_u16(), answer.json()));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "nothing tells them apart: {answers:?}");
        assert_code(&stack.get(&with(&task.blocks, "key", "")).await, 400, "6", "no key");
        assert_code(&stack.get(task.blocks.split('&').next().unwrap()).await, 400, "6", "no key at all");
        task.needs(stack, 0..100).await;
        for (id, status) in [
            (json!("x"), json!("pause")),
            (json!(1.5), json!("pause")),
            (json!(0), json!("pause")),
            (json!(-1), json!("pause")),
            (json!(null), json!("pause")),
            (json!(task.id), json!("stop")),
            (json!(task.id), json!(null)),
            (json!(task.id), json!(1)),
        ] {
            let answer = post(stack, &task.state, &json!({ "taskId": id, "status": status })).await;
            assert_code(&answer, 400, "6", &format!("{id} {status}"));
        }
    }
}
