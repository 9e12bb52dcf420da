//! A finished upload above `DOWNLOAD_REDIRECT` is handed out by the store itself.

use std::ops::Deref;

use tests::arbitrary;
use tests::client::{Answer, follow};
use tests::contract;
use tests::stack::{Backend, Door, Settings, Stack};

use super::client::{create, location, patch, send};

/// Bytes that go through the functions at most.
const LIMIT: usize = 1000;

/// A stack with that limit.
struct Bounded(Stack);

impl Bounded {
    async fn start(door: Door, backend: Backend) -> Option<Self> {
        let limit = LIMIT.to_string();
        let settings = Settings { variables: &[("DOWNLOAD_REDIRECT", &limit)], ..Settings::default() };
        Stack::configured(door, backend, settings).await.map(Self)
    }
}

impl Deref for Bounded {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.0
    }
}

/// Where an answer sends its client, which asks there again with the same headers.
async fn followed(answer: &Answer, headers: &[(&str, &str)]) -> Answer {
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (302, "no-store"), "{}", answer.text());
    follow(answer.header("location"), headers).await
}

contract! {
    async fn what_is_large_is_handed_out_by_the_store(stack: &Bounded) {
        let content = arbitrary::bytes(77, 5000);
        // "été.txt", "text/plain"
        let metadata = "filename w6l0w6kudHh0,filetype dGV4dC9wbGFpbg==";
        let tus = create(stack, &[("upload-length", "5000"), ("upload-metadata", metadata)]).await;
        assert_eq!(patch(stack, &tus, 0, content.clone()).await.status, 204);
        let headers = [("upload-complete", "?1"), ("upload-draft-interop-version", "8"), ("content-type", "application/octet-stream")];
        let made = send(stack, ("POST", "/resumable/"), &headers, content.clone()).await;
        assert!(made.status.is_success(), "{}", made.text());
        let draft = location(&made);
        for path in [&tus, &draft] {
            let whole = followed(&stack.get_patiently(path).await, &[]).await;
            assert!(whole.status == 200 && whole.body == content, "{path}: {}", whole.text());
            assert!(whole.header("content-disposition").starts_with("attachment; filename="), "never a page of the store's");
            let part = stack.get_with(path, &[("range", "bytes=100-1099")]).await;
            assert!(part.status == 206 && part.body == content[100..1100], "as much as may be: {}", part.status);
            let etag = part.header("etag");
            let range = [("range", "bytes=100-1100"), ("if-range", etag)];
            let part = followed(&stack.get_with(path, &range).await, &range).await;
            assert!(part.status == 206 && part.body == content[100..=1100], "{path}: {}", part.status);
            assert_eq!(stack.get_with(path, &[("if-none-match", etag)]).await.status, 304);
            assert_eq!(stack.get_with(path, &[("range", "bytes=9999-")]).await.status, 416);
        }
        let head = stack.head(&tus).await;
        assert_eq!((head.status.as_u16(), head.header("content-length")), (200, "5000"), "nothing goes through here");
        let whole = followed(&stack.get(&tus).await, &[]).await;
        assert_eq!(whole.header("content-type"), "text/plain");
        assert!(whole.header("content-disposition").ends_with("filename*=UTF-8''%C3%A9t%C3%A9%2Etxt"));
    }

    async fn what_is_small_is_not(stack: &Bounded) {
        let path = create(stack, &[("upload-length", &LIMIT.to_string())]).await;
        let content = arbitrary::bytes(78, LIMIT);
        assert_eq!(patch(stack, &path, 0, content.clone()).await.status, 204);
        let whole = stack.get_patiently(&path).await;
        assert!(whole.status == 200 && whole.body == content, "{}", whole.status);
    }
}
