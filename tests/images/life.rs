//! The life of images: many at once, cut short, listed, logged.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use shared::app::App;
use shared::config::Config;
use shared::images::sweep::sweep_older;
use tests::stack::{Backend, Door, Settings, Stack, storage_at};

use super::pixels_samples::jpeg;
use super::request::{File, delete, digest, form, path_of, raw, upload};

/// Uploads the same picture many times at once; what came back.
async fn upload_at_once(stack: &Stack, bytes: &[u8], times: usize) -> Vec<serde_json::Value> {
    let uploads = (0..times).map(|_| async {
        let answer = upload(stack, &[File::new("same.jpg", bytes)]).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    });
    stream::iter(uploads).buffer_unordered(times).collect().await
}

async fn two_hundred_at_once(backend: Backend) {
    let Some(stack) = Stack::start(Door::Program, backend).await else { return };
    let original = jpeg((700, 500));
    let all = upload_at_once(&stack, &original, 200).await;
    let links: HashSet<_> = all.iter().map(|image| image["url"].as_str().unwrap()).collect();
    assert_eq!(links.len(), 1, "one link");
    assert_eq!(stack.keys("images/").await.len(), 1, "one object");
    assert_eq!(stack.keys("image-state/lines/").await.len(), 1, "listed once");
    assert!(stack.keys("image-state/attempts/").await.is_empty());
    let path = path_of(&all[0]["url"]);
    let tokens: HashSet<_> = all.iter().map(|image| image["delete_token"].as_str().unwrap()).collect();
    assert_eq!(tokens.len(), 200);
    assert_eq!(stack.get(&path).await.body, original);
    // All but one, in any order; then the last.
    let mut tokens = tokens.into_iter();
    let last = tokens.next().unwrap();
    let deletions = tokens.map(|token| delete(&stack, &path, token));
    let statuses: Vec<_> =
        stream::iter(deletions).buffer_unordered(50).map(|answer| answer.status.as_u16()).collect().await;
    assert!(statuses.iter().all(|status| *status == 204), "{statuses:?}");
    assert_eq!(stack.get(&path).await.status, 200);
    assert_eq!(delete(&stack, &path, last).await.status, 204);
    assert_eq!(stack.get(&path).await.status, 404);
    assert!(stack.keys("images/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_upload_the_same_at_once() {
    two_hundred_at_once(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_upload_the_same_at_once_on_minio() {
    two_hundred_at_once(Backend::Minio).await;
}

/// Uploads and deletions of one picture against each other: whoever was told a token finds the image until it is used.
async fn come_and_go(backend: Backend) {
    let Some(stack) = Stack::start(Door::Program, backend).await else { return };
    let original = jpeg((60, 40));
    let rounds = (0..60).map(|_| async {
        let image = upload(&stack, &[File::new("same.jpg", &original)]).await;
        assert_eq!(image.status, 201, "{}", image.text());
        let image = image.json();
        let path = path_of(&image["url"]);
        assert_eq!(stack.get(&path).await.body, original, "it is there while its token is");
        let token = image["delete_token"].as_str().unwrap();
        assert_eq!(delete(&stack, &path, token).await.status, 204);
    });
    stream::iter(rounds).buffer_unordered(12).collect::<()>().await;
    assert!(stack.keys("images/").await.is_empty());
    let left = stack.keys("image-state/").await;
    assert!(left.iter().all(|key| key.starts_with("image-state/contents/")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_deletions_of_one_picture_meet() {
    come_and_go(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_deletions_of_one_picture_meet_on_minio() {
    come_and_go(Backend::Minio).await;
}

/// The functions of this process over the store of a stack.
async fn app(stack: &Stack) -> App {
    let config = Config::read(|_| None, None).unwrap();
    App::with_storage(config, storage_at(stack.store().0, &stack.bucket).await)
}

async fn killed(backend: Backend) {
    let Some(mut stack) = Stack::start(Door::Program, backend).await else { return };
    let mut told = Vec::new();
    for round in 0..8_u16 {
        let pictures: Vec<_> = (0..24).map(|index| jpeg((300 + index, 100 + round))).collect();
        let uploads = pictures.iter().map(|bytes| async {
            let answer = stack.open(form("/api/upload", &[File::new("a.jpg", bytes)]));
            // It is killed meanwhile: there may be no answer.
            let answer = std::panic::AssertUnwindSafe(answer);
            futures_util::FutureExt::catch_unwind(answer).await.ok().flatten()
        });
        let mut answers = stream::iter(uploads).buffer_unordered(6);
        for _ in 0..=round * 2 {
            let Some(Some(answer)) = answers.next().await else { continue };
            let answer = tests::client::read(answer).await;
            assert_eq!(answer.status, 201);
            told.push(answer.json());
        }
        drop(answers);
        stack = stack.killed_and_started().await;
        let listed = stack.get("/api/images?limit=100").await.json();
        for image in listed["images"].as_array().unwrap() {
            let served = stack.get(&path_of(&image["url"])).await;
            assert_eq!(served.status, 200, "a listed image can be fetched");
            assert_eq!(Some(served.body.len() as u64), image["bytes"].as_u64());
            super::request::size(&served.body);
        }
    }
    // What was told stays; what was cut short is undone.
    sweep_older(&app(&stack).await, SystemTime::now() + Duration::from_secs(60)).await.unwrap();
    assert!(stack.keys("image-state/attempts/").await.is_empty());
    for image in &told {
        let path = path_of(&image["url"]);
        assert_eq!(digest(&stack.get(&path).await.body), image["sha256"].as_str().unwrap());
        let deleted = delete(&stack, &path, image["delete_token"].as_str().unwrap()).await;
        assert_eq!(deleted.status, 204, "its token works");
    }
    let held: HashSet<String> = stack.keys("image-state/tokens/").await.iter().map(|key| name_in(key)).collect();
    for key in stack.keys("images/").await {
        assert!(held.contains(key.trim_start_matches("images/")), "{key} belongs to somebody");
    }
}

/// The image whose token it is.
fn name_in(key: &str) -> String {
    key.split('/').nth(2).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_nothing_broken() {
    killed(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_nothing_broken_on_minio() {
    killed(Backend::Minio).await;
}

#[tokio::test]
async fn an_upload_that_was_cut_short_is_undone() {
    let Some(stack) = Stack::start(Door::Direct, Backend::Embedded).await else { return };
    let image = upload(&stack, &[File::new("a.jpg", &jpeg((700, 500)))]).await.json();
    let [content, token] = ["contents", "tokens"].map(|folder| format!("image-state/{folder}/"));
    let (content, token) = (stack.keys(&content).await.remove(0), stack.keys(&token).await.remove(0));
    let record = stack.s3.get_object().bucket(&stack.bucket).key(&token).send().await.unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record.body.collect().await.unwrap().to_vec()).unwrap();
    // As if the process had died between the token and the answer.
    let mut attempt = record["value"].clone();
    attempt["of"] = "token".into();
    let attempt = serde_json::json!({ "nonce": "n", "value": attempt });
    stack.put("image-state/attempts/one", attempt.to_string()).await;
    let app = app(&stack).await;
    sweep_older(&app, SystemTime::now() - Duration::from_secs(3600)).await.unwrap();
    assert_eq!(stack.get(&path_of(&image["url"])).await.status, 200, "it may still be under way");
    sweep_older(&app, SystemTime::now() + Duration::from_secs(60)).await.unwrap();
    assert_eq!(stack.get(&path_of(&image["url"])).await.status, 404);
    assert!(stack.keys("images/").await.is_empty());
    assert_eq!(stack.keys("image-state/").await, [content], "only that it has gone");
    sweep_older(&app, SystemTime::now() + Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn the_catalogue_can_be_switched_off() {
    let settings = Settings { variables: &[("IMAGE_CATALOGUE", "off")], ..Settings::default() };
    let Some(stack) = Stack::configured(Door::Program, Backend::Embedded, settings).await else { return };
    let image = upload(&stack, &[File::new("a.jpg", &jpeg((40, 40)))]).await.json();
    assert_eq!(stack.get("/api/images").await.status, 404);
    assert_eq!(stack.get(&path_of(&image["url"])).await.status, 200);
}

#[tokio::test]
async fn each_action_is_a_line_of_the_log() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    let original = jpeg((40, 40));
    let image = upload(&stack, &[File::new("img1.jpg", &original)]).await.json();
    upload(&stack, &[File::new("user_file.txt", b"text")]).await;
    upload(&stack, &[File::new("big.jpg", &Bytes::from(vec![0xff; 5_242_881]))]).await;
    upload(&stack, &[File::new("bad.jpg", b"bad")]).await;
    let forged = "a\u{2028}\u{1b}[2J\u{202e}[2025-01-24 14:00:00] Success: image x uploaded..jpg";
    // As a header of its own it may hold what a form's header cannot.
    let encoded: String = forged.bytes().map(|byte| format!("%{byte:02x}")).collect();
    raw(&stack, &[("filename", &encoded)], original.clone().into()).await;
    let path = path_of(&image["url"]);
    let token = image["delete_token"].as_str().unwrap();
    delete(&stack, &path, "wrong-token").await;
    delete(&stack, &path, token).await;

    let log = std::fs::read_to_string(stack.data().join("logs/app.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let name = image["name"].as_str().unwrap();
    let expected = [
        "Success: image img1.jpg uploaded.".to_owned(),
        "Error: unsupported file format (user_file.txt).".to_owned(),
        "Error: file too large (big.jpg).".to_owned(),
        "Error: not an image file (bad.jpg).".to_owned(),
        "Success: image a\\u{2028}\\u{1b}[2J\\u{202e}[2025-01-24 14:00:00] Success: image x uploaded..jpg uploaded."
            .to_owned(),
        format!("Error: The delete token is missing or wrong ({name})."),
        format!("Success: image {name} deleted."),
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, expected) in lines.iter().zip(&expected) {
        let (stamp, text) = line.split_at(22);
        assert_eq!(text, expected);
        let shape: String = stamp.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
        assert_eq!(shape, "[0000-00-00 00:00:00] ");
    }
    assert!(!log.contains(token) && !log.contains("wrong-token"));
}
