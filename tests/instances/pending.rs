//! Instances that take longer than a client waits, as managed services do, and engines that fail in the middle: over an engine
//! that only remembers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request};
use serde_json::{Value, json};
use shared::app::App;
use shared::config::Config;
use shared::endpoints::ALL;
use shared::events::run_schedule;
use shared::http::{body, dispatch};
use shared::instances::RECONCILE_INSTANCES;
use shared::instances::engine::{Engine, Fake};
use tests::client::{self, Answer};
use tests::stack::{Backend, storage};

/// The functions over a store and such an engine.
struct Desk {
    app: Arc<App>,
    engine: Arc<Fake>,
    /// Keeps the store open.
    _kept: Option<(local::store::Store, tempfile::TempDir)>,
}

impl Desk {
    async fn open(backend: Backend, engine: Fake) -> Option<Self> {
        let (storage, kept) = storage(backend).await?;
        let secret = shared::config::Secret::generate();
        let config = Config { secret: Some(secret), demo_users: true, ..Config::read(|_| None, None).unwrap() };
        let engine = Arc::new(engine);
        let app = App::with_storage(config, storage).with_engine(Engine::Fake(engine.clone()));
        Some(Self { app: Arc::new(app), engine, _kept: kept })
    }

    async fn ask(&self, method: Method, path: &str, document: Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header("authorization", "user1");
        let request = request.body(body::full(document.to_string())).unwrap();
        client::read(dispatch(&self.app, ALL, request).await).await
    }

    async fn reconcile(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(100);
        run_schedule(&self.app, &RECONCILE_INSTANCES, deadline).await.expect("a pass");
    }

    async fn objects(&self) -> usize {
        let mut count = 0;
        for prefix in ["instances/", "quota/", "ports/"] {
            let bucket = &self.app.storage().unwrap().main;
            let page = bucket.list(&shared::storage::Key::Listed(prefix)).next().await.unwrap();
            count += page.map_or(0, |page| page.len());
        }
        count
    }
}

async fn slow(backend: Backend) {
    // As RDS: the first look makes it, and it is no use to look again before a minute has passed.
    let Some(desk) = Desk::open(backend, Fake::slow(2, Duration::from_secs(60), 2001..=2040)).await else { return };
    let began = Instant::now();
    let answer = desk.ask(Method::POST, "/redis", json!({ "memory": 64 })).await;
    let told = answer.json();
    assert_eq!((answer.status.as_u16(), &told["code"], &told["msg"]), (202, &json!(202), &json!("success")));
    assert!(began.elapsed() < Duration::from_secs(10), "nobody waits for what will not come");
    assert_eq!(told["data"]["status"], "creating");
    let id = told["data"]["dockerId"].as_str().unwrap();
    let detail = || async { desk.ask(Method::GET, &format!("/detail/{id}"), Value::Null).await.json()["data"].take() };
    assert_eq!(detail().await, told["data"], "the same identifiers");
    for (path, status) in [("restart", 409), ("rotate-password", 409)] {
        let answer = desk.ask(Method::POST, &format!("/detail/{id}/{path}"), Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["msg"]), (status, &json!("The instance is creating.")));
    }
    desk.reconcile().await;
    assert_eq!(detail().await["status"], "creating");
    desk.reconcile().await;
    let ready = detail().await;
    assert_eq!(ready["status"], "ready");
    for field in ["dockerId", "pwd", "port", "host", "uri"] {
        assert_eq!(ready[field], told["data"][field], "{field}");
    }
    let before = desk.objects().await;
    desk.reconcile().await;
    assert_eq!(desk.objects().await, before);
    assert_eq!(desk.ask(Method::DELETE, &format!("/detail/{id}"), Value::Null).await.status, 200);
    assert_eq!((desk.objects().await, desk.engine.made().len()), (0, 0));
}

#[tokio::test]
async fn what_takes_longer_is_told_and_gets_ready() {
    slow(Backend::Embedded).await;
}

#[tokio::test]
async fn what_takes_longer_is_told_and_gets_ready_on_minio() {
    slow(Backend::Minio).await;
}

#[tokio::test]
async fn an_engine_that_fails_in_the_middle_leaves_nothing_in_the_end() {
    let Some(desk) = Desk::open(Backend::Embedded, Fake::slow(30, Duration::from_millis(20), 2001..=2040)).await else {
        return;
    };
    let app = desk.app.clone();
    let asked = tokio::spawn(async move {
        let request = Request::post("/redis").header("authorization", "user1");
        client::read(dispatch(&app, ALL, request.body(body::full(r#"{"memory":64}"#)).unwrap()).await).await
    });
    while desk.engine.made().is_empty() {
        tokio::task::yield_now().await;
    }
    desk.engine.set_down(true);
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, 503, "{}", answer.text());
    // It cannot be taken away while the engine is down, and is not forgotten.
    assert_eq!((desk.engine.made().len(), desk.objects().await), (1, 3));
    assert_eq!(desk.ask(Method::POST, "/redis", json!({ "memory": 64 })).await.status, 503);
    desk.engine.set_down(false);
    desk.reconcile().await;
    assert_eq!((desk.engine.made().len(), desk.objects().await), (0, 0));
}

#[tokio::test]
async fn ports_that_are_taken_are_passed_over_and_none_left_is_told() {
    let Some(desk) = Desk::open(Backend::Embedded, Fake::slow(0, Duration::ZERO, 2001..=2004)).await else { return };
    desk.engine.set_foreign(&[2001, 2003]);
    for port in [2002, 2004] {
        let made = desk.ask(Method::POST, "/redis", json!({ "memory": 64 })).await.json();
        assert_eq!(made["data"]["port"], port, "{made}");
    }
    let full = desk.ask(Method::POST, "/redis", json!({ "memory": 64 })).await;
    assert_eq!((full.status.as_u16(), &full.json()["msg"]), (503, &json!("Every port is in use.")));
    // Two instances with a slot and a port each, and two ports that something else has.
    assert_eq!(desk.objects().await, 8);
}
