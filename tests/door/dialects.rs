//! Five envelopes, each for success and for every error.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use shared::http::Dialect;

use super::fixture::{Answer, Ask, House, ID};
use super::table::{DIALECTS, KINDS, SECRET};

/// Holds an error to its dialect's envelope, field by field, and returns its message.
fn message(dialect: Dialect, answer: &Answer) -> String {
    let status = answer.status.as_u16();
    if dialect == Dialect::Page {
        assert!(answer.is_page());
        assert!(answer.text().contains("<a href=\"/\">Home</a>"), "{}", answer.text());
        return answer.text().replace("&#60;", "<").replace("&#62;", ">").replace("&#39;", "'");
    }
    let (envelope, type_of_it) = (answer.json(), answer.header("content-type"));
    let field = |name: &str| envelope[name].as_str().unwrap_or_default().to_owned();
    let (message, expected) = match dialect {
        Dialect::Plain | Dialect::Tus => (
            field("detail"),
            json!({
                "type": "about:blank", "title": answer.status.canonical_reason().unwrap_or("Error"), "status": status,
                "detail": field("detail"), "request_id": ID,
            }),
        ),
        Dialect::Msg => (field("msg"), json!({ "msg": field("msg") })),
        Dialect::RetCode => {
            let code = field("retCode");
            assert!(code != "0" && code.parse::<u8>().is_ok(), "retCode is a string of digits: {envelope}");
            (field("status"), json!({ "retCode": code, "status": field("status"), "data": null }))
        }
        Dialect::CodeMsgData => (field("msg"), json!({ "code": status, "msg": field("msg"), "data": null })),
        Dialect::Page => unreachable!(),
    };
    assert_eq!(envelope, expected);
    let expected = if dialect == Dialect::Plain { "application/problem+json" } else { "application/json" };
    assert_eq!(type_of_it, expected);
    message
}

#[tokio::test]
async fn success_wears_the_envelope_of_its_dialect() {
    let house = House::open().await;
    let expected: [(&str, [Value; 3]); 5] = [
        ("/plain", [json!({ "a": 1 }), json!("done"), json!(null)]),
        ("/msg", [json!({ "a": 1 }), json!({ "msg": "done" }), json!({ "msg": "OK" })]),
        (
            "/ret",
            [json!({ "a": 1 }), json!("done"), json!(null)]
                .map(|data| json!({ "retCode": "0", "status": "success", "data": data })),
        ),
        (
            "/code",
            [(200, json!({ "a": 1 })), (201, json!("done")), (200, json!(null))]
                .map(|(code, data)| json!({ "code": code, "msg": "success", "data": data })),
        ),
        ("/page", [json!({ "a": 1 }), json!("done"), json!(null)]),
    ];
    for (root, answers) in expected {
        for ((name, status), expected) in [("ok", 200), ("text", 201), ("null", 200)].into_iter().zip(answers) {
            // A browser's wish for a page is about errors; data stays data.
            for ask in [Ask::get(format!("{root}/{name}")), Ask::browse(format!("{root}/{name}"))] {
                let answer = house.ask(&ask).await;
                assert_eq!((answer.status.as_u16(), answer.json()), (status, expected.clone()), "{root}/{name}");
                assert_eq!(answer.header("content-type"), "application/json");
                assert_eq!(answer.header("content-length"), answer.text().len().to_string());
            }
        }
    }
}

#[tokio::test]
async fn nothing_to_say_is_a_204_without_a_body_or_its_headers() {
    let house = House::open().await;
    for (_, root) in DIALECTS {
        let answer = house.ask(&Ask::get(format!("{root}/nothing"))).await;
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::NO_CONTENT, ""));
        assert!(!answer.headers.contains_key("content-type") && !answer.headers.contains_key("content-length"));
    }
}

#[tokio::test]
async fn errors_wear_their_dialect_with_a_real_status_and_no_internal_detail() {
    let house = House::open().await;
    for (dialect, root) in DIALECTS {
        for (word, _, status) in KINDS {
            for method in [Method::GET, Method::PUT] {
                let answer = house.ask(&Ask::new(method, format!("{root}/fail/{word}"))).await;
                assert_eq!(answer.status.as_u16(), status, "{root} {word}");
                let message = message(dialect, &answer);
                let expected = if word == "internal" { "Internal error." } else { &format!("Sorry: {word} <now>.") };
                assert!(message.contains(expected), "{root} {word}: {message}");
                assert!(!format!("{answer:?}").contains(SECRET), "{root} {word} tells an internal detail");
            }
        }
    }
}

#[tokio::test]
async fn the_block_protocol_has_a_code_for_every_kind() {
    let house = House::open().await;
    // Contract 4.1.
    let codes = [
        ("invalid", "6"),
        ("unauthorized", "1"),
        ("forbidden", "1"),
        ("not-found", "2"),
        ("conflict", "5"),
        ("gone", "9"),
        ("too-large", "6"),
        ("range", "8"),
        ("unprocessable", "7"),
        ("internal", "20"),
        ("unavailable", "3"),
        ("timeout", "3"),
    ];
    for (word, code) in codes {
        let answer = house.ask(&Ask::get(format!("/ret/fail/{word}"))).await;
        assert_eq!(answer.json()["retCode"], code, "{word}");
    }
}

#[tokio::test]
async fn what_the_door_refuses_itself_wears_the_dialect_of_the_job() {
    let house = House::open().await;
    for (dialect, root) in DIALECTS {
        let refusals = [
            (Ask::get(format!("{root}/no/such/path")), 404),
            (Ask::post(format!("{root}/ok")), 405),
            (Ask::get(format!("{root}/key")), 401),
            (Ask::post(format!("{root}/body")).body(vec![b'x'; 17]), 413),
            (Ask::post(format!("{root}/body")).chunks(&["0123456789", "0123456789"]), 413),
            (Ask::get(format!("{root}/slow")), 504),
            (Ask::get(format!("{root}/panic")), 500),
            (Ask::get(format!("{root}/panic-early")), 500),
        ];
        for (ask, status) in refusals {
            let answer = house.ask(&ask).await;
            assert_eq!(answer.status.as_u16(), status, "{root}");
            assert!(!message(dialect, &answer).contains(SECRET));
        }
    }
}

#[tokio::test]
async fn while_the_store_is_not_reached_every_dialect_says_so() {
    let house = House::open().await;
    for (dialect, root) in DIALECTS {
        let answer = house.ask(&Ask::get(format!("{root}/store"))).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(message(dialect, &answer).contains("Storage is not initialized yet!"));
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
        // A method that the path does not take is still told so.
        assert_eq!(house.ask(&Ask::post(format!("{root}/store"))).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn a_browser_that_misses_gets_a_page_whatever_the_job_speaks() {
    let house = House::open().await;
    for (_, root) in DIALECTS {
        for (path, status) in
            [("nowhere", 404), ("body", 405), ("key", 401), ("store", 503), ("fail/gone", 410), ("panic", 500)]
        {
            let answer = house.ask(&Ask::browse(format!("{root}/{path}"))).await;
            assert_eq!(answer.status.as_u16(), status, "{root}/{path}");
            message(Dialect::Page, &answer);
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        }
        let answer = house.ask(&Ask::browse(format!("{root}/store"))).await;
        assert!(!answer.header("retry-after").is_empty(), "a page keeps the headers of its error");
    }
    assert!(house.ask(&Ask::browse("/")).await.is_page());
}

#[tokio::test]
async fn only_who_asks_for_html_gets_html() {
    let house = House::open().await;
    let pages = [
        "text/html",
        "TEXT/HTML",
        "application/json;q=0.5, text/html;q=0.8",
        "text/html;level=1;q=0.3, */*;q=0.1",
        "text/html, application/json",
    ];
    let data = [
        "*/*",
        "text/*",
        "application/json",
        "text/html;q=0",
        "text/html;q=0.0",
        "text/html; Q=0.000, */*",
        "application/json, text/html;q=0.9",
        "application/problem+json, text/html;q=0.1",
        "text/html-not",
        "",
    ];
    for (accept, page) in pages.map(|accept| (accept, true)).into_iter().chain(data.map(|accept| (accept, false))) {
        let answer = house.ask(&Ask::get("/msg/nowhere").header("accept", accept)).await;
        assert_eq!(answer.is_page(), page, "Accept: {accept}");
        assert!(answer.header("vary").to_ascii_lowercase().contains("accept"), "caches must tell the two apart");
    }
    // Somebody who sends something is a program, or a form's script.
    let answer = house.ask(&Ask::post("/msg/nowhere").header("accept", "text/html")).await;
    assert_eq!(answer.header("content-type"), "application/json");
}
