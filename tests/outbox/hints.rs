//! A message is not kept waiting for the next time of the schedule, which is two seconds away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::app::App;
use shared::config::Config;
use shared::outbox::post;
use tests::stack::{Backend, embedded, storage_at};
use tests::{client, minio};
use tokio::sync::watch;

use super::office::{Office, configuration, message};
use super::receiver::{Receiver, Reply};

/// So many messages one after the other, which the schedule alone would take ten seconds for.
const MESSAGES: usize = 5;
const LIMIT: Duration = Duration::from_secs(6);

#[tokio::test]
async fn news_of_the_store_is_a_hint() {
    let receiver = Receiver::start(&[Reply::Status(200)]).await;
    let Some(office) = Office::open(Backend::Embedded, &configuration(&[("shop", &receiver.url())])).await else {
        return;
    };
    let started = Instant::now();
    for index in 0..MESSAGES {
        office.post(&format!("m-{index}"), "shop").await;
        receiver.called(index + 1).await;
    }
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}

/// As on a store that tells of nothing.
#[tokio::test]
async fn whoever_posts_may_hint() {
    let data = tempfile::tempdir().unwrap();
    let (_store, endpoint) = embedded(&data, (minio::ACCESS_KEY, minio::SECRET_KEY)).await;
    let storage = storage_at(&endpoint, "hints").await;
    let receiver = Receiver::start(&[Reply::Status(200)]).await;
    let document = data.path().join("pannier.toml");
    std::fs::write(&document, configuration(&[("shop", &receiver.url())])).unwrap();
    let config = Config::read(|_| None, Some(&document)).unwrap();
    let app = Arc::new(App::with_storage(config, storage.clone()));
    assert!(!app.wake_workers(), "nobody listens, as in a function");

    let (stop, signal) = watch::channel(false);
    let working = tokio::spawn(local::workers::run(app.clone(), None, signal));
    let started = Instant::now();
    for index in 0..MESSAGES {
        post(&storage, &message(&format!("m-{index}"), "shop")).await.unwrap();
        // Before the worker has begun to listen, its first run is still to come.
        app.wake_workers();
        receiver.called(index + 1).await;
    }
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    stop.send_replace(true);
    tokio::time::timeout(client::PATIENCE, working).await.expect("it stops").unwrap();
    assert!(!app.wake_workers(), "nobody listens any more");
}
