//! Contract, section 1, line by line, through every door and on every store.

use bytes::Bytes;
use shared::archive::plan::BUFFER_LIMIT;
use tests::arbitrary;
use tests::client::get;
use tests::contract;
use tests::stack::Stack;

use super::unzip::entries;

/// Larger than what is buffered: its CRC-32 is not known when its header goes out.
fn large(seed: u64) -> Bytes {
    arbitrary::bytes(seed, usize::try_from(BUFFER_LIMIT).unwrap() + 70_000)
}

async fn photos(stack: &Stack) -> Vec<(String, Bytes)> {
    let photos = vec![
        ("a.jpg".to_owned(), arbitrary::bytes(1, 1000)),
        ("b.jpg".to_owned(), large(2)),
        ("empty.txt".to_owned(), Bytes::new()),
        ("sub/été 🏖.png".to_owned(), arbitrary::bytes(3, 200_000)),
    ];
    for (name, content) in &photos {
        stack.put(&format!("photos/trip/{name}"), content.clone()).await;
    }
    photos
}

contract! {
    async fn an_archive_holds_every_object_of_its_folder(stack: &Stack) {
        let photos = photos(stack).await;
        stack.put("photos/trip2/other.jpg", "not in it").await;
        let first = stack.get("/archive/trip/").await;
        assert_eq!(first.status, 200, "{}", first.text());
        assert!(first.whole);
        assert_eq!(first.header("content-type"), "application/zip");
        assert_eq!(first.header("content-length"), first.body.len().to_string());
        assert_eq!(
            first.header("content-disposition"),
            "attachment; filename=\"trip.zip\"; filename*=UTF-8''trip.zip"
        );
        assert_eq!(entries(&first.body), photos);
        let second = stack.settled("/archive/trip/").await;
        assert_eq!(entries(&second.body), photos);
        assert_eq!(second.header("content-length"), second.body.len().to_string());
        let third = stack.get("/archive/trip/").await;
        assert_eq!(third.body, second.body, "two downloads of an unchanged folder are the same bytes");
        assert_eq!(third.header("etag"), second.header("etag"));
    }

    async fn head_says_what_get_would(stack: &Stack) {
        photos(stack).await;
        let got = stack.settled("/archive/trip/").await;
        let mut request = get("/archive/trip/");
        *request.method_mut() = http::Method::HEAD;
        request.headers_mut().insert("range", http::HeaderValue::from_static("bytes=0-9"));
        let head = stack.send(request).await;
        assert_eq!(head.status, 200, "a range counts for GET alone");
        assert!(head.body.is_empty());
        for name in ["content-length", "content-type", "content-disposition", "etag", "last-modified", "accept-ranges"] {
            assert_eq!(head.header(name), got.header(name), "{name}");
        }
    }

    async fn the_first_download_makes_ranges_possible(stack: &Stack) {
        photos(stack).await;
        let first = stack.get("/archive/trip/").await;
        assert!(first.whole);
        let second = stack.head("/archive/trip/").await;
        assert_eq!(second.header("accept-ranges"), "bytes", "the download has recorded every CRC-32");
    }

    async fn ranges_give_the_bytes_of_the_whole(stack: &Stack) {
        photos(stack).await;
        let whole = stack.settled("/archive/trip/").await.body;
        let length = whole.len();
        for (asked, from, to) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=10-99999".to_owned(), 10, 100_000),
            (format!("bytes={}-", length - 100), length - 100, length),
            ("bytes=-57".to_owned(), length - 57, length),
            (format!("bytes=5-{}", length * 2), 5, length),
        ] {
            let part = stack.get_with("/archive/trip/", &[("range", &asked)]).await;
            assert_eq!(part.status, 206, "{asked}");
            assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{length}", to - 1));
            assert_eq!(part.header("content-length"), (to - from).to_string());
            assert!(part.body == whole[from..to], "{asked}");
        }
        for seed in 0..60_u64 {
            let dice = arbitrary::bytes(seed, 16);
            let one = usize::try_from(u64::from_le_bytes(dice[..8].try_into().unwrap()) % length as u64).unwrap();
            let other = usize::try_from(u64::from_le_bytes(dice[8..].try_into().unwrap()) % length as u64).unwrap();
            let (from, to) = (one.min(other), one.max(other) + 1);
            let part = stack.get_with("/archive/trip/", &[("range", &format!("bytes={from}-{}", to - 1))]).await;
            assert!(part.status == 206 && part.body == whole[from..to], "{from}..{to}");
        }
    }

    async fn a_range_past_the_end_is_416(stack: &Stack) {
        photos(stack).await;
        let length = stack.settled("/archive/trip/").await.body.len();
        let past = stack.get_with("/archive/trip/", &[("range", &format!("bytes={length}-"))]).await;
        assert_eq!(past.status, 416);
        assert_eq!(past.header("content-range"), format!("bytes */{length}"));
        assert_eq!(past.header("content-type"), "application/problem+json");
        for bad in ["bytes=9-3", "bytes=x-y", "bytes=--1", &format!("bytes={}", vec!["0-1"; 1000].join(","))] {
            let refused = stack.get_with("/archive/trip/", &[("range", bad)]).await;
            assert_eq!(refused.status, 416, "{bad:.40}");
        }
        assert_eq!(stack.get_with("/archive/trip/", &[("range", "lines=1-2")]).await.status, 200);
        assert_eq!(stack.get_with("/archive/trip/", &[("range", "bytes=0-1,5-6")]).await.status, 200);
    }

    async fn conditions_are_answered_before_anything_is_read(stack: &Stack) {
        photos(stack).await;
        let settled = stack.settled("/archive/trip/").await;
        let (etag, modified) = (settled.header("etag"), settled.header("last-modified"));
        assert!(etag.starts_with('"') && etag.len() > 10, "a strong tag: {etag}");
        let condition = async |name, value: &str| stack.get_with("/archive/trip/", &[(name, value)]).await.status;
        assert_eq!(condition("if-none-match", etag).await, 304);
        assert_eq!(condition("if-none-match", &format!("\"x\", W/{etag}")).await, 304);
        assert_eq!(condition("if-none-match", "\"x\"").await, 200);
        // A deletion changes the bytes and not the newest date: the date alone proves nothing.
        assert_eq!(condition("if-modified-since", modified).await, 200);
        assert_eq!(condition("if-match", "\"x\"").await, 412);
        assert_eq!(condition("if-match", etag).await, 200);
        assert_eq!(condition("if-unmodified-since", "Thu, 01 Jan 1970 00:00:10 GMT").await, 412);
        let unchanged = stack.get_with("/archive/trip/", &[("if-none-match", etag)]).await;
        assert!(unchanged.body.is_empty());
        assert_eq!(unchanged.header("etag"), etag);
    }

    async fn a_resume_across_a_change_starts_over(stack: &Stack) {
        photos(stack).await;
        let old = stack.settled("/archive/trip/").await;
        let resume = [("range", "bytes=100-"), ("if-range", old.header("etag"))];
        assert_eq!(stack.get_with("/archive/trip/", &resume).await.status, 206);
        let by_date = [("range", "bytes=100-"), ("if-range", old.header("last-modified"))];
        assert_eq!(stack.get_with("/archive/trip/", &by_date).await.status, 200);
        stack.put("photos/trip/a.jpg", "changed").await;
        let new = stack.settled("/archive/trip/").await;
        assert_ne!(new.header("etag"), old.header("etag"));
        let again = stack.get_with("/archive/trip/", &resume).await;
        assert_eq!(again.status, 200);
        assert_eq!(again.body, new.body);
    }

    async fn a_path_without_the_slash_leads_to_it(stack: &Stack) {
        let answer = stack.get("/archive/trip?name=x").await;
        assert_eq!(answer.status, 308);
        assert_eq!(answer.header("location"), "/archive/trip/?name=x");
    }

    async fn an_unknown_archive_is_404(stack: &Stack) {
        stack.put("photos/marker/", Bytes::new()).await;
        let long = format!("/archive/{}/", "a".repeat(129));
        let huge = format!("/archive/{}/", "a".repeat(10_240));
        for path in [
            "/archive/nothing/", "/archive/", "/archive//", "/archive/%ff/", "/archive/marker/", "/archive/../", "/archive/%2e%2e/", "/archive/a%2Fb/", "/archive/a%00/",
            "/archive/a.b/", "/archive/%F0%9F%98%80/", &long, &huge, "/archive/nothing/index.json", "/archive/%2e/index.json",
        ] {
            let answer = stack.get(path).await;
            assert_eq!(answer.status, 404, "{path:.60}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path:.60}");
            let known = path.len() < 8 * 1024;
            assert!(!known || answer.json()["detail"] == "Archive does not exist or was removed.", "{path:.60}");
        }
        let page = stack.get_with("/archive/nothing/", &[("accept", "text/html,*/*;q=0.8")]).await;
        assert_eq!(page.status, 404);
        assert!(page.text().contains("Archive does not exist or was removed.") && page.text().contains("href=\"/\""));
    }

    async fn a_download_is_named_as_asked(stack: &Stack) {
        stack.put("photos/trip/a.jpg", "a").await;
        for (query, disposition) in [
            ("name=summer", "attachment; filename=\"summer.zip\"; filename*=UTF-8''summer.zip"),
            ("name=%C3%A9t%C3%A9", "attachment; filename=\"_t_.zip\"; filename*=UTF-8''%C3%A9t%C3%A9.zip"),
            ("name=a%0d%0aSet-Cookie:x%22%2F", "attachment; filename=\"a__Set-Cookie_x__.zip\"; \
             filename*=UTF-8''a%5F%5FSet%2DCookie%5Fx%5F%5F.zip"),
        ] {
            let answer = stack.get(&format!("/archive/trip/?{query}")).await;
            assert_eq!(answer.header("content-disposition"), disposition);
            assert!(answer.headers.get("set-cookie").is_none());
        }
    }

    async fn names_are_safe_and_folders_stay(stack: &Stack) {
        let (mut expected, own_keys) = (Vec::new(), [
            ("../up.txt", "__/up.txt"), ("/abs.txt", "abs.txt"), ("C:x", "C_x"), ("a\\b.txt", "a_b.txt"),
            ("a_b.txt", "a_b (2).txt"), ("dir/", "dir/"), ("dir/in.txt", "dir/in.txt"), ("nfc-é", "nfc-é"),
            ("nfd-e\u{301}", "nfd-e\u{301}"),
        ]);
        for (key, name) in own_keys {
            let content = if key.ends_with('/') { "" } else { "x" };
            // A store may refuse the oddest keys itself.
            if stack.try_put(&format!("photos/odd/{key}"), content).await {
                expected.push(name);
            } else {
                assert!(["../up.txt", "/abs.txt"].contains(&key), "{key} is refused");
            }
        }
        let archive = stack.settled("/archive/odd/").await;
        let names: Vec<_> = entries(&archive.body).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected);
    }

    async fn the_index_lists_what_the_archive_holds(stack: &Stack) {
        let photos = photos(stack).await;
        let archive = stack.settled("/archive/trip/").await;
        let index = stack.get("/archive/trip/index.json").await.json();
        assert_eq!(index["name"], "trip");
        assert_eq!(index["size"], archive.body.len());
        let listed = index["entries"].as_array().unwrap();
        assert_eq!(listed.len(), photos.len());
        for (entry, (name, content)) in listed.iter().zip(&photos) {
            assert_eq!(entry["name"], **name);
            assert_eq!(entry["size"], content.len());
            assert_eq!(entry["crc32"], format!("{:08x}", crc32fast::hash(content)));
            assert!(entry["modified"].as_str().unwrap().ends_with('Z'));
        }
    }

    async fn last_modified_is_that_of_the_newest_entry(stack: &Stack) {
        photos(stack).await;
        let archive = stack.head("/archive/trip/").await;
        let modified = httpdate::parse_http_date(archive.header("last-modified")).unwrap();
        let objects = stack.s3.list_objects_v2().bucket(&stack.bucket).prefix("photos/trip/").send().await.unwrap();
        let newest = objects.contents().iter().map(|object| object.last_modified().unwrap().secs()).max().unwrap();
        assert_eq!(modified, std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(newest).unwrap()));
    }

    async fn other_methods_are_405(stack: &Stack) {
        let mut request = get("/archive/trip/");
        *request.method_mut() = http::Method::DELETE;
        let answer = stack.send(request).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}
