//! tus where it takes the real program: broken connections, long bodies, tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tests::arbitrary;
use tests::client;
use tests::stack::{Backend, Door, Stack};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::{CHUNK, create, offset, patch, tus};

async fn program(arguments: &[&str]) -> Stack {
    Stack::with(Door::Program, Backend::Embedded, arguments).await.unwrap()
}

#[tokio::test]
async fn what_arrived_before_the_client_broke_off_is_kept() {
    let stack = program(&[]).await;
    let content = arbitrary::bytes(5, 10_000_000);
    let path = create(&stack, &[("upload-length", "10000000")]).await;
    let mut socket = TcpStream::connect(&stack.program().address).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: {}\r\nContent-Length: 10000000\r\n\r\n",
        CHUNK.1
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&content[..9_000_001]).await.unwrap();
    drop(socket);
    // Whoever asks for the offset ends the request: what it brought is looked for in the bucket.
    let stored = tokio::time::timeout(client::PATIENCE, async {
        loop {
            let listed = stack.s3.list_objects_v2().bucket(&stack.bucket).prefix("uploads/").send().await.unwrap();
            // The rest of what was sent, in the second cell of 8 MiB.
            if listed.contents().iter().any(|object| object.key().unwrap().contains("/x/00001/b-0000000000-611393-")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    stored.await.expect("all that was sent is stored");
    assert_eq!(offset(&stack, &path).await, "9000001");
    assert_eq!(patch(&stack, &path, 9_000_001, content.slice(9_000_001..)).await.status, 204);
    assert!(stack.get(&path).await.body == content);
}

#[tokio::test]
async fn a_long_body_is_compared_before_it_counts() {
    let stack = program(&[]).await;
    let content = arbitrary::bytes(6, 40_000_000);
    let path = create(&stack, &[("upload-length", "40000000")]).await;
    let sum = format!("sha256 {}", STANDARD.encode(Sha256::digest(&content)));
    let headers = [CHUNK, ("upload-offset", "0"), ("upload-checksum", &*sum)];
    let mut wrong = content.to_vec();
    wrong[39_999_999] ^= 1;
    assert_eq!(tus(&stack, ("PATCH", &path), &headers, wrong).await.status, 460);
    assert_eq!(offset(&stack, &path).await, "0");
    let answer = tus(&stack, ("PATCH", &path), &headers, content.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.header("upload-offset")), (204, "40000000"), "{}", answer.text());
    assert!(stack.get(&path).await.body == content);
    let left = stack.s3.list_objects_v2().bucket(&stack.bucket).prefix("uploads/").send().await.unwrap();
    let left: Vec<_> = left.contents().iter().filter_map(|object| object.key()).collect();
    assert!(!left.iter().any(|key| key.contains("/in/") || key.contains("/x/")), "{left:?}");
}

#[tokio::test]
async fn a_business_has_its_file_under_its_own_key() {
    let stack = program(&["--demo-users"]).await;
    let metadata = |path: &str, name: &str| {
        format!(
            "filename {},filetype {},storePath {}",
            STANDARD.encode(name),
            STANDARD.encode("text/plain"),
            STANDARD.encode(path)
        )
    };
    let right = metadata("/in//box/", "a b.txt");
    let token = ("authorization", "Bearer demo");
    let path = create(&stack, &[("upload-length", "5"), ("upload-metadata", &right), token]).await;
    assert_eq!(patch(&stack, &path, 0, "hello").await.status, 204);
    let object = stack.s3.get_object().bucket(&stack.bucket).key("demo/in/box/a b.txt").send().await.unwrap();
    assert_eq!(object.content_type(), Some("text/plain"));
    assert_eq!(object.body.collect().await.unwrap().to_vec(), b"hello");
    let answer = stack.get(&path).await;
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("hello", "text/plain"));
    for (place, name) in [("..", "a"), ("a/../b", "a"), ("a", ""), ("a", "b/c"), ("a\n", "b")] {
        let metadata = metadata(place, name);
        let headers = [("upload-length", "5"), ("upload-metadata", &*metadata), token];
        assert_eq!(tus(&stack, ("POST", "/files/"), &headers, "").await.status, 400, "{place} {name}");
    }
}
