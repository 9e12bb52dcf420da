//! Archives that are put together in the bucket: the very bytes that would be streamed, made once.

mod changed;
mod contract;
mod life;
mod model;
mod programs;

use bytes::Bytes;
use shared::app::App;
use shared::config::Config;
use shared::endpoints::ALL;
use shared::http::dispatch;
use tests::arbitrary;
use tests::client::{self, Answer, follow, get};
use tests::stack::{Stack, storage_at};

/// Larger archives are put together.
const ABOVE: &str = "9000000";

/// The variable that says so.
const ASSEMBLE: &[(&str, &str)] = &[("ARCHIVE_ASSEMBLE", ABOVE)];

/// Contents around what a part must have, among small ones.
fn contents() -> Vec<(&'static str, Bytes)> {
    const MIB: usize = 1 << 20;
    vec![
        ("a.bin", arbitrary::bytes(1, 11 * MIB)),
        ("b/empty", Bytes::new()),
        ("b/small.txt", arbitrary::bytes(2, 1000)),
        ("c.bin", arbitrary::bytes(3, 5 * MIB - 1)),
        ("d été.bin", arbitrary::bytes(4, 5 * MIB)),
        ("e.bin", arbitrary::bytes(5, 6 * MIB)),
        ("f.bin", arbitrary::bytes(6, 300_000)),
    ]
}

async fn fill(stack: &Stack) {
    for (name, content) in contents() {
        stack.put(&format!("photos/trip/{name}"), content).await;
    }
}

/// Enough for all but the bytes themselves: one content that is copied, and a small one.
async fn fill_a_little(stack: &Stack) {
    for (name, content) in contents().into_iter().filter(|(name, _)| ["a.bin", "b/small.txt"].contains(name)) {
        stack.put(&format!("photos/trip/{name}"), content).await;
    }
}

/// The functions in this process on the store of a stack, with other settings.
async fn beside(stack: &Stack, variables: &[(&str, &str)]) -> App {
    let storage = storage_at(stack.store().0, &stack.bucket).await;
    let variable = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    App::with_storage(Config::read(variable, None).unwrap(), storage)
}

/// The archive as it is streamed where nothing is put together.
async fn streamed(stack: &Stack) -> Answer {
    let app = beside(stack, &[]).await;
    loop {
        let answer = client::read(dispatch(&app, ALL, get("/archive/trip/")).await).await;
        assert!(answer.status == 200 && answer.whole, "{}", answer.text());
        if answer.header("accept-ranges") == "bytes" {
            return answer;
        }
    }
}

/// Where an answer leads.
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 302, "{}", answer.text());
    answer.header("location").to_owned()
}

/// The path of a URL: the bucket and the key.
fn path(url: &str) -> &str {
    url.split('?').next().unwrap()
}

/// The objects in the making.
async fn in_the_making(stack: &Stack, key: &str) -> usize {
    let listed = stack.s3.list_multipart_uploads().bucket(&stack.bucket).prefix(key).send().await.unwrap();
    listed.uploads().len()
}

/// An object as text, if it is there.
async fn read(stack: &Stack, key: &str) -> Option<String> {
    let got = stack.s3.get_object().bucket(&stack.bucket).key(key).send().await.ok()?;
    String::from_utf8(got.body.collect().await.ok()?.to_vec()).ok()
}
