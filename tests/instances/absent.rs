//! Engines that are not there, or do not do what they should.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tests::require;
use tests::stack::{Backend, Door, Settings, Stack};

use super::office::{REDIS, ask, document, fresh_ports, until, utf8};

const KEY: [(&str, &str); 1] = [("authorization", "key-1")];

async fn refused(docker_host: &str) {
    let text = document("pannier-none:1", fresh_ports());
    let settings = Settings { document: &text, variables: &[("DOCKER_HOST", docker_host)], ..Settings::default() };
    let Some(stack) = Stack::configured(Door::Program, Backend::Embedded, settings).await else { return };
    for (path, body) in [("/redis", json!({ "memory": 64 })), ("/mysql", utf8())] {
        let began = Instant::now();
        let answer = ask(&stack, Method::POST, path, &body, &KEY).await;
        assert_eq!(answer.status, 503, "{docker_host}: {}", answer.text());
        assert_eq!(answer.json(), json!({ "code": 503, "msg": "The instance engine does not answer.", "data": null }));
        assert!(!answer.header("retry-after").is_empty());
        assert!(began.elapsed() < Duration::from_secs(10), "inside the time limit");
    }
    for prefix in ["instances/", "quota/", "ports/"] {
        assert_eq!(stack.keys(prefix).await, [""; 0], "nothing is left");
    }
    // Nothing else is the worse for it.
    let health = stack.get("/health").await;
    assert_eq!(
        (health.status.as_u16(), &health.json()["dependencies"]["instances"]["state"]),
        (200, &json!("unavailable"))
    );
    assert_eq!(ask(&stack, Method::GET, "/list/1", &Value::Null, &KEY).await.json()["data"], json!([]));
}

#[tokio::test]
async fn an_absent_engine_is_told_of() {
    refused("unix:///nowhere/docker.sock").await;
    refused("tcp://127.0.0.1:1").await;
    refused("ssh://somewhere").await;
}

#[tokio::test]
async fn a_stale_socket_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "nobody listens, and the file is there");
    refused(&format!("unix://{}", path.display())).await;
}

#[tokio::test]
async fn an_engine_that_hangs_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    // It takes connections and says nothing.
    let _listener = UnixListener::bind(&path).unwrap();
    refused(&format!("unix://{}", path.display())).await;
}

#[tokio::test]
async fn an_engine_that_is_switched_off_is_told_of() {
    let variables = [("INSTANCES_ENGINE", "off")];
    let text = document("pannier-none:1", fresh_ports());
    let settings = Settings { document: &text, variables: &variables, ..Settings::default() };
    let Some(stack) = Stack::configured(Door::Program, Backend::Embedded, settings).await else { return };
    assert_eq!(ask(&stack, Method::POST, "/redis", &json!({ "memory": 64 }), &KEY).await.status, 503);
    assert_eq!(
        stack.get("/health").await.json()["dependencies"]["instances"]["engines"],
        json!({ "off": "unavailable" })
    );
}

#[tokio::test]
async fn an_image_that_cannot_be_had_is_a_failure_with_its_reason() {
    if !require::image(REDIS) {
        return;
    }
    let text = document("pannier-none:1", fresh_ports());
    let settings = Settings { document: &text, ..Settings::default() };
    let Some(stack) = Stack::configured(Door::Program, Backend::Embedded, settings).await else { return };
    let answer = ask(&stack, Method::POST, "/mysql", &utf8(), &KEY).await;
    assert!([500, 202].contains(&answer.status.as_u16()), "{}", answer.text());
    let list = || async { ask(&stack, Method::GET, "/list/1", &Value::Null, &KEY).await.json()["data"].take() };
    until("it fails", async || list().await[0]["status"] == "failed").await;
    let failed = list().await[0].take();
    assert_eq!(failed["reason"], "The image pannier-none:1 cannot be had.");
    let path = format!("/detail/{}", failed["dockerId"].as_str().unwrap());
    let restart = ask(&stack, Method::POST, &format!("{path}/restart"), &Value::Null, &KEY).await;
    assert_eq!((restart.status.as_u16(), &restart.json()["msg"]), (409, &json!("The instance is failed.")));
    assert_eq!(ask(&stack, Method::DELETE, &path, &Value::Null, &KEY).await.status, 200);
    assert_eq!(list().await, json!([]));
}
