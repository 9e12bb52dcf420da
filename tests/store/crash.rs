//! `kill -9` in the midst of overwrites.
//!
//! The program serves its store; writers overwrite a few keys each with numbered bodies. It is killed at a
//! random moment, then the store is opened and every key looked at: the number found must be
//! the last one acknowledged or a later one that was on its way, and the bytes must be exactly those of
//! that number. Many times on the same data folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use local::store::Store;
use tests::program::Program;
use tests::stack::free_address;
use tokio::sync::Notify;

use super::behaviour::blob_files;
use super::{ACCESS_KEY, SECRET_KEY, client_of, keys, options};
use crate::probe::{noise, peer};

const BUCKET: &str = "crash";
const KILLS: usize = 16;
/// The sizes of the bodies; the last is sent as a multipart upload.
const SIZES: [usize; 6] = [1, 1000, 64 * 1024, 64 * 1024 + 1, 1 << 20, MULTIPART];
const MULTIPART: usize = (5 << 20) + 12_345;
const PART: usize = 5 << 20;
/// Writers of each size, each with a key of its own.
const WRITERS: usize = 2;

/// What one writer knows of its key.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicU64,
    attempted: AtomicU64,
}

struct Writer {
    key: String,
    size: usize,
    progress: Progress,
}

/// What is stored as number `n` of a key; the number is in the metadata too.
fn body(writer: &Writer, number: u64) -> Vec<u8> {
    noise(number * 31 + writer.key.len() as u64, writer.size)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let writers: Vec<Arc<Writer>> = SIZES
        .iter()
        .flat_map(|size| (0..WRITERS).map(move |n| format!("{size}-{n}")).map(move |key| (key, *size)))
        .map(|(key, size)| Arc::new(Writer { key, size, progress: Progress::default() }))
        .collect();
    let store = Store::open(&store_of(&data), options(None)).await.unwrap();
    client_of(&store).create_bucket().bucket(BUCKET).send().await.unwrap();
    store.close().await;
    drop(store);
    for round in 0..KILLS {
        write_until_killed(&data, &writers, round).await;
        check(&store_of(&data), &writers).await;
    }
    let total: u64 = writers.iter().map(|writer| writer.progress.acknowledged.load(Ordering::SeqCst)).sum();
    assert!(total > KILLS as u64, "there was something to lose: {total} writes");
}

async fn write_until_killed(data: &Path, writers: &[Arc<Writer>], round: usize) {
    let (program, endpoint) = start(data).await;
    let (done, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    // A moment counted in writes, then some microseconds on: at any point of what is under way.
    let kill_after = 1 + (round * 7) % 40;
    let tasks: Vec<_> = writers
        .iter()
        .map(|writer| {
            let (writer, done, enough) = (Arc::clone(writer), Arc::clone(&done), Arc::clone(&enough));
            let client = peer::client(&endpoint, &keys(), None);
            tokio::spawn(async move {
                while overwrite(&client, &writer).await {
                    if done.fetch_add(1, Ordering::SeqCst) + 1 == kill_after {
                        enough.notify_one();
                    }
                }
            })
        })
        .collect();
    enough.notified().await;
    let pause = noise(round as u64, 1)[0];
    std::thread::sleep(Duration::from_micros(u64::from(pause) * 40));
    program.kill().await;
    for task in tasks {
        task.await.unwrap();
    }
}

/// One overwrite; false when the store is gone.
async fn overwrite(client: &Client, writer: &Writer) -> bool {
    let number = writer.progress.attempted.fetch_add(1, Ordering::SeqCst) + 1;
    let body = body(writer, number);
    let written = if writer.size == MULTIPART {
        put_multipart(client, writer, number, &body).await.is_some()
    } else {
        let put = client.put_object().bucket(BUCKET).key(&writer.key).metadata("number", number.to_string());
        put.body(body.into()).send().await.is_ok()
    };
    if written {
        writer.progress.acknowledged.store(number, Ordering::SeqCst);
    }
    written
}

async fn put_multipart(client: &Client, writer: &Writer, number: u64, body: &[u8]) -> Option<()> {
    let create = client.create_multipart_upload().bucket(BUCKET).key(&writer.key);
    let id = create.metadata("number", number.to_string()).send().await.ok()?.upload_id?;
    let mut parts = Vec::new();
    for (part, bytes) in (1..).zip(body.chunks(PART)) {
        let put = client.upload_part().bucket(BUCKET).key(&writer.key).upload_id(&id).part_number(part);
        let etag = put.body(bytes.to_vec().into()).send().await.ok()?.e_tag;
        parts.push(CompletedPart::builder().part_number(part).set_e_tag(etag).build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket(BUCKET).key(&writer.key).upload_id(&id);
    complete.multipart_upload(parts).send().await.ok().map(drop)
}

async fn check(data: &Path, writers: &[Arc<Writer>]) {
    let store = Store::open(data, options(None)).await.unwrap();
    let client = client_of(&store);
    let mut blobs = 0;
    for writer in writers {
        let acknowledged = writer.progress.acknowledged.load(Ordering::SeqCst);
        let found = found_number(&client, writer).await;
        let attempted = writer.progress.attempted.load(Ordering::SeqCst);
        assert!(
            (acknowledged..=attempted).contains(&found),
            "{}: {found}, not {acknowledged}..={attempted}",
            writer.key
        );
        // What was on its way and arrived counts as acknowledged from now on: it may not go back either.
        writer.progress.acknowledged.store(found, Ordering::SeqCst);
        blobs += match (found, writer.size) {
            (0, _) | (_, ..=65_536) => 0,
            (_, MULTIPART) => 2,
            _ => 1,
        };
    }
    blobs += unfinished_parts(&client).await;
    // Blobs are removed after the answer; once the store is closed that is done.
    store.close().await;
    assert_eq!(blob_files(data), blobs, "no blob without a row");
}

/// The number of the body that is stored, 0 for none; its bytes have to be those of that number.
async fn found_number(client: &Client, writer: &Writer) -> u64 {
    let Ok(get) = client.get_object().bucket(BUCKET).key(&writer.key).send().await else {
        return 0;
    };
    let number: u64 = get.metadata().unwrap()["number"].parse().unwrap();
    let bytes = get.body.collect().await.unwrap().to_vec();
    assert!(bytes == body(writer, number), "{} is torn at {number}", writer.key);
    number
}

/// Parts of uploads that were not completed; they are kept, as the client may go on. Aborts half of them.
async fn unfinished_parts(client: &Client) -> usize {
    let uploads = client.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    let mut seen = HashSet::new();
    let mut parts = 0;
    for (index, upload) in uploads.uploads().iter().enumerate() {
        let (key, id) = (upload.key().unwrap(), upload.upload_id().unwrap());
        assert!(seen.insert(id), "an upload is listed once");
        if index % 2 == 0 {
            client.abort_multipart_upload().bucket(BUCKET).key(key).upload_id(id).send().await.unwrap();
        } else {
            let list = client.list_parts().bucket(BUCKET).key(key).upload_id(id).send().await.unwrap();
            parts += list.parts().len();
        }
    }
    parts
}

/// Starts the program on the folder; the process, and its store's URL.
async fn start(data: &Path) -> (Program, String) {
    let endpoint = free_address();
    let address = endpoint.trim_start_matches("http://");
    let variables = [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];
    let program = Program::start(data, &["--quiet", "--store-listen", address], &variables).await;
    (program, endpoint)
}

/// Where the program keeps its store.
fn store_of(data: &Path) -> PathBuf {
    data.join("store")
}
