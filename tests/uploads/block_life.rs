//! What becomes of a task: its callbacks, and what is left when somebody dies.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tests::stack::{Backend, Door, Settings, Stack};
use tests::{arbitrary, client};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::block_task::{Task, application, assert_code, code, key, md5, object};
use crate::outbox::office::configuration;
use crate::outbox::receiver::{Receiver, Reply};

/// The program, with a business server that answers.
async fn with_receiver(backend: Backend, variables: &[(&str, &str)]) -> Option<(Stack, Receiver)> {
    let receiver = Receiver::start(&[Reply::Status(200)]).await;
    let document = configuration(&[("token-shop", &receiver.url())]) + "store_prefix = \"business/\"\n";
    let settings = Settings { variables, document: &document, ..Settings::default() };
    Some((Stack::configured(Door::Program, backend, settings).await?, receiver))
}

/// The body of a callback, as the contract has it.
fn callback(task: &Task, application: &Value, code: &str) -> Value {
    json!({
        "retCode": code,
        "data": application["feedBackParameter"],
        "taskId": task.id,
        "fileMd5": application["fileMd5"],
        "fileSize": application["fileSize"],
        "storePath": application["storePath"],
        "fileName": application["fileName"],
    })
}

/// Waits for the callback of a task; every call there is must be the same message.
async fn told(receiver: &Receiver, expected: &Value) {
    let calls = receiver.called(1).await;
    let ids: BTreeSet<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1, "one message: {ids:?}");
    let mut body: Value = serde_json::from_slice(&calls[0].body).unwrap();
    assert!(body["status"].is_string());
    body.as_object_mut().unwrap().remove("status");
    assert_eq!(body, *expected);
}

/// Sixteen clients bring the last blocks at the same time: one end, one object, one message.
async fn a_crowd_at_the_end(backend: Backend) {
    let Some((stack, receiver)) = with_receiver(backend, &[]).await else { return };
    let content = arbitrary::bytes(50, 9_000_000);
    let application = application(&content, "crowd");
    let task = Task::apply(&stack, &application).await;
    let last = content.len() - 16 * 1000;
    for start in (0..last).step_by(4_000_000) {
        assert_code(&task.send(&stack, &content, start..(start + 4_000_000).min(last)).await, 200, "0", "a block");
    }
    let (task_ref, stack_ref, content_ref) = (&task, &stack, &content);
    let codes: Vec<(u16, String)> = stream::iter(0..16)
        .map(|client| async move {
            let start = last + client * 1000;
            code(&task_ref.send(stack_ref, content_ref, start..start + 1000).await)
        })
        .buffer_unordered(16)
        .collect()
        .await;
    assert!(codes.iter().all(|(status, code)| *status == 200 && matches!(&**code, "0" | "1")), "{codes:?}");
    task.completes(&stack, &content, &key("crowd")).await;
    told(&receiver, &callback(&task, &application, "0")).await;
    let instant = Task::apply(&stack, &application).await;
    assert_eq!(instant.status, "complete");
    let calls = receiver.called(2).await;
    let ids: Vec<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!(ids, [format!("upload-{}", task.id), format!("upload-{}", instant.id)], "each task once");
}

#[tokio::test]
async fn a_crowd_at_the_end_ends_it_once() {
    a_crowd_at_the_end(Backend::Embedded).await;
}

#[tokio::test]
async fn a_crowd_at_the_end_ends_it_once_on_minio() {
    a_crowd_at_the_end(Backend::Minio).await;
}

#[tokio::test]
async fn a_mismatch_and_nothing_else_is_told() {
    let (stack, receiver) = with_receiver(Backend::Embedded, &[]).await.unwrap();
    let content = arbitrary::bytes(51, 1000);
    // Of a cancelled task nobody is told.
    let cancelled = Task::new(&stack, &content, "cancelled").await;
    assert_code(&cancelled.set_state(&stack, "cancel").await, 200, "0", "cancel");
    let mut application = application(&content, "mismatch");
    application["fileMd5"] = json!(md5(b"another"));
    let task = Task::apply(&stack, &application).await;
    assert_code(&task.send(&stack, &content, 0..1000).await, 200, "0", "the block itself is right");
    assert_eq!(task.ended(&stack).await, "mismatch");
    told(&receiver, &callback(&task, &application, "-2")).await;
    assert!(object(&stack, &key("mismatch")).await.is_none());
}

#[tokio::test]
async fn a_task_that_stands_still_expires() {
    let (stack, receiver) = with_receiver(Backend::Embedded, &[("UPLOAD_EXPIRY", "2")]).await.unwrap();
    let content = arbitrary::bytes(52, 1000);
    let application = application(&content, "late");
    let task = Task::apply(&stack, &application).await;
    assert_code(&task.send(&stack, &content, 0..10).await, 200, "0", "a block");
    told(&receiver, &callback(&task, &application, "-1")).await;
    assert_eq!(task.ended(&stack).await, "expired");
    assert_code(&task.send(&stack, &content, 10..20).await, 410, "9", "a block afterwards");
    assert_code(&task.set_state(&stack, "upload").await, 410, "9", "a state afterwards");
    assert!(object(&stack, &key("late")).await.is_none());
}

/// `kill -9` while blocks arrive: what was acknowledged is there afterwards.
async fn killed_in_mid_upload(backend: Backend) {
    let Some(mut stack) = Stack::start(Door::Program, backend).await else { return };
    let content = arbitrary::bytes(53, 20_000_000);
    let task = Task::new(&stack, &content, "killed").await;
    assert_code(&task.set_state(&stack, "pause").await, 200, "0", "pause");
    stack = stack.killed_and_started().await;
    assert_eq!(task.info(&stack).await["status"], "pause", "a state outlives the program");
    assert_code(&task.set_state(&stack, "upload").await, 200, "0", "on");

    let blocks: Vec<Range<usize>> = (0..40).map(|block| block * 500_000..(block + 1) * 500_000).collect();
    let mut acknowledged: Vec<Range<usize>> = Vec::new();
    for round in 0..3 {
        let todo: Vec<_> = blocks.iter().filter(|block| !acknowledged.contains(block)).cloned().collect();
        let (address, pid) = (stack.program().address.clone(), stack.program().pid());
        let sending = stream::iter(todo).map(|block| {
            let (request, address) = (task.block(&content, block.clone()), address.clone());
            async move { (block, try_send(&address, request).await) }
        });
        let mut sending = std::pin::pin!(sending.buffer_unordered(8));
        while let Some((block, taken)) = sending.next().await {
            acknowledged.extend(taken.then_some(block));
            if acknowledged.len() >= 8 * (round + 1) {
                // The others are on their way.
                let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        stack = stack.killed_and_started().await;
        let gaps = task.gaps(&stack).await;
        let lost = acknowledged.iter().find(|held| gaps.iter().any(|gap| gap.start < held.end && held.start < gap.end));
        assert_eq!(lost, None, "round {round}: acknowledged and asked for again: {gaps:?}");
    }
    for gap in task.gaps(&stack).await {
        for start in gap.clone().step_by(4_000_000) {
            let answer = task.send(&stack, &content, start..(start + 4_000_000).min(gap.end)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    task.completes(&stack, &content, &key("killed")).await;
}

/// Whether a block was acknowledged; the program may be gone.
async fn try_send(address: &str, mut request: http::Request<shared::http::Body>) -> bool {
    let Ok(stream) = TcpStream::connect(address).await else { return false };
    let Ok((mut sender, connection)) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await
    else {
        return false;
    };
    tokio::spawn(connection);
    request.headers_mut().insert("host", address.parse().unwrap());
    let Ok(answer) = sender.send_request(request).await else { return false };
    let status = answer.status();
    let whole = answer.into_body().collect().await;
    status == 200 && whole.is_ok()
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    killed_in_mid_upload(Backend::Embedded).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill_on_minio() {
    killed_in_mid_upload(Backend::Minio).await;
}

/// A block as it goes over the wire, cut somewhere.
async fn on_the_wire(stack: &Stack, task: &Task, content: &Bytes, cut: usize) -> Vec<u8> {
    let (head, body) = task.block(content, 0..content.len()).into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut bytes = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        task.upload,
        stack.program().address,
        head.headers["content-type"].to_str().unwrap(),
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body[..body.len() - cut]);
    bytes
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let stack = Stack::start(Door::Program, Backend::Embedded).await.unwrap();
    let content = arbitrary::bytes(54, 3_000_000);
    let task = Task::new(&stack, &content, "gone").await;
    for cut in [2_900_000, 1_500_000, 10] {
        let mut stream = TcpStream::connect(&stack.program().address).await.unwrap();
        stream.write_all(&on_the_wire(&stack, &task, &content, cut).await).await.unwrap();
        stream.shutdown().await.unwrap();
        // It closes once it has understood.
        let mut answer = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "nothing is acknowledged");
        task.needs(&stack, 0..content.len()).await;
    }
    let stored = stack.keys(&format!("uploads/{}/x/", task.id)).await;
    assert!(stored.is_empty(), "{stored:?}");
    assert_code(&task.send(&stack, &content, 0..content.len()).await, 200, "0", "another try");
    task.completes(&stack, &content, &key("gone")).await;
}

#[tokio::test]
async fn a_client_that_stands_still_is_sent_away() {
    let stack = Stack::start(Door::Program, Backend::Embedded).await.unwrap();
    let content = arbitrary::bytes(55, 100_000);
    let task = Task::new(&stack, &content, "still").await;
    let began = Instant::now();
    let part = on_the_wire(&stack, &task, &content, 50_000).await;
    let answer = client::raw(&stack.program().address, &part).await;
    let waited = began.elapsed();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 400") && text.contains("\"retCode\":\"6\""), "{text}");
    assert!((Duration::from_secs(25)..Duration::from_secs(60)).contains(&waited), "{waited:?}");
    task.needs(&stack, 0..content.len()).await;
}
