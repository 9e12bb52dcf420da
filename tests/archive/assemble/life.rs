//! How an archive is put together when something comes between, and how it goes again.

use std::time::{Duration, SystemTime};

use serde_json::json;
use shared::archive::ASSEMBLE_ARCHIVES;
use shared::archive::assemble::sweep_older;
use tests::arbitrary;
use tests::client::PATIENCE;
use tests::stack::{Backend, Door, Settings, Stack};

use super::{ASSEMBLE, beside, fill_a_little, follow, in_the_making, location, path, read, streamed};

async fn start(door: Door, backend: Backend) -> Option<Stack> {
    Stack::configured(door, backend, Settings { variables: ASSEMBLE, ..Settings::default() }).await
}

/// Work on the archive, as its record says it.
async fn record(stack: &Stack, lease_seconds: i64) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let until = i64::try_from(now).unwrap() + 1000 * lease_seconds;
    let work = json!({ "nonce": format!("n{until}"), "value": {
        "etag": null, "making": null, "lease": { "holder": "another", "until": until } } });
    stack.put("assemblies/trip", work.to_string()).await;
}

async fn what_was_left_is_finished(door: Door, backend: Backend) {
    let Some(stack) = start(door, backend).await else { return };
    fill_a_little(&stack).await;
    record(&stack, -1).await;
    stack.work(&ASSEMBLE_ARCHIVES).await;
    let keys = stack.keys("assembled/").await;
    assert_eq!(keys.len(), 1);
    assert!(stack.keys("assemblies/").await.is_empty());
    let url = location(&stack.get("/archive/trip/").await);
    assert!(path(&url).ends_with(&keys[0]), "{url}");
    assert!(follow(&url, &[]).await.body == streamed(&stack).await.body);
}

#[tokio::test]
async fn the_worker_finishes_what_was_left() {
    what_was_left_is_finished(Door::Direct, Backend::Embedded).await;
}

#[tokio::test]
async fn the_workers_function_finishes_what_was_left() {
    what_was_left_is_finished(Door::Functions, Backend::Embedded).await;
}

#[tokio::test]
async fn the_workers_function_finishes_what_was_left_on_minio() {
    what_was_left_is_finished(Door::Functions, Backend::Minio).await;
}

/// Another works on it and does not come to its end: the client is told to ask again, a browser does so by itself.
#[tokio::test]
async fn while_another_works_on_it_the_answer_is_503() {
    let Some(stack) = start(Door::Direct, Backend::Embedded).await else { return };
    fill_a_little(&stack).await;
    let working = async {
        loop {
            record(&stack, 8).await;
            // As one who lives extends its lease.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let answer = tokio::select! {
        answer = stack.get("/archive/trip/") => answer,
        () = working => unreachable!(),
    };
    assert_eq!(answer.status, 503);
    assert_eq!((answer.header("retry-after"), answer.header("refresh")), ("5", "5"));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    stack.work(&ASSEMBLE_ARCHIVES).await;
    assert!(stack.keys("assembled/").await.is_empty(), "the worker leaves it to the other");
    // Then the other is dead.
    let answer = stack.get("/archive/trip/").await;
    assert!(follow(&location(&answer), &[]).await.body == streamed(&stack).await.body);
}

/// `kill -9` while parts are on their way; the next request goes on.
async fn killed_in_the_middle(backend: Backend) {
    let Some(stack) = start(Door::Program, backend).await else { return };
    for index in 0..24 {
        stack.put(&format!("photos/trip/{index:02}.bin"), arbitrary::bytes(index, 4 << 20)).await;
    }
    let whole = streamed(&stack).await;
    let begun = async {
        // As soon as parts are sent.
        while !read(&stack, "assemblies/trip").await.is_some_and(|work| work.contains("\"multipart\"")) {
            tokio::task::yield_now().await;
        }
    };
    let finished = tokio::select! {
        answer = stack.open(tests::client::get("/archive/trip/")) => answer.is_some(),
        () = begun => false,
    };
    assert!(!finished, "it is killed before it is done");
    let stack = stack.killed_and_started().await;
    let answer = stack.get("/archive/trip/").await;
    assert!(follow(&location(&answer), &[]).await.body == whole.body);
    let keys = stack.keys("assembled/").await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(in_the_making(&stack, &keys[0]).await, 0);
    let gone = async { while !stack.keys("assemblies/").await.is_empty() {} };
    tokio::time::timeout(PATIENCE, gone).await.expect("the work is over");
}

#[tokio::test]
async fn killed_in_the_middle_it_is_gone_on_with() {
    killed_in_the_middle(Backend::Embedded).await;
}

#[tokio::test]
async fn killed_in_the_middle_it_is_gone_on_with_on_minio() {
    killed_in_the_middle(Backend::Minio).await;
}

/// What is old goes, what was begun and left goes, and what is wanted is made again.
async fn what_is_old_goes(backend: Backend) {
    let Some(stack) = start(Door::Functions, backend).await else { return };
    fill_a_little(&stack).await;
    let url = location(&stack.get("/archive/trip/").await);
    let key = stack.keys("assembled/").await.remove(0);
    let begun = stack.s3.create_multipart_upload().bucket(&stack.bucket).key("assembled/trip/x.y.zip");
    begun.send().await.unwrap();
    // The folder is gone that somebody wanted.
    let work = json!({ "nonce": "n", "value": { "etag": "e", "making": null, "lease": null } });
    stack.put("assemblies/gone", work.to_string()).await;
    let app = beside(&stack, ASSEMBLE).await;
    let minute = Duration::from_secs(60);
    sweep_older(&app, SystemTime::now() - minute).await.unwrap();
    assert_eq!(stack.keys("assembled/").await, std::slice::from_ref(&key), "it is not old");
    assert!(stack.keys("assemblies/").await.is_empty());
    assert_eq!(in_the_making(&stack, "assembled/trip/x.y.zip").await, 1);
    sweep_older(&app, SystemTime::now() + minute).await.unwrap();
    assert!(stack.keys("assembled/").await.is_empty());
    if backend == Backend::Embedded {
        // MinIO lists them by whole keys only, and takes them away by itself.
        assert_eq!(in_the_making(&stack, "assembled/").await, 0);
    }
    assert_eq!(follow(&url, &[]).await.status, 404);
    let again = location(&stack.get("/archive/trip/").await);
    assert_ne!(path(&again), path(&url), "no key is written twice");
    assert!(follow(&again, &[]).await.body == streamed(&stack).await.body);
}

#[tokio::test]
async fn what_is_old_goes_from_the_embedded_store() {
    what_is_old_goes(Backend::Embedded).await;
}

#[tokio::test]
async fn what_is_old_goes_from_minio() {
    what_is_old_goes(Backend::Minio).await;
}

/// An object that changes while the archive is put together: what comes out is of one state of the folder, or nothing does.
#[tokio::test]
async fn a_change_in_the_middle_never_mixes() {
    let Some(stack) = start(Door::Program, Backend::Minio).await else { return };
    for index in 0..5 {
        stack.put(&format!("photos/trip/{index}.bin"), arbitrary::bytes(index, 6 << 20)).await;
    }
    for round in 0..6_u64 {
        let before = streamed(&stack).await;
        let change = async {
            // Each time at another moment.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(Duration::from_millis(50 * round)).await;
            stack.put("photos/trip/4.bin", arbitrary::bytes(10 + round, 6 << 20)).await;
        };
        let (answer, ()) = tokio::join!(stack.get("/archive/trip/"), change);
        if answer.status == 503 {
            assert_ne!(answer.header("retry-after"), "");
        } else {
            let url = location(&answer);
            let state =
                if url.contains(before.header("etag").trim_matches('"')) { before } else { streamed(&stack).await };
            assert!(follow(&url, &[]).await.body == state.body);
        }
        let url = location(&stack.get("/archive/trip/").await);
        assert!(follow(&url, &[]).await.body == streamed(&stack).await.body, "then it is what the folder is now");
    }
}
