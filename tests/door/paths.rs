//! Paths, parameters and odd targets.

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{Ask, House};

#[tokio::test]
async fn a_parameter_is_one_decoded_segment() {
    let house = House::open().await;
    let cases = [
        ("/echo/1/x/2", json!([["a", "1"], ["b", "2"]])),
        ("/echo/a%20b/x/%E4%BD%A0", json!([["a", "a b"], ["b", "\u{4f60}"]])),
        ("/echo/a%2Fb/x/c%2fd", json!([["a", "a/b"], ["b", "c/d"]])),
        ("/echo/%2e%2e/x/..", json!([["a", ".."], ["b", ".."]])),
        ("/echo/%00/x/%0d%0a", json!([["a", "\0"], ["b", "\r\n"]])),
        ("/echo/a+b/x/a%2Bb", json!([["a", "a+b"], ["b", "a+b"]])),
        ("/echo/z/", json!([["a", "z"]])),
        ("/rest/a//b%2Fc/", json!([["path", "a//b%2Fc/"]])),
        ("/rest/", json!([["path", ""]])),
    ];
    for (path, expected) in cases {
        assert_eq!(house.ask(&Ask::get(path)).await.json(), expected, "{path}");
    }
}

#[tokio::test]
async fn what_fits_no_pattern_is_404() {
    let house = House::open().await;
    let paths = [
        "/echo/1/x",
        "/echo/1/x/2/",
        "/echo/1%2Fx%2F2",
        "//echo/1/x/2",
        "/echo/1",
        "/plain/ok/",
        "/plain//ok",
        "/PLAIN/ok",
        "/plain/../plain/ok",
        "/plain/ok%2F",
        "/",
        "//",
        "/%",
        "/%zz",
        "/rest",
    ];
    for path in paths {
        for ask in [Ask::get(path), Ask::post(path), Ask::new(Method::HEAD, path)] {
            assert_eq!(house.ask(&ask).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn a_path_of_any_length_is_answered() {
    let house = House::open().await;
    let segment = "a".repeat(8_000);
    assert_eq!(house.ask(&Ask::get(format!("/rest/{segment}"))).await.status, 200);
    let ten_kilobytes = "a".repeat(10_240);
    let answer = house.ask(&Ask::get(format!("/rest/{ten_kilobytes}"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "application/problem+json"));
    let slashes = "/".repeat(8_000);
    assert_eq!(house.ask(&Ask::get(slashes)).await.status, 404);
}

#[tokio::test]
async fn odd_targets_are_answered() {
    let house = House::open().await;
    let whole = |read: &str| read.contains("\r\n\r\n");
    for (target, status) in [
        ("GET http://other.test/plain/ok HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.1", 404),
        ("GET /plain/ok?%zz&&==&q HTTP/1.1", 200),
        ("CONNECT other.test:443 HTTP/1.1", 404),
        ("GET nowhere HTTP/1.1", 404),
    ] {
        let answer = house.raw(format!("{target}\r\nhost: a\r\n\r\n").as_bytes(), whole).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("x-content-type-options: nosniff"), "{target}: {answer}");
    }
    // Bytes that HTTP forbids never reach the door; the server still answers.
    for line in ["GET /a b HTTP/1.1", "GET /\u{0} HTTP/1.1"] {
        let answer = house.raw(format!("{line}\r\nhost: a\r\n\r\n").as_bytes(), whole).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_query_is_read_as_a_form() {
    let house = House::open().await;
    let cases = [
        ("/query?q=a+b", json!("a b")),
        ("/query?q=a%2Bb", json!("a+b")),
        ("/query?q=1&q=2", json!("1")),
        ("/query?%71=%E4%BD%A0", json!("\u{4f60}")),
        ("/query?q", json!("")),
        ("/query?q=a=b", json!("a=b")),
        ("/query?qq=1&Q=2", json!(null)),
        ("/query", json!(null)),
        ("/query?q=%ff", json!("\u{fffd}")),
    ];
    for (target, expected) in cases {
        assert_eq!(house.ask(&Ask::get(target)).await.json(), expected, "{target}");
    }
}

/// Runs one request per case without a server: the router is what is tested.
fn answer(house: &House, runtime: &tokio::runtime::Runtime, ask: &Ask) -> super::fixture::Answer {
    runtime.block_on(house.direct(ask))
}

#[test]
fn any_segment_comes_back_as_it_was_encoded() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::open());
    proptest!(|(a in "\\PC{1,40}", b in "(?s).{1,40}")| {
        let path = format!("/echo/{}/x/{}", utf8_percent_encode(&a, NON_ALPHANUMERIC), utf8_percent_encode(&b, NON_ALPHANUMERIC));
        let answer = answer(&house, &runtime, &Ask::get(path));
        prop_assert_eq!(answer.json(), json!([["a", a], ["b", b]]));
    });
}

#[test]
fn any_path_is_answered_by_what_it_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::open());
    proptest!(|(path in "/(echo|x|a|many|rest|plain|ok|[a-z%./]{0,4})(/(x|ok|[a-z%0-9./]{0,4})){0,5}")| {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let expected = matches!(
            segments[..],
            ["echo", _, "x", _] | ["echo", _, ""] | ["rest" | "many", _, ..] | ["plain", "ok"]
        );
        let answer = answer(&house, &runtime, &Ask::get(&path));
        prop_assert_eq!(answer.status.as_u16(), if expected { 200 } else { 404 }, "{}", path);
    });
}
