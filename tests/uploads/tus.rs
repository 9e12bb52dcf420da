//! Contract, 4.2: tus 1.0.0 line by line, through every door and on every store.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use shared::http::body;
use tests::arbitrary;
use tests::client::Answer;
use tests::contract;
use tests::stack::Stack;

use super::client::{CHUNK, create, location, offset, patch, send, tus};

/// An upload may stand still for a day.
const EXPIRY: Duration = Duration::from_secs(24 * 3600);

/// Holds `Upload-Expires` to a day from `from` or later, and not later than from now.
fn expires_in_a_day(answer: &Answer, from: SystemTime) {
    let expires = httpdate::parse_http_date(answer.header("upload-expires")).expect("Upload-Expires is a date");
    let second = Duration::from_secs(1);
    assert!(expires + second >= from + EXPIRY && expires <= SystemTime::now() + EXPIRY + second);
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

contract! {
    async fn a_server_says_what_it_can(stack: &Stack) {
        for path in ["/files", "/files/", "/files/unknown"] {
            let answer = send(stack, ("OPTIONS", path), &[], "").await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("tus-resumable"), "1.0.0");
            assert_eq!(answer.header("tus-version"), "1.0.0");
            assert_eq!(answer.header("tus-max-size"), (5_u64 << 40).to_string());
            assert_eq!(answer.header("tus-checksum-algorithm"), "sha1,md5,crc32,sha256");
            let extensions: Vec<_> = answer.header("tus-extension").split(',').collect();
            for extension in [
                "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination",
                "concatenation", "concatenation-unfinished",
            ] {
                assert!(extensions.contains(&extension), "{extension}");
            }
        }
    }

    async fn a_preflight_is_answered_for_every_header_of_the_protocol(stack: &Stack) {
        let asked = "tus-resumable, upload-offset, content-type, authorization";
        let headers = [
            ("origin", "https://example.org"), ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", asked),
        ];
        let answer = send(stack, ("OPTIONS", "/files/x"), &headers, "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-headers"), asked);
        for method in ["PATCH", "HEAD", "DELETE", "GET", "POST", "OPTIONS"] {
            assert!(answer.header("access-control-allow-methods").split(", ").any(|word| word == method), "{method}");
        }
        assert_eq!(answer.header("tus-version"), "1.0.0");
        let created = tus(stack, ("POST", "/files/"), &[("origin", "https://x.org"), ("upload-length", "1")], "").await;
        let exposed = created.header("access-control-expose-headers");
        for header in ["Location", "Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Expires", "Upload-Metadata"] {
            assert!(exposed.split(", ").any(|word| word == header), "{header}");
        }
    }

    async fn another_version_is_refused(stack: &Stack) {
        let path = create(stack, &[("upload-length", "3")]).await;
        for (method, path) in [("POST", "/files/"), ("PATCH", &path), ("DELETE", &path)] {
            for version in [None, Some(("tus-resumable", "0.2.2"))] {
                let headers: Vec<_> =
                    version.into_iter().chain([CHUNK, ("upload-length", "3"), ("upload-offset", "0")]).collect();
                let answer = send(stack, (method, path), &headers, "").await;
                assert_eq!((answer.status.as_u16(), answer.header("tus-version")), (412, "1.0.0"), "{method}");
                assert_eq!(answer.header("tus-resumable"), "1.0.0");
            }
        }
        let answer = send(stack, ("HEAD", &path), &[("tus-resumable", "2.0.0")], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("tus-version")), (412, "1.0.0"));
        assert_eq!(offset(stack, &path).await, "0");
    }

    async fn a_file_arrives_in_pieces(stack: &Stack) {
        let content = arbitrary::bytes(1, 300_000);
        let metadata = format!("filename {},filetype {},private", base64("été \"1\".html"), base64("text/html"));
        let begun = SystemTime::now();
        for collection in ["/files", "/files/"] {
            let headers = [("upload-length", "300000"), ("upload-metadata", &*metadata)];
            let created = tus(stack, ("POST", collection), &headers, "").await;
            assert_eq!(created.status, 201);
            expires_in_a_day(&created, begun);
            let path = location(&created);
            let answer = stack.get(&path).await;
            assert_eq!(answer.status, 404, "{}", answer.text());
            assert!(answer.json()["detail"].as_str().unwrap().contains("not complete"));
            let mut at = 0;
            for end in [1, 100_000, 300_000] {
                let answer = patch(stack, &path, at, content.slice(at..end)).await;
                assert_eq!(answer.status, 204, "{}", answer.text());
                assert_eq!(answer.header("upload-offset"), end.to_string());
                assert_eq!(answer.headers.contains_key("upload-expires"), end < content.len());
                at = end;
                let head = tus(stack, ("HEAD", &path), &[], "").await;
                assert_eq!(head.status, 200);
                assert_eq!(head.header("upload-offset"), end.to_string());
                assert_eq!(head.header("upload-length"), "300000");
                assert_eq!(head.header("cache-control"), "no-store");
                assert_eq!(head.header("upload-metadata"), metadata);
                assert!(!head.headers.contains_key("upload-concat") && !head.headers.contains_key("upload-defer-length"));
                if end < content.len() {
                    expires_in_a_day(&head, begun);
                }
            }
            is_served(stack, &path, &content).await;
            assert_eq!(patch(stack, &path, 300_000, "").await.status, 204);
            assert_eq!(patch(stack, &path, 300_000, "x").await.status, 413);
        }
    }

    async fn what_is_not_an_upload_is_refused(stack: &Stack) {
        let long = "9".repeat(30);
        for headers in [
            &[][..], &[("upload-length", "-1")], &[("upload-length", "")], &[("upload-length", "1.5")],
            &[("upload-length", &*long)], &[("upload-defer-length", "2")],
            &[("upload-length", "1"), ("upload-defer-length", "1")],
            &[("upload-length", "1"), ("upload-metadata", "a YQ==,a YQ==")],
            &[("upload-length", "1"), ("upload-metadata", "a !!")],
            &[("upload-length", "1"), ("upload-concat", "some")],
        ] {
            let answer = tus(stack, ("POST", "/files/"), headers, "").await;
            assert_eq!(answer.status, 400, "{headers:?}");
        }
        let large = tus(stack, ("POST", "/files/"), &[("upload-length", &((5_u64 << 40) + 1).to_string())], "").await;
        assert_eq!(large.status, 413);
        let path = create(stack, &[("upload-length", "1"), ("upload-metadata", "")]).await;
        let other = [("upload-length", "1"), ("content-type", "text/plain")];
        assert_eq!(tus(stack, ("POST", "/files/"), &other, "x").await.status, 415);
        assert_eq!(offset(stack, &path).await, "0");
    }

    async fn a_chunk_that_does_not_fit_is_refused(stack: &Stack) {
        let path = create(stack, &[("upload-length", "10")]).await;
        assert_eq!(patch(stack, &path, 0, "01234").await.status, 204);
        let at = |offset| [CHUNK, ("upload-offset", offset)];
        for (headers, status) in [
            (&[("upload-offset", "5")][..], 415),
            (&[("content-type", "application/octet-stream"), ("upload-offset", "5")], 415),
            (&[CHUNK], 400), (&at("-1"), 400), (&at("x"), 400), (&at(""), 400), (&at("0"), 409), (&at("6"), 409),
            (&[CHUNK, ("upload-offset", "5"), ("upload-length", "11")], 400),
            (&[CHUNK, ("upload-offset", "5"), ("upload-length", "x")], 400),
        ] {
            let answer = tus(stack, ("PATCH", &path), headers, "567").await;
            assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
            if status == 409 {
                assert_eq!(answer.header("upload-offset"), "5");
            }
        }
        let with_length = [CHUNK, ("upload-offset", "5"), ("content-length", "6")];
        assert_eq!(tus(stack, ("PATCH", &path), &with_length, "56789x").await.status, 413);
        assert_eq!(offset(stack, &path).await, "5");
        // Without a length the surplus shows only when it comes.
        let chunks = ["567", "89", "surplus"].map(|text| Ok(Bytes::from(text)));
        let request = Request::patch(&path).header("tus-resumable", "1.0.0").header(CHUNK.0, CHUNK.1);
        let request = request.header("upload-offset", "5").body(body::stream(futures_util::stream::iter(chunks)));
        assert_eq!(stack.send(request.unwrap()).await.status, 413);
        let reached = offset(stack, &path).await;
        assert!(["5", "10"].contains(&&*reached), "{reached}");
        if reached == "5" {
            assert_eq!(patch(stack, &path, 5, "56789").await.status, 204);
        }
        assert_eq!(stack.get(&path).await.text(), "0123456789");
    }

    async fn unknown_uploads_are_404(stack: &Stack) {
        for path in ["/files/unknown", "/files/12", "/files/..%2F", "/files/a%00b", "/files/%ff"] {
            let headers = [CHUNK, ("upload-offset", "0")];
            for method in ["HEAD", "PATCH", "DELETE"] {
                assert_eq!(tus(stack, (method, path), &headers, "").await.status, 404, "{method} {path}");
            }
            let answer = stack.get(path).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "application/problem+json"));
            assert_eq!(stack.head(path).await.status, 404);
        }
    }

    async fn the_length_may_come_later(stack: &Stack) {
        for empty in [false, true] {
            let path = create(stack, &[("upload-defer-length", "1")]).await;
            let head = tus(stack, ("HEAD", &path), &[], "").await;
            assert_eq!((head.header("upload-defer-length"), head.header("upload-offset")), ("1", "0"));
            assert!(!head.headers.contains_key("upload-length"));
            assert_eq!(patch(stack, &path, 0, "abc").await.status, 204);
            let ask = |offset, length| [CHUNK, ("upload-offset", offset), ("upload-length", length)];
            assert_eq!(tus(stack, ("PATCH", &path), &ask("3", "2"), "").await.status, 400, "less than there is");
            let (length, rest) = if empty { ("3", "") } else { ("5", "de") };
            let last = tus(stack, ("PATCH", &path), &ask("3", length), rest).await;
            assert_eq!((last.status.as_u16(), last.header("upload-offset")), (204, length), "{}", last.text());
            let head = tus(stack, ("HEAD", &path), &[], "").await;
            assert_eq!((head.header("upload-length"), head.header("upload-offset")), (length, length));
            assert!(!head.headers.contains_key("upload-defer-length"));
            assert_eq!(stack.get(&path).await.text(), format!("abc{rest}"));
        }
    }

    async fn a_length_is_told_once(stack: &Stack) {
        let path = create(stack, &[("upload-defer-length", "1")]).await;
        let ask = |length| [CHUNK, ("upload-offset", "0"), ("upload-length", length)];
        assert_eq!(tus(stack, ("PATCH", &path), &ask("5"), "").await.status, 204);
        assert_eq!(tus(stack, ("PATCH", &path), &ask("6"), "abcdef").await.status, 400);
        assert_eq!(tus(stack, ("PATCH", &path), &ask("5"), "abcde").await.status, 204);
        assert_eq!(stack.get(&path).await.text(), "abcde");
    }

    async fn an_empty_file_is_complete_at_once(stack: &Stack) {
        let created = tus(stack, ("POST", "/files/"), &[("upload-length", "0")], "").await;
        assert!(created.status == 201 && !created.headers.contains_key("upload-expires"));
        let path = location(&created);
        assert_eq!(offset(stack, &path).await, "0");
        let answer = stack.get(&path).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    }

    async fn the_first_bytes_may_come_with_the_creation(stack: &Stack) {
        let content = arbitrary::bytes(2, 50_000);
        for (length, end) in [(("upload-length", "50000"), 50_000), (("upload-length", "50000"), 20_000), (("upload-defer-length", "1"), 20_000)] {
            let created = tus(stack, ("POST", "/files/"), &[length, CHUNK], content.slice(..end)).await;
            assert_eq!(created.status, 201, "{}", created.text());
            assert_eq!(created.header("upload-offset"), end.to_string());
            assert_eq!(created.headers.contains_key("upload-expires"), end < content.len());
            let path = location(&created);
            assert_eq!(offset(stack, &path).await, end.to_string());
            let last = [CHUNK, ("upload-offset", &*end.to_string()), ("upload-length", "50000")];
            assert_eq!(tus(stack, ("PATCH", &path), &last, content.slice(end..)).await.status, 204);
            assert!(stack.get(&path).await.body == content);
        }
        let over = [("upload-length", "2"), CHUNK, ("content-length", "3")];
        assert_eq!(tus(stack, ("POST", "/files/"), &over, "abc").await.status, 413);
    }

    async fn bytes_count_only_with_the_right_checksum(stack: &Stack) {
        // Of "hello world", by the tools of the system.
        let sums = [
            "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "md5 XrY7u+Ae7tCTyyK7j1rNww==", "crc32 DUoRhQ==",
            "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
        ];
        for sum in sums {
            let path = create(stack, &[("upload-length", "11")]).await;
            let ask = |sum| [CHUNK, ("upload-offset", "0"), ("upload-checksum", sum)];
            let wrong = tus(stack, ("PATCH", &path), &ask(sum), "hello w0rld").await;
            assert_eq!(wrong.status, 460, "{}", wrong.text());
            assert_eq!(offset(stack, &path).await, "0", "{sum}");
            let right = tus(stack, ("PATCH", &path), &ask(sum), "hello world").await;
            assert_eq!((right.status.as_u16(), right.header("upload-offset")), (204, "11"), "{}", right.text());
            assert_eq!(stack.get(&path).await.text(), "hello world");
            let created = tus(stack, ("POST", "/files/"), &[("upload-length", "11"), CHUNK, ("upload-checksum", sum)], "hello world").await;
            assert_eq!((created.status.as_u16(), created.header("upload-offset")), (201, "11"));
        }
        let path = create(stack, &[("upload-length", "11")]).await;
        for bad in ["sha1", "sha1 !", "sha512 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1 DUoRhQ==", "", "sha1 "] {
            let answer = tus(stack, ("PATCH", &path), &[CHUNK, ("upload-offset", "0"), ("upload-checksum", bad)], "hello world").await;
            assert_eq!(answer.status, 400, "{bad}");
        }
        assert_eq!(offset(stack, &path).await, "0");
    }

    async fn a_terminated_upload_is_gone(stack: &Stack) {
        for length in ["3", "5"] {
            let path = create(stack, &[("upload-length", length)]).await;
            assert_eq!(patch(stack, &path, 0, "abc").await.status, 204);
            let answer = tus(stack, ("DELETE", &path), &[], "").await;
            assert_eq!(answer.status, 204, "{}", answer.text());
            for (method, status) in [("HEAD", 410), ("PATCH", 410), ("DELETE", 410)] {
                let headers = [CHUNK, ("upload-offset", "3")];
                assert_eq!(tus(stack, (method, &path), &headers, "").await.status, status, "{method} {length}");
            }
            assert_eq!(stack.get(&path).await.status, 410);
            assert_eq!(stack.head(&path).await.status, 410);
        }
    }

    async fn a_post_may_stand_for_another_method(stack: &Stack) {
        let path = create(stack, &[("upload-length", "3")]).await;
        let by = |method| ("x-http-method-override", method);
        let patched = tus(stack, ("POST", &path), &[by("PATCH"), CHUNK, ("upload-offset", "0")], "abc").await;
        assert_eq!((patched.status.as_u16(), patched.header("upload-offset")), (204, "3"));
        let head = tus(stack, ("POST", &path), &[by("HEAD")], "").await;
        assert_eq!((head.status.as_u16(), head.header("upload-offset")), (200, "3"));
        assert_eq!(tus(stack, ("POST", &path), &[], "").await.status, 405);
        assert_eq!(tus(stack, ("POST", &path), &[by("delete")], "").await.status, 204);
        assert_eq!(tus(stack, ("HEAD", &path), &[], "").await.status, 410);
        assert_eq!(tus(stack, ("POST", "/files/"), &[by("PATCH")], "").await.status, 405);
    }

    async fn a_place_of_ones_own_asks_for_a_token(stack: &Stack) {
        let metadata = format!("filename {},storePath {}", base64("a.txt"), base64("in/box"));
        let headers = [("upload-length", "1"), ("upload-metadata", &*metadata)];
        for token in [None, Some(("authorization", "Bearer nobody")), Some(("authorization", "demo"))] {
            let headers: Vec<_> = headers.into_iter().chain(token).collect();
            let answer = tus(stack, ("POST", "/files/"), &headers, "").await;
            assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Bearer"));
        }
    }
}

/// Downloads it whole, in part, by HEAD and on a condition.
async fn is_served(stack: &Stack, path: &str, content: &Bytes) {
    let whole = stack.get(path).await;
    assert!(whole.status == 200 && whole.whole && whole.body == content, "{}", whole.status);
    assert_eq!(whole.header("content-length"), content.len().to_string());
    assert_eq!(whole.header("content-type"), "text/html");
    assert_eq!(whole.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let disposition = "attachment; filename=\"_t_ _1_.html\"; filename*=UTF-8''%C3%A9t%C3%A9%20%5F1%5F%2Ehtml";
    assert_eq!(whole.header("content-disposition"), disposition);
    let head = stack.head(path).await;
    assert_eq!((head.status.as_u16(), head.header("etag")), (200, whole.header("etag")));
    assert_eq!(head.header("content-length"), content.len().to_string());
    assert!(!head.headers.contains_key("upload-offset"));
    let etag = whole.header("etag");
    let part = stack.get_with(path, &[("range", "bytes=10-19"), ("if-range", etag)]).await;
    assert_eq!((part.status.as_u16(), &part.body), (206, &content.slice(10..20)));
    assert_eq!(part.header("content-range"), format!("bytes 10-19/{}", content.len()));
    assert_eq!(stack.get_with(path, &[("range", "bytes=10-19"), ("if-range", "\"x\"")]).await.status, 200);
    assert_eq!(stack.get_with(path, &[("if-none-match", etag)]).await.status, 304);
    assert_eq!(stack.get_with(path, &[("range", "bytes=999999-")]).await.status, 416);
}
