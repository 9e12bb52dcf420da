//! What a client sees, through every door and on every store.

use std::ops::Deref;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tests::contract;
use tests::stack::{Backend, Door, Settings, Stack};

use super::{ASSEMBLE, contents, fill, fill_a_little, follow, in_the_making, location, path, streamed};
use crate::archive::unzip::entries;

/// A stack that puts archives together.
struct Assembling(Stack);

impl Assembling {
    async fn start(door: Door, backend: Backend) -> Option<Self> {
        let settings = Settings { variables: ASSEMBLE, ..Settings::default() };
        Some(Self(Stack::configured(door, backend, settings).await?))
    }
}

impl Deref for Assembling {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.0
    }
}

contract! {
    async fn the_store_hands_out_the_bytes_that_would_be_streamed(stack: &Assembling) {
        fill(stack).await;
        let answer = stack.get("/archive/trip/?name=%C3%A9t%C3%A9").await;
        let url = location(&answer);
        assert!(answer.body.is_empty() && answer.header("cache-control") == "no-store");
        let whole = streamed(stack).await;
        let assembled = follow(&url, &[]).await;
        assert!(assembled.status == 200 && assembled.whole, "{}", assembled.text());
        assert!(assembled.body == whole.body, "the same bytes");
        assert_eq!(assembled.header("content-type"), "application/zip");
        assert_eq!(
            assembled.header("content-disposition"),
            "attachment; filename=\"_t_.zip\"; filename*=UTF-8''%C3%A9t%C3%A9.zip"
        );
        let expected: Vec<_> = contents().into_iter().map(|(name, content)| (name.to_owned(), content)).collect();
        assert!(entries(&assembled.body) == expected);
        let part = follow(&url, &[("range", "bytes=7000000-11999999")]).await;
        assert!(part.status == 206 && part.body == whole.body[7_000_000..12_000_000]);
        assert_eq!(part.header("content-range"), format!("bytes 7000000-11999999/{}", whole.body.len()));
        let keys = stack.keys("assembled/").await;
        assert!(keys.len() == 1 && keys[0].contains(whole.header("etag").trim_matches('"')), "{keys:?}");
        assert_eq!(path(&location(&stack.get("/archive/trip/").await)), path(&url), "made once");
        assert_eq!(stack.keys("assembled/").await, keys);
        assert_eq!(stack.keys("assemblies/").await.len(), 0, "the work is over");
        assert_eq!(in_the_making(stack, &keys[0]).await, 0);
    }

    async fn what_is_not_too_large_is_streamed(stack: &Assembling) {
        stack.put("photos/trip/a.bin", tests::arbitrary::bytes(1, 8_999_000)).await;
        assert_eq!(stack.get("/archive/trip/").await.status, 200);
        stack.put("photos/trip/b.bin", tests::arbitrary::bytes(2, 1_000)).await;
        assert_eq!(stack.get("/archive/trip/").await.status, 302);
        stack.put("photos/trip/a.bin", Bytes::new()).await;
        assert_eq!(stack.get("/archive/trip/").await.status, 200);
        assert_eq!(stack.get("/archive/nothing/").await.status, 404);
    }

    async fn head_and_conditions_begin_nothing(stack: &Assembling) {
        fill_a_little(stack).await;
        let whole = streamed(stack).await;
        let head = stack.head("/archive/trip/").await;
        assert_eq!(head.status, 200);
        for name in ["content-length", "etag", "last-modified", "content-type", "content-disposition", "accept-ranges"] {
            assert_eq!(head.header(name), whole.header(name), "{name}");
        }
        let known = stack.get_with("/archive/trip/", &[("if-none-match", whole.header("etag"))]).await;
        assert_eq!((known.status.as_u16(), known.header("etag")), (304, whole.header("etag")));
        assert!(stack.keys("assembled/").await.is_empty() && stack.keys("assemblies/").await.is_empty());
    }

    async fn ranges_and_conditions_are_the_stores(stack: &Assembling) {
        fill_a_little(stack).await;
        let whole = streamed(stack).await;
        let range = ("range", "bytes=100-");
        let url = location(&stack.get_with("/archive/trip/", &[range]).await);
        let first = follow(&url, &[range]).await;
        assert!(first.status == 206 && first.body == whole.body[100..]);
        // Its tag is another one than ours; a client may know either.
        let (ours, its) = (whole.header("etag"), first.header("etag"));
        assert_ne!(ours, its);
        for tag in [ours, its, first.header("last-modified")] {
            let url = location(&stack.get_with("/archive/trip/", &[range, ("if-range", tag)]).await);
            let rest = follow(&url, &[range, ("if-range", tag)]).await;
            // A store that heeds the condition sends the whole to who has our tag.
            assert!(rest.body == whole.body[100..] || (rest.status == 200 && rest.body == whole.body), "{tag}");
        }
        for other in ["\"other\"", "Thu, 01 Jan 1970 00:00:10 GMT", "W/\"x\""] {
            let refused = stack.get_with("/archive/trip/", &[range, ("if-range", other)]).await;
            assert_eq!(refused.status, 412, "{other}: the rest of another archive");
        }
        let matching = [range, ("if-match", its)];
        let url = location(&stack.get_with("/archive/trip/", &matching).await);
        assert!(follow(&url, &matching).await.body == whole.body[100..], "as browsers resume");
        assert_eq!(follow(&url, &[("if-match", "\"x\"")]).await.status, 412);
    }

    async fn who_asks_at_once_gets_the_same(stack: &Assembling) {
        fill_a_little(stack).await;
        let answers: Vec<_> =
            stream::iter(0..8).map(|_| stack.get("/archive/trip/")).buffer_unordered(8).collect().await;
        let urls: Vec<String> = answers.iter().map(location).collect();
        assert!(urls.iter().all(|url| path(url) == path(&urls[0])), "{urls:?}");
        let keys = stack.keys("assembled/").await;
        assert_eq!(keys.len(), 1, "{keys:?}");
        assert_eq!(in_the_making(stack, &keys[0]).await, 0);
        assert!(follow(&urls[7], &[]).await.body == streamed(stack).await.body);
    }

    async fn another_folder_is_another_archive(stack: &Assembling) {
        fill_a_little(stack).await;
        let old = location(&stack.get("/archive/trip/").await);
        let before = streamed(stack).await;
        stack.put("photos/trip/a.bin", tests::arbitrary::bytes(9, 10_000_000)).await;
        let new = location(&stack.get("/archive/trip/").await);
        assert_ne!(path(&old), path(&new));
        let after = streamed(stack).await;
        assert!(follow(&new, &[]).await.body == after.body && after.body != before.body);
        assert!(follow(&old, &[]).await.body == before.body, "a download that was begun goes on");
        stack.delete("photos/trip/a.bin").await;
        assert_eq!(stack.get("/archive/trip/").await.status, 200, "it is small again");
    }
}
