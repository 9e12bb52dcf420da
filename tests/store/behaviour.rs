//! What the S3 API cannot show or no other store does: folders, events, connections, CORS.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ObjectAttributes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local::store::{EventKind, OpenError, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Served, client_of, options};
use crate::probe::{noise, presigned_put, status};

/// Files under `blobs`.
pub(super) fn blob_files(data: &Path) -> usize {
    let shards = std::fs::read_dir(data.join("blobs")).unwrap();
    shards.map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn a_folder_has_one_store() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path(), options(None)).await.unwrap();
    let second = Store::open(data.path(), options(None)).await.unwrap_err();
    assert!(matches!(second, OpenError::InUse(_)));
    assert!(second.to_string().contains("in use by another program"), "{second}");
    store.close().await;
    drop(store);
    Store::open(data.path(), options(None)).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_a_clear_error() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Store::open(&file.join("data"), options(None)).await.unwrap_err();
    assert!(matches!(error, OpenError::Folder(..)), "{error}");
    std::fs::create_dir(data.path().join("damaged")).unwrap();
    std::fs::write(data.path().join("damaged/index.redb"), noise(1, 10_000)).unwrap();
    let error = Store::open(&data.path().join("damaged"), options(None)).await.unwrap_err();
    assert!(matches!(error, OpenError::Index(..)), "{error}");
}

#[tokio::test]
async fn everything_written_is_private_and_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("new/data");
    let store = Store::open(&folder, options(None)).await.unwrap();
    let client = client_of(&store);
    client.create_bucket().bucket("bucket").send().await.unwrap();
    for (key, size) in [("small", 10), ("large", 1 << 20)] {
        client.put_object().bucket("bucket").key(key).body(noise(1, size).into()).send().await.unwrap();
    }
    let upload =
        client.create_multipart_upload().bucket("bucket").key("parts").send().await.unwrap().upload_id.unwrap();
    let part = client.upload_part().bucket("bucket").key("parts").upload_id(&upload).part_number(1);
    part.body(ByteStream::from_static(b"part")).send().await.unwrap();
    assert_private(&folder);
    store.close().await;
    drop((store, client));
    let store = Store::open(&folder, options(None)).await.unwrap();
    let client = client_of(&store);
    for (key, size) in [("small", 10), ("large", 1 << 20)] {
        let get = client.get_object().bucket("bucket").key(key).send().await.unwrap();
        assert!(get.body.collect().await.unwrap().to_vec() == noise(1, size));
    }
    let parts = client.list_parts().bucket("bucket").key("parts").upload_id(&upload).send().await.unwrap();
    assert_eq!(parts.parts().len(), 1);
    assert_eq!(blob_files(&folder), 2);
}

fn assert_private(path: &Path) {
    let metadata = std::fs::symlink_metadata(path).unwrap();
    let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
    if metadata.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| assert_private(&entry.unwrap().path()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_go_with_their_last_reference_and_reader() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path(), options(None)).await.unwrap();
    let client = client_of(&store);
    client.create_bucket().bucket("bucket").send().await.unwrap();
    let put = |size| client.put_object().bucket("bucket").key("a").body(noise(size as u64, size).into()).send();
    put(4 << 20).await.unwrap();
    client.copy_object().bucket("bucket").key("b").copy_source("bucket/a").send().await.unwrap();
    blobs_left(data.path(), 1).await; // a copy shares the blob
    put(10).await.unwrap();
    blobs_left(data.path(), 1).await; // the copy keeps it
    let mut read = client.get_object().bucket("bucket").key("b").send().await.unwrap().body;
    let first = read.next().await.unwrap().unwrap();
    client.delete_object().bucket("bucket").key("b").send().await.unwrap();
    blobs_left(data.path(), 1).await; // the reader keeps it
    let mut bytes = first.to_vec();
    while let Some(frame) = read.next().await {
        bytes.extend(frame.unwrap());
    }
    assert!(bytes == noise(4 << 20, 4 << 20));
    drop(read);
    blobs_left(data.path(), 0).await;
    // A refused write leaves nothing either.
    let refused = client.put_object().bucket("bucket").key("a").if_none_match("*").body(noise(1, 1 << 20).into());
    assert_eq!(status(&refused.send().await.unwrap_err()), 412);
    let refused = client.put_object().bucket("bucket").key("a").content_md5("AAAAAAAAAAAAAAAAAAAAAA==");
    assert!(refused.body(noise(1, 1 << 20).into()).send().await.is_err());
    blobs_left(data.path(), 0).await;
}

/// Blobs are removed after the answer: waits until this many are left.
async fn blobs_left(data: &Path, expected: usize) {
    let settled = async {
        while blob_files(data) != expected {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), settled).await;
    assert!(waited.is_ok(), "{} blobs, not {expected}", blob_files(data));
}

#[tokio::test]
async fn events_tell_what_was_committed() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path(), options(None)).await.unwrap();
    let mut events = store.subscribe();
    let client = client_of(&store);
    client.create_bucket().bucket("bucket").send().await.unwrap();
    let body = noise(1, 100_000);
    let put = client.put_object().bucket("bucket").key("a b").body(body.clone().into()).send().await.unwrap();
    client.delete_object().bucket("bucket").key("absent").send().await.unwrap();
    client.delete_object().bucket("bucket").key("a b").send().await.unwrap();
    let (created, deleted) = (events.recv().await.unwrap(), events.recv().await.unwrap());
    assert_eq!((created.kind, deleted.kind), (EventKind::Created, EventKind::Deleted));
    assert_eq!((created.bucket.as_str(), created.key.as_str(), created.size), ("bucket", "a b", 100_000));
    assert_eq!(created.crc32, crc32fast::hash(&body));
    assert_eq!(format!("\"{}\"", created.etag), put.e_tag.unwrap());
    assert_eq!((deleted.etag, deleted.size), (created.etag, created.size));
    assert_eq!(store.lost_events(), 0);
}

#[tokio::test]
async fn attributes_and_parts_of_an_object_are_told() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path(), options(None)).await.unwrap();
    let client = client_of(&store);
    client.create_bucket().bucket("bucket").send().await.unwrap();
    let body = noise(1, 1000);
    client.put_object().bucket("bucket").key("k").body(body.into()).send().await.unwrap();
    let attributes = client.get_object_attributes().bucket("bucket").key("k");
    let attributes =
        attributes.object_attributes(ObjectAttributes::Checksum).object_attributes(ObjectAttributes::ObjectSize);
    let attributes = attributes.send().await.unwrap();
    assert_eq!(attributes.object_size(), Some(1000));
    assert!(attributes.checksum().unwrap().checksum_crc32().is_some());
    let get = client.get_object().bucket("bucket").key("k").part_number(1).send().await.unwrap();
    assert_eq!(get.content_length(), Some(1000));
    assert_eq!(status(&client.get_object().bucket("bucket").key("k").part_number(2).send().await.unwrap_err()), 416);
}

/// A client that waits for `100 Continue` never sends the refused body; on an open connection its next
/// request would be taken for that body.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_put_that_expects_100_closes_the_connection() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::open(data.path()).await;
    let client = client_of(&served.store);
    client.create_bucket().bucket("bucket").send().await.unwrap();
    let url = presigned_put(&served.endpoint, &super::keys(), "missing", "k").await;
    let address = served.endpoint.strip_prefix("http://").unwrap();
    let path = url.strip_prefix(&served.endpoint).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // Reads to the end: the server has to close.
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    served.close().await;
}

/// Without `Expect` the body comes anyway: it is read away and the connection serves the next request.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_put_without_expect_keeps_the_connection() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::open(data.path()).await;
    let address = served.endpoint.strip_prefix("http://").unwrap();
    let url = presigned_put(&served.endpoint, &super::keys(), "missing", "k").await;
    let path = url.strip_prefix(&served.endpoint).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 300000\r\n\r\n");
    let last = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(&[head.as_bytes(), &noise(1, 300_000), last.as_bytes()].concat()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 404"), "{answers}");
    assert!(answers.contains("NoSuchBucket") && answers.contains("HTTP/1.1 403"), "{answers}");
    served.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_allowed_origins_may_read_answers() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::open(data.path()).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
    let ask = |method: &str, origin: &str| {
        let request = Request::builder().method(method).uri(format!("{}/bucket/key", served.endpoint));
        let request = request.header("origin", origin).header("access-control-request-method", "PUT");
        client.request(request.body(Empty::new()).unwrap())
    };
    let preflight = ask("OPTIONS", "https://page.example").await.unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://page.example");
    assert_eq!(ask("OPTIONS", "https://other.example").await.unwrap().status(), StatusCode::FORBIDDEN);
    let refused = ask("GET", "https://page.example").await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN, "CORS is no permission");
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://page.example");
    assert!(!ask("GET", "https://other.example").await.unwrap().headers().contains_key("access-control-allow-origin"));
    served.close().await;
}
