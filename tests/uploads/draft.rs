//! Contract, 4.3: the IETF draft in its interop versions, through every door and on every store.

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use shared::http::body;
use tests::arbitrary;
use tests::client::Answer;
use tests::contract;
use tests::stack::{Backend, Door, Settings, Stack};

use super::client::{location, send};

const VERSIONS: [&str; 4] = ["3", "5", "6", "8"];
const PARTIAL: (&str, &str) = ("content-type", "application/partial-upload");
const PROBLEMS: &str = "https://iana.org/assignments/http-problem-types#";

/// The field by which a version says that an upload is complete, or not.
fn complete(version: &str, complete: bool) -> (&'static str, &'static str) {
    match (version, complete) {
        ("3", true) => ("upload-incomplete", "?0"),
        ("3", false) => ("upload-incomplete", "?1"),
        (_, true) => ("upload-complete", "?1"),
        (_, false) => ("upload-complete", "?0"),
    }
}

/// Sends a request of a version.
async fn ask(
    stack: &Stack,
    version: &str,
    call: (&str, &str),
    headers: &[(&str, &str)],
    content: impl Into<Bytes>,
) -> Answer {
    let mut all = vec![("upload-draft-interop-version", version)];
    all.extend(headers);
    send(stack, call, &all, content).await
}

async fn append(
    stack: &Stack,
    version: &str,
    path: &str,
    (offset, last): (usize, bool),
    content: impl Into<Bytes>,
) -> Answer {
    let headers = [PARTIAL, ("upload-offset", &*offset.to_string()), complete(version, last)];
    ask(stack, version, ("PATCH", path), &headers, content).await
}

/// An upload that has these bytes and is not complete.
async fn begin(stack: &Stack, version: &str, content: impl Into<Bytes>) -> String {
    let created = ask(stack, version, ("POST", "/resumable/"), &[complete(version, false)], content).await;
    assert_eq!(created.status, 201, "{}", created.text());
    location(&created)
}

/// Holds an answer to an offset and to whether the upload is complete.
fn says(answer: &Answer, version: &str, offset: usize, is_complete: bool) {
    let (name, value) = complete(version, is_complete);
    let said = (answer.header("upload-offset"), answer.header(name));
    assert_eq!(said, (&*offset.to_string(), value), "version {version}: {} {}", answer.status, answer.text());
    let other = if version == "3" { "upload-complete" } else { "upload-incomplete" };
    assert!(!answer.headers.contains_key(other));
    assert!(answer.header("upload-limit").contains("max-append-size="), "{:?}", answer.headers);
}

fn is_problem(answer: &Answer, status: u16, kind: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(
        (problem["type"].as_str().unwrap(), problem["status"].as_u64()),
        (&*format!("{PROBLEMS}{kind}"), Some(status.into()))
    );
}

/// Asks where an upload stands.
async fn stands(stack: &Stack, version: &str, path: &str, offset: usize, is_complete: bool) -> Answer {
    let head = ask(stack, version, ("HEAD", path), &[], "").await;
    assert_eq!(head.status, 204, "version {version}");
    says(&head, version, offset, is_complete);
    assert_eq!(head.header("cache-control"), "no-store");
    head
}

contract! {
    async fn an_upload_in_one_request_is_complete(stack: &Stack) {
        let content = arbitrary::bytes(1, 200_000);
        for version in VERSIONS {
            for collection in ["/resumable", "/resumable/"] {
                let headers = [complete(version, true), ("content-type", "image/png"), ("content-disposition", "inline; filename=\"a b.png\"")];
                let created = ask(stack, version, ("POST", collection), &headers, content.clone()).await;
                assert_eq!(created.status, 201, "{}", created.text());
                says(&created, version, content.len(), true);
                let path = location(&created);
                assert_eq!(stands(stack, version, &path, content.len(), true).await.header("upload-length"), "200000");
                let answer = stack.get(&path).await;
                assert!(answer.status == 200 && answer.body == content, "{}", answer.status);
                assert_eq!(answer.header("content-type"), "image/png");
                assert!(answer.header("content-disposition").starts_with("attachment; filename=\"a b.png\""));
                assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
                assert_eq!(stack.get_with(&path, &[("range", "bytes=5-9")]).await.body, content.slice(5..10));
            }
        }
    }

    async fn an_upload_in_parts_is_complete_when_its_client_says_so(stack: &Stack) {
        for version in VERSIONS {
            let path = begin(stack, version, "abc").await;
            let head = stands(stack, version, &path, 3, false).await;
            assert!(!head.headers.contains_key("upload-length"));
            let life = if version == "8" { "max-age=" } else { "expires=" };
            let limit = head.header("upload-limit").split(", ").find_map(|limit| limit.strip_prefix(life));
            assert!((86_000..=86_400).contains(&limit.expect(life).parse::<u32>().unwrap()), "{limit:?}");
            let second = append(stack, version, &path, (3, false), "def").await;
            assert_eq!(second.status, if version == "8" { 204 } else { 201 });
            says(&second, version, 6, false);
            stands(stack, version, &path, 6, false).await;
            assert_eq!(stack.get(&path).await.status, 404);
            let last = append(stack, version, &path, (6, true), "g").await;
            assert_eq!(last.status, 201, "{}", last.text());
            assert_eq!(location(&last), path);
            says(&last, version, 7, true);
            assert_eq!(stands(stack, version, &path, 7, true).await.header("upload-length"), "7");
            assert_eq!(stack.get(&path).await.text(), "abcdefg");
        }
    }

    async fn all_bytes_alone_do_not_complete_it(stack: &Stack) {
        for version in ["6", "8"] {
            let headers = [complete(version, false), ("upload-length", "6")];
            let created = ask(stack, version, ("POST", "/resumable/"), &headers, "abc").await;
            let path = location(&created);
            says(&append(stack, version, &path, (3, false), "def").await, version, 6, false);
            assert_eq!(stands(stack, version, &path, 6, false).await.header("upload-length"), "6");
            assert_eq!(stack.get(&path).await.status, 404);
            says(&append(stack, version, &path, (6, true), "").await, version, 6, true);
            assert_eq!(stack.get(&path).await.text(), "abcdef");
        }
    }

    async fn an_empty_file_and_an_empty_beginning(stack: &Stack) {
        for version in VERSIONS {
            let created = ask(stack, version, ("POST", "/resumable/"), &[complete(version, true)], "").await;
            says(&created, version, 0, true);
            assert_eq!(stack.get(&location(&created)).await.body.len(), 0);
            let path = begin(stack, version, "").await;
            stands(stack, version, &path, 0, false).await;
            says(&append(stack, version, &path, (0, true), "abc").await, version, 3, true);
            let path = begin(stack, version, "").await;
            says(&append(stack, version, &path, (0, true), "").await, version, 0, true);
            assert_eq!(stack.get(&path).await.status, 200);
            let headers = [complete(version, false), ("upload-length", "0")];
            let created = ask(stack, version, ("POST", "/resumable/"), &headers, "").await;
            says(&created, version, 0, false);
            assert_eq!(stack.get(&location(&created)).await.status, 200, "nothing can be missing");
        }
    }

    async fn a_wrong_offset_is_409_with_the_right_one(stack: &Stack) {
        for version in VERSIONS {
            let path = begin(stack, version, "abc").await;
            for offset in [0, 2, 4] {
                let answer = append(stack, version, &path, (offset, false), "x").await;
                is_problem(&answer, 409, "mismatching-upload-offset");
                assert_eq!(answer.header("upload-offset"), "3");
                assert_eq!((&answer.json()["expected-offset"], &answer.json()["provided-offset"]), (&3.into(), &offset.into()));
            }
            for wrong in ["-1", "x", "", "1.0", "\"3\""] {
                let headers = [PARTIAL, ("upload-offset", wrong), complete(version, false)];
                assert_eq!(ask(stack, version, ("PATCH", &path), &headers, "x").await.status, 400, "{wrong}");
            }
            assert_eq!(ask(stack, version, ("PATCH", &path), &[PARTIAL, complete(version, false)], "x").await.status, 400);
            stands(stack, version, &path, 3, false).await;
        }
    }

    async fn appends_have_their_own_type_from_version_6_on(stack: &Stack) {
        for version in VERSIONS {
            let path = begin(stack, version, "abc").await;
            let headers = [("content-type", "text/plain"), ("upload-offset", "3"), complete(version, true)];
            let answer = ask(stack, version, ("PATCH", &path), &headers, "d").await;
            assert_eq!(answer.status, if version < "6" { 201 } else { 415 }, "{version}");
        }
    }

    async fn nothing_is_appended_to_what_is_complete(stack: &Stack) {
        for version in VERSIONS {
            let path = location(&ask(stack, version, ("POST", "/resumable/"), &[complete(version, true)], "abc").await);
            let (some, none) = (append(stack, version, &path, (3, true), "d").await, append(stack, version, &path, (3, true), "").await);
            if version == "8" {
                is_problem(&some, 400, "inconsistent-upload-length");
                is_problem(&none, 410, "completed-upload");
            } else {
                is_problem(&some, 400, "completed-upload");
                is_problem(&none, 400, "completed-upload");
            }
            assert_eq!(stack.get(&path).await.text(), "abc");
        }
    }

    async fn lengths_must_agree(stack: &Stack) {
        for version in ["6", "8"] {
            let post = ("POST", "/resumable/");
            let length = |length| ("upload-length", length);
            let whole = [complete(version, true), length("4"), ("content-length", "3")];
            is_problem(&ask(stack, version, post, &whole, "abc").await, 400, "inconsistent-upload-length");
            let path = location(&ask(stack, version, post, &[complete(version, false), length("4")], "abc").await);
            let patch = |last, more: Option<(&'static str, &'static str)>| {
                [PARTIAL, ("upload-offset", "3"), complete(version, last)].into_iter().chain(more).collect::<Vec<_>>()
            };
            for (last, more, content) in [
                (true, Some(("content-length", "2")), "de"), (false, Some(("content-length", "2")), "de"),
                (false, Some(length("5")), "d"), (true, Some(("content-length", "0")), ""),
            ] {
                let answer = ask(stack, version, ("PATCH", &path), &patch(last, more), content).await;
                is_problem(&answer, 400, "inconsistent-upload-length");
            }
            stands(stack, version, &path, 3, false).await;
            // Where a stream turns out to be longer, or shorter.
            let streamed = async |content: &'static [&'static str]| {
                let chunks = stream::iter(content.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))));
                let mut request = Request::patch(&path).header("upload-draft-interop-version", version);
                for (name, value) in patch(true, None) {
                    request = request.header(name, value);
                }
                stack.send(request.body(body::stream(chunks)).unwrap()).await
            };
            is_problem(&streamed(&["de"]).await, 400, "inconsistent-upload-length");
            is_problem(&streamed(&[]).await, 400, "inconsistent-upload-length");
            says(&streamed(&["d"]).await, version, 4, true);
            assert_eq!(stack.get(&path).await.text(), "abcd");
        }
    }

    async fn a_length_may_come_late(stack: &Stack) {
        for version in ["6", "8"] {
            let path = begin(stack, version, "abc").await;
            let headers = [PARTIAL, ("upload-offset", "3"), complete(version, false), ("upload-length", "5")];
            says(&ask(stack, version, ("PATCH", &path), &headers, "d").await, version, 4, false);
            assert_eq!(stands(stack, version, &path, 4, false).await.header("upload-length"), "5");
            says(&append(stack, version, &path, (4, true), "e").await, version, 5, true);
            assert_eq!(stack.get(&path).await.text(), "abcde");
        }
    }

    async fn a_cancelled_upload_is_over(stack: &Stack) {
        for version in VERSIONS {
            let gone = if version == "8" { 410 } else { 404 };
            let finished = location(&ask(stack, version, ("POST", "/resumable/"), &[complete(version, true)], "abc").await);
            for path in [begin(stack, version, "abc").await, finished] {
                let answer = ask(stack, version, ("DELETE", &path), &[], "").await;
                assert_eq!(answer.status, 204, "{}", answer.text());
                assert_eq!(ask(stack, version, ("HEAD", &path), &[], "").await.status, gone);
                assert_eq!(append(stack, version, &path, (3, true), "d").await.status, gone);
                assert_eq!(ask(stack, version, ("DELETE", &path), &[], "").await.status, gone);
                assert_eq!(stack.get(&path).await.status, 410);
            }
        }
    }

    async fn fields_of_appends_are_refused_elsewhere_through_version_6(stack: &Stack) {
        for version in VERSIONS {
            let path = begin(stack, version, "abc").await;
            for field in [("upload-offset", "3"), complete(version, true)] {
                for method in ["HEAD", "DELETE"] {
                    let answer = ask(stack, version, (method, &path), &[field], "").await;
                    assert_eq!(answer.status == 400, version != "8", "{version} {method} {field:?}: {}", answer.status);
                    if answer.status == 204 && method == "DELETE" {
                        return;
                    }
                }
            }
            let headers = [("upload-offset", "0"), complete(version, false)];
            assert_eq!(ask(stack, version, ("POST", "/resumable/"), &headers, "").await.status, 400);
        }
    }

    async fn unknown_uploads_are_404(stack: &Stack) {
        let other = location(&send(stack, ("POST", "/files/"), &[("tus-resumable", "1.0.0"), ("upload-length", "1")], "").await);
        let other = other.replace("/files/", "/resumable/");
        for path in ["/resumable/unknown", "/resumable/1", &other] {
            assert_eq!(ask(stack, "8", ("HEAD", path), &[], "").await.status, 404);
            assert_eq!(append(stack, "8", path, (0, true), "d").await.status, 404);
            assert_eq!(ask(stack, "8", ("DELETE", path), &[], "").await.status, 404);
            assert_eq!(stack.get(path).await.status, 404);
        }
    }

    async fn a_plain_upload_needs_no_protocol(stack: &Stack) {
        let created = send(stack, ("POST", "/resumable/"), &[("content-type", "text/plain")], "hello").await;
        assert_eq!(created.status, 201, "{}", created.text());
        assert!(!created.headers.contains_key("upload-offset"));
        let path = location(&created);
        let answer = stack.get(&path).await;
        assert_eq!((answer.text().as_str(), answer.header("content-type")), ("hello", "text/plain"));
        let head = stack.head(&path).await;
        assert_eq!((head.status.as_u16(), head.header("content-length"), head.header("etag")), (200, "5", answer.header("etag")));
        assert_eq!((head.header("upload-offset"), head.header("upload-complete")), ("5", "?1"));
        let coded = [("content-encoding", "gzip")];
        assert_eq!(send(stack, ("POST", "/resumable/"), &coded, "x").await.status, 415);
        // A version that nobody knows yet: all of a file is as good as a plain upload.
        let later = ask(stack, "99", ("POST", "/resumable/"), &[("upload-complete", "?1")], "hello").await;
        assert_eq!(later.status, 201);
        assert_eq!(ask(stack, "99", ("POST", "/resumable/"), &[("upload-complete", "?0")], "hello").await.status, 400);
    }

    async fn limits_are_told_before_anything_is_sent(stack: &Stack) {
        for path in ["/resumable", "/resumable/", "/resumable/x"] {
            let answer = send(stack, ("OPTIONS", path), &[("origin", "https://x.org"), ("access-control-request-method", "PATCH")], "").await;
            assert_eq!(answer.status, 204);
            assert_eq!(answer.header("accept-patch"), "application/partial-upload");
            assert_eq!(answer.header("upload-limit"), "max-size=5497558138880, max-append-size=5497558138880");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            let method = if path.ends_with('x') { "PATCH" } else { "POST" };
            assert!(answer.header("access-control-allow-methods").contains(method));
        }
        let large = [complete("8", false), ("upload-length", "5497558138881")];
        let answer = ask(stack, "8", ("POST", "/resumable/"), &large, "").await;
        assert_eq!(answer.status, 413);
        assert!(answer.header("upload-limit").starts_with("max-size=5497558138880"));
    }
}

/// A chunked body does not tell how much it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_carries_no_more_than_it_may() {
    let settings = Settings { variables: &[("APPEND_LIMIT", "10")], ..Settings::default() };
    let stack = Stack::configured(Door::Program, Backend::Embedded, settings).await.unwrap();
    let chunked = |method, path: &str, headers: &[(&str, &str)], chunks: &[&'static str]| {
        let mut request = Request::builder().method(method).uri(path).header("upload-draft-interop-version", "8");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        stack.send(request.body(body::stream(stream::iter(chunks))).unwrap())
    };
    let too_large = |answer: &Answer| {
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(answer.header("upload-limit").contains("max-append-size=10"), "{:?}", answer.headers);
    };
    too_large(&chunked("POST", "/resumable/", &[complete("8", true)], &["12345", "67890", "1"]).await);
    let path = begin(&stack, "8", "").await;
    let first = [PARTIAL, ("upload-offset", "0"), complete("8", false)];
    too_large(&append(&stack, "8", &path, (0, false), "12345678901").await);
    assert_eq!(chunked("PATCH", &path, &first, &["12345", "67890"]).await.status, 204);
    let next = [PARTIAL, ("upload-offset", "10"), complete("8", false)];
    too_large(&chunked("PATCH", &path, &next, &["12345", "678901"]).await);
    let head = ask(&stack, "8", ("HEAD", &path), &[], "").await;
    let kept: u32 = head.header("upload-offset").parse().unwrap();
    assert!((15..=20).contains(&kept), "what it might carry is kept: {kept}");
    // What is too much for the upload itself is another mistake.
    let headers = [complete("8", false), ("upload-length", "4")];
    let short = location(&ask(&stack, "8", ("POST", "/resumable/"), &headers, "").await);
    is_problem(&chunked("PATCH", &short, &first, &["12345"]).await, 400, "inconsistent-upload-length");
}
