//! What goes wrong while an archive is being sent: the client must never take a broken archive for one,
//! and the store must not work for nobody.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use shared::http::Body;
use tests::arbitrary;
use tests::client::{self, PATIENCE, get};
use tests::require;
use tests::stack::{Backend, Door, Stack};
use tokio::process::Command;

/// One object: large enough that it cannot all be in the buffers between store and client.
const LARGE: usize = 24 * 1024 * 1024;

async fn many_large(stack: &Stack, objects: usize) {
    for index in 0..objects {
        stack.put(&format!("photos/big/{index:03}.bin"), arbitrary::bytes(index as u64, LARGE)).await;
    }
}

/// Reads until something has come of the body, and no further.
async fn begin(stack: &Stack, path: &str) -> Body {
    let response = stack.open(get(path)).await.expect("an answer");
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    body.frame().await.expect("a frame").expect("data");
    body
}

/// Reads on; whether the body ended as it should.
async fn ends_well(mut body: Body) -> bool {
    loop {
        match tokio::time::timeout(PATIENCE, body.frame()).await.expect("it goes on") {
            Some(Ok(_)) => {}
            Some(Err(_)) => return false,
            None => return true,
        }
    }
}

/// An object that is changed while an archive is sent: first the one on its way, then one far behind it.
async fn a_change_breaks_the_transfer(backend: Backend, known: bool, delete: bool) {
    let Some(stack) = Stack::start(Door::Program, backend).await else { return };
    many_large(&stack, 3).await;
    if known {
        stack.settled("/archive/big/").await;
    }
    for object in ["photos/big/000.bin", "photos/big/002.bin"] {
        let body = begin(&stack, "/archive/big/").await;
        if delete {
            stack.delete(object).await;
        } else {
            stack.put(object, arbitrary::bytes(99 + u64::from(object.as_bytes()[13]), LARGE)).await;
        }
        assert!(!ends_well(body).await, "{object} changed, and the archive looked whole");
        let again = stack.get("/archive/big/").await;
        assert!(again.whole, "a new download is of what there is now");
    }
}

#[tokio::test]
async fn an_overwritten_object_breaks_the_transfer() {
    a_change_breaks_the_transfer(Backend::Embedded, true, false).await;
}

#[tokio::test]
async fn an_object_overwritten_before_its_checksum_is_known_breaks_the_transfer() {
    a_change_breaks_the_transfer(Backend::Embedded, false, false).await;
}

#[tokio::test]
async fn a_deleted_object_breaks_the_transfer() {
    a_change_breaks_the_transfer(Backend::Embedded, true, true).await;
}

#[tokio::test]
async fn an_overwritten_object_breaks_the_transfer_on_minio() {
    a_change_breaks_the_transfer(Backend::Minio, true, false).await;
}

#[tokio::test]
async fn a_deleted_object_breaks_the_transfer_on_minio() {
    a_change_breaks_the_transfer(Backend::Minio, false, true).await;
}

/// Small objects are read whole before they are sent; a change must break the transfer all the same.
#[tokio::test]
async fn a_small_object_deleted_behind_the_reader_breaks_the_transfer() {
    let arguments = ["--delay", "1"];
    let Some(stack) = Stack::with(Door::Program, Backend::Embedded, &arguments).await else { return };
    for index in 0..4 {
        stack.put(&format!("photos/big/{index}.bin"), arbitrary::bytes(index, 60_000)).await;
    }
    let body = begin(&stack, "/archive/big/").await;
    stack.delete("photos/big/0.bin").await;
    assert!(!ends_well(body).await);
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_reads() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    many_large(&stack, 4).await;
    stack.settled("/archive/big/").await;
    for _ in 0..20 {
        let body = begin(&stack, "/archive/big/").await;
        drop(body);
    }
    let left = Instant::now();
    // Every open blob is an open file of the program.
    while open_blobs(stack.program().pid()) > 0 {
        assert!(left.elapsed() < Duration::from_secs(1), "objects are still being read for nobody");
        tokio::task::yield_now().await;
    }
}

fn open_blobs(pid: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the program runs");
    let names = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    names.filter(|name| name.to_string_lossy().contains("/blobs/")).count()
}

#[tokio::test]
async fn two_hundred_downloads_at_once_and_slow_readers_among_them() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    for index in 0..3 {
        stack.put(&format!("photos/big/{index}.bin"), arbitrary::bytes(index, 3 * 1024 * 1024)).await;
    }
    let whole = stack.settled("/archive/big/").await.body;
    let mut slow = Vec::new();
    for _ in 0..50 {
        slow.push(begin(&stack, "/archive/big/").await);
    }
    let downloads = stream::iter(0..200).map(|_| stack.get("/archive/big/")).buffer_unordered(200);
    let same = downloads.filter(|answer| std::future::ready(answer.whole && answer.body == whole)).count().await;
    assert_eq!(same, 200);
    for body in slow {
        assert!(ends_well(body).await, "a slow reader gets everything as well");
    }
    assert_eq!(stack.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_cut_download_resumes_with_curl() {
    let Some(curl) = require::tool("curl") else { return };
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    many_large(&stack, 2).await;
    let whole = stack.settled("/archive/big/").await.body;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("big.zip");
    for cut in [1_usize, 30_000_000, 49_999_999] {
        std::fs::write(&file, &whole[..cut]).expect("a file");
        let url = format!("{}/archive/big/", stack.program().url());
        let status = Command::new(&curl).args(["-sSf", "-C", "-", "-o"]).arg(&file).arg(url).status().await;
        assert!(status.expect("curl runs").success());
        assert!(std::fs::read(&file).expect("a file") == whole, "resumed at {cut}");
    }
}

#[tokio::test]
async fn parallel_ranges_with_aria2_give_the_same_bytes() {
    let Some(aria2c) = require::tool("aria2c") else { return };
    for backend in [Backend::Embedded, Backend::Minio] {
        let Some(stack) = Stack::start(Door::Program, backend).await else { return };
        many_large(&stack, 2).await;
        let whole = stack.settled("/archive/big/").await.body;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("{}/archive/big/", stack.program().url());
        let mut command = Command::new(&aria2c);
        command.args(["-q", "-x16", "-s16", "-k1M", "--file-allocation=none", "-o", "big.zip", "-d"]);
        let status = command.arg(folder.path()).arg(url).status().await;
        assert!(status.expect("aria2c runs").success());
        assert!(std::fs::read(folder.path().join("big.zip")).expect("a file") == whole);
    }
}

#[tokio::test]
async fn targets_that_no_client_library_would_send() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    let address = &stack.program().address;
    for (target, status) in [
        ("/archive/../../etc/passwd", "404"),
        ("/archive/..", "308"),
        ("/archive/%2e%2e/%2e%2e/", "404"),
        ("/archive/a%2Fb/", "404"),
        ("/archive/a%00b/", "404"),
        ("/archive/%ff/", "404"),
        ("/archive//", "404"),
        ("//archive/x/", "404"),
        ("/archive/x/%2e%2e/index.json", "404"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8_lossy(&client::raw(address, request.as_bytes()).await).into_owned();
        let line = answer.lines().next().unwrap_or_default().to_owned();
        assert!(line.contains(status) || line.contains("404"), "{target}: {line}");
        assert!(!answer.contains("root:"), "{target}");
    }
    for junk in [&b"\x00\x01\x02\r\n\r\n"[..], b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        let answer = client::raw(address, junk).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400") || answer.starts_with(b"HTTP/1.0 400"),
            "{junk:?}"
        );
    }
    assert_eq!(stack.get("/health").await.status, 200);
}
