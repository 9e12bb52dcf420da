//! What a client of speech sends, and what it waits for.

use http::Request;
use serde_json::{Value, json};
use shared::http::body;
use shared::speech::RENDER_SPEECH;
use tests::client::Answer;
use tests::stack::Stack;

/// POST of a JSON document.
pub(super) async fn post(stack: &Stack, path: &str, document: &Value) -> Answer {
    post_raw(stack, path, document.to_string()).await
}

/// POST of anything.
pub(super) async fn post_raw(stack: &Stack, path: &str, text: impl Into<bytes::Bytes>) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    stack.send(request.body(body::full(text)).unwrap()).await
}

/// Gives a route a plain text; the status and the word.
pub(super) async fn say(stack: &Stack, route_id: &str, text: &str) -> (u16, String) {
    let answer = post(stack, "/string_to_audio", &json!({ "route_id": route_id, "route_text": text })).await;
    (answer.status.as_u16(), answer.json()["msg"].as_str().expect("a word").to_owned())
}

/// How far a route is.
pub(super) async fn progress(stack: &Stack, route_id: &str) -> Answer {
    post(stack, "/get_track_for_route", &json!({ "route_id": route_id })).await
}

/// Waits until a route is no longer worked on.
pub(super) async fn finished(stack: &Stack, route_id: &str) -> Value {
    loop {
        let answer = progress(stack, route_id).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        if answer["msg"] != "PROCESSING" {
            return answer;
        }
        stack.work(&RENDER_SPEECH).await;
    }
}

/// Waits for a route's track; its link.
pub(super) async fn link(stack: &Stack, route_id: &str) -> String {
    let answer = finished(stack, route_id).await;
    assert_eq!(answer["msg"], "OK", "{answer}");
    answer["link"].as_str().expect("a link").to_owned()
}

/// Waits for a route's track; its bytes.
pub(super) async fn track(stack: &Stack, route_id: &str) -> bytes::Bytes {
    let link = link(stack, route_id).await;
    let answer = stack.get(&link).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body
}
