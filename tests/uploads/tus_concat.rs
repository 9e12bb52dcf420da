//! Contract, 4.2: uploads that join others.

use bytes::Bytes;
use tests::arbitrary;
use tests::client::Answer;
use tests::contract;
use tests::stack::Stack;

use super::client::{CHUNK, create, location, patch, tus};

const PARTIAL: (&str, &str) = ("upload-concat", "partial");

async fn part(stack: &Stack, content: &Bytes) -> String {
    let length = content.len().to_string();
    let created = tus(stack, ("POST", "/files/"), &[PARTIAL, ("upload-length", &length), CHUNK], content.clone()).await;
    assert_eq!((created.status.as_u16(), created.header("upload-offset")), (201, &*length), "{}", created.text());
    location(&created)
}

async fn join(stack: &Stack, urls: &str) -> String {
    create(stack, &[("upload-concat", &format!("final;{urls}")), ("upload-metadata", "filename YS50eHQ=")]).await
}

/// The head of a joined upload whose parts are complete, once it has been put together: until then it may have no offset
/// (tus 1.0.0, "Concatenation"), for a worker of the program may be at it.
async fn joined(stack: &Stack, path: &str) -> Answer {
    loop {
        let head = tus(stack, ("HEAD", path), &[], "").await;
        if head.headers.contains_key("upload-offset") || head.status != 200 {
            return head;
        }
    }
}

contract! {
    async fn parts_become_one_file(stack: &Stack) {
        let content = arbitrary::bytes(3, 700_000);
        let cuts = [0, 1, 1, 300_000, 700_000];
        let mut paths = Vec::new();
        for cut in cuts.windows(2) {
            paths.push(part(stack, &content.slice(cut[0]..cut[1])).await);
        }
        let head = tus(stack, ("HEAD", &paths[0]), &[], "").await;
        assert_eq!((head.header("upload-concat"), head.header("upload-offset")), ("partial", "1"));
        assert_eq!(stack.get(&paths[0]).await.status, 403);
        // A path, and a URL of whatever host.
        let urls = format!("{} https://elsewhere.example{} {} {}", paths[0], paths[1], paths[2], paths[3]);
        let path = join(stack, &urls).await;
        let head = joined(stack, &path).await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("upload-concat"), format!("final;{urls}"));
        assert_eq!((head.header("upload-length"), head.header("upload-offset")), ("700000", "700000"));
        let answer = stack.get(&path).await;
        assert!(answer.status == 200 && answer.body == content, "{}", answer.status);
        assert!(answer.header("content-disposition").contains("a.txt"));
        assert_eq!(patch(stack, &path, 700_000, "x").await.status, 403);
        // A part twice, and after it was joined.
        let twice = join(stack, &format!("{} {}", paths[2], paths[2])).await;
        assert_eq!(stack.get_patiently(&twice).await.body.len(), 599_998);
        assert_eq!(tus(stack, ("DELETE", &path), &[], "").await.status, 204);
        assert_eq!(stack.get(&path).await.status, 410);
        assert_eq!(stack.get(&twice).await.status, 200);
    }

    async fn parts_may_be_unfinished_when_they_are_joined(stack: &Stack) {
        let first = part(stack, &Bytes::from("abc")).await;
        let second = create(stack, &[PARTIAL, ("upload-length", "4")]).await;
        let third = create(stack, &[PARTIAL, ("upload-defer-length", "1")]).await;
        let known = join(stack, &format!("{first} {second}")).await;
        let open = join(stack, &format!("{first} {second} {third}")).await;
        let head = tus(stack, ("HEAD", &known), &[], "").await;
        assert_eq!((head.status.as_u16(), head.header("upload-length")), (200, "7"));
        assert!(!head.headers.contains_key("upload-offset"), "it is not known before the parts are complete");
        let head = tus(stack, ("HEAD", &open), &[], "").await;
        assert!(head.status == 200 && !head.headers.contains_key("upload-length") && !head.headers.contains_key("upload-offset"));
        assert_eq!(stack.get(&known).await.status, 404);
        assert_eq!(patch(stack, &second, 0, "defg").await.status, 204);
        assert_eq!(joined(stack, &known).await.header("upload-offset"), "7");
        assert_eq!(stack.get(&known).await.text(), "abcdefg");
        assert_eq!(stack.get(&open).await.status, 404);
        let last = [CHUNK, ("upload-offset", "0"), ("upload-length", "2")];
        assert_eq!(tus(stack, ("PATCH", &third), &last, "hi").await.status, 204);
        assert_eq!(stack.get_patiently(&open).await.text(), "abcdefghi");
        let head = joined(stack, &open).await;
        assert_eq!((head.header("upload-length"), head.header("upload-offset")), ("9", "9"));
    }

    async fn what_cannot_be_joined_is_refused(stack: &Stack) {
        let partial = part(stack, &Bytes::from("abc")).await;
        let whole = create(stack, &[("upload-length", "1")]).await;
        let gone = part(stack, &Bytes::from("abc")).await;
        assert_eq!(tus(stack, ("DELETE", &gone), &[], "").await.status, 204);
        let many = format!("{partial} ").repeat(1001);
        for (urls, status) in [
            (&*whole, 400), ("/files/unknown", 404), ("/other/x", 400), ("", 400), (&gone, 410), (&many, 400),
        ] {
            let answer = tus(stack, ("POST", "/files/"), &[("upload-concat", &format!("final;{urls}"))], "").await;
            assert_eq!(answer.status, status, "{urls:.60}: {}", answer.text());
        }
        let concat = format!("final;{partial}");
        for more in [("upload-length", "3"), ("upload-defer-length", "1")] {
            let answer = tus(stack, ("POST", "/files/"), &[("upload-concat", &concat), more], "").await;
            assert_eq!(answer.status, 400, "{more:?}");
        }
        assert_eq!(tus(stack, ("POST", "/files/"), &[("upload-concat", &concat), CHUNK], "x").await.status, 400);
        // Two parts that are too much together.
        let huge = (3_u64 << 40).to_string();
        let huge = create(stack, &[PARTIAL, ("upload-length", &huge)]).await;
        let answer = tus(stack, ("POST", "/files/"), &[("upload-concat", &format!("final;{huge} {huge}"))], "").await;
        assert_eq!(answer.status, 413);
    }
}
