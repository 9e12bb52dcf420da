//! The life of routes and renders: many at once, changed in flight, failing, cut short, in two programs.

use futures_util::{StreamExt, stream};
use serde_json::json;
use shared::speech::RENDER_SPEECH;
use tests::stack::{Backend, Door, Settings, Stack};

use super::request::{finished, link, post, progress, say, track};
use super::scripted::Scripted;

/// Longer than any test makes an engine wait, in seconds.
const PATIENT: u32 = 60;

async fn stack(backend: Backend, engine: &Scripted) -> Option<Stack> {
    limited(backend, engine, PATIENT).await
}

async fn limited(backend: Backend, engine: &Scripted, seconds: u32) -> Option<Stack> {
    let document = engine.document(seconds);
    Stack::configured(Door::Program, backend, Settings { document: &document, ..Settings::default() }).await
}

/// Every object of speech that stands for something under way.
async fn under_way(stack: &Stack) -> Vec<String> {
    stack.keys("speech/queue/").await
}

/// Gives routes their texts, all at the same time.
async fn say_at_once(stack: &Stack, asked: &[(&str, &str)]) -> Vec<(u16, String)> {
    let answers = asked.iter().map(|(route, text)| say(stack, route, text));
    stream::iter(answers).buffered(asked.len()).collect().await
}

async fn the_same_at_once(backend: Backend) {
    let Some(engine) = Scripted::new() else { return };
    let Some(stack) = stack(backend, &engine).await else { return };
    engine.close();
    let same = say_at_once(&stack, &[("same", "Say 3 once."); 50]).await;
    let new = same.iter().filter(|answer| **answer == (200, "OK".to_owned())).count();
    let known = same.iter().filter(|answer| **answer == (201, "ALREADY_HAVE_TASK".to_owned())).count();
    assert_eq!((new, known), (1, 49), "{same:?}");
    let routes: Vec<String> = (0..50).map(|index| format!("route {index}")).collect();
    let others: Vec<_> = routes.iter().map(|route| (&**route, "Say 3 once.")).collect();
    let others = say_at_once(&stack, &others).await;
    assert!(others.iter().all(|answer| *answer == (200, "OK".to_owned())), "{others:?}");
    engine.wait_for(1).await;
    engine.open();
    let first = link(&stack, "same").await;
    for route in &routes {
        assert_eq!(link(&stack, route).await, first);
    }
    assert_eq!(engine.begun(), ["Say 3 once."], "spoken once");
    assert_eq!(say(&stack, "same", "Say 3 once.").await, (200, "ALREADY_DONE".to_owned()));
    assert_eq!(stack.keys("audio/").await.len(), 1);
    assert_eq!(stack.keys("speech/wants/").await.len(), 51, "one for each route");
    assert!(under_way(&stack).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_is_spoken_once() {
    the_same_at_once(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_is_spoken_once_on_minio() {
    the_same_at_once(Backend::Minio).await;
}

async fn changed_in_flight(backend: Backend) {
    let Some(engine) = Scripted::new() else { return };
    let Some(stack) = stack(backend, &engine).await else { return };
    engine.close();
    for number in 1..=20 {
        assert_eq!(say(&stack, "changing", &format!("Say {number}.")).await, (200, "OK".to_owned()));
        assert_eq!(progress(&stack, "changing").await.json(), json!({ "msg": "PROCESSING" }));
    }
    // What was begun before is stopped while it waits.
    while engine.begun().last().is_none_or(|last| last != "Say 20.") || engine.processes() != 1 {
        tokio::task::yield_now().await;
    }
    engine.open();
    let link = link(&stack, "changing").await;
    let row = stack.get("/api/speech").await.json()["routes"][0].clone();
    assert_eq!((&row["link"], &row["seconds"]), (&json!(link), &json!(5.0)), "only the last is told: {row}");
    assert_eq!(stack.keys("audio/").await, [link.trim_start_matches('/')], "no other track is kept");
    assert!(under_way(&stack).await.is_empty());
    // One that was cancelled is made when it is wanted again.
    say(&stack, "changing", "Say 4.").await;
    finished(&stack, "changing").await;
    let row = stack.get("/api/speech").await.json()["routes"][0].clone();
    assert_eq!((&row["state"], &row["seconds"]), (&json!("OK"), &json!(1.0)), "{row}");
    engine.wait_until_gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_text_is_served() {
    changed_in_flight(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_text_is_served_on_minio() {
    changed_in_flight(Backend::Minio).await;
}

/// Twenty texts for one route, all at the same time, beside another route that wants one of them.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_come_at_the_same_time_end_as_one() {
    let Some(engine) = Scripted::new() else { return };
    let Some(stack) = stack(Backend::Embedded, &engine).await else { return };
    let texts: Vec<String> = (1..=20).map(|number| format!("Say {number}.")).collect();
    let asked = texts.iter().map(|text| async {
        let route = say(&stack, "crowded", text).await;
        (route, say(&stack, "calm", "Say 7.").await)
    });
    let asked: Vec<_> = stream::iter(asked).buffer_unordered(20).collect().await;
    assert!(asked.iter().all(|(crowded, calm)| crowded.0 == 200 && matches!(calm.0, 200 | 201)), "{asked:?}");
    let last = link(&stack, "crowded").await;
    let calm = link(&stack, "calm").await;
    let list = stack.get("/api/speech").await.json();
    let rows = list["routes"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "each route once: {rows:?}");
    assert!(rows.iter().all(|row| row["link"] == json!(last) || row["link"] == json!(calm)));
    let calm = rows.iter().find(|row| row["route_id"] == "calm").unwrap();
    assert_eq!(calm["seconds"], json!(1.75));
    assert_eq!(stack.keys("speech/wants/").await.len(), 2, "a want for each route");
    while !under_way(&stack).await.is_empty() {}
    engine.wait_until_gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_and_then_told() {
    let Some(engine) = Scripted::new() else { return };
    let Some(stack) = limited(Backend::Embedded, &engine, 2).await else { return };
    engine.fail(true);
    say(&stack, "failing", "Say 2.").await;
    let broken = finished(&stack, "failing").await;
    assert_eq!(broken["msg"], "BROKEN");
    assert_eq!(broken["reason"], "scripted ended with status 3");
    assert_eq!(engine.begun().len(), 3, "it was tried again");
    let row = stack.get("/api/speech").await.json()["routes"][0].clone();
    assert_eq!((&row["state"], &row["reason"]), (&json!("BROKEN"), &broken["reason"]));
    assert!(under_way(&stack).await.is_empty());
    // The next request tries again.
    engine.fail(false);
    assert_eq!(say(&stack, "failing", "Say 2.").await, (200, "OK".to_owned()));
    assert!(!track(&stack, "failing").await.is_empty());
    // One that hangs is stopped, as often as it is tried.
    engine.close();
    say(&stack, "hanging", "Say 6.").await;
    let broken = finished(&stack, "hanging").await;
    assert_eq!(broken["msg"], "BROKEN");
    assert!(broken["reason"].as_str().unwrap().contains("scripted"), "{broken}");
    assert_eq!(engine.begun().iter().filter(|text| *text == "Say 6.").count(), 3);
    engine.wait_until_gone().await;
    assert!(!tests::program::log(&stack.data()).contains("Say 6"), "no text in the log");
}

/// In the cloud the news of a ticket is what makes a function render, and a ticket that is over is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn news_of_a_ticket_is_enough_for_a_function() {
    let Some(stack) = Stack::start(Door::Functions, Backend::Embedded).await else { return };
    say(&stack, "told", "The news is good.").await;
    let tickets = under_way(&stack).await;
    assert_eq!(tickets.len(), 1, "{tickets:?}");
    for _ in 0..2 {
        assert_eq!(stack.tell(&RENDER_SPEECH, &tickets[0]).await, json!([]));
        assert_eq!(progress(&stack, "told").await.json()["msg"], "OK");
        assert!(under_way(&stack).await.is_empty());
    }
    assert_eq!(stack.tell(&RENDER_SPEECH, "speech/queue/x").await, json!([]), "nothing of ours");
}

async fn killed(backend: Backend) {
    let Some(engine) = Scripted::new() else { return };
    let Some(mut stack) = stack(backend, &engine).await else { return };
    let mut accepted = Vec::new();
    for round in 0..6_usize {
        for index in 0..8 {
            let route = format!("route {round} {index}");
            let answer = say(&stack, &route, &format!("Say {}.", 1 + round * 8 + index)).await;
            assert_eq!(answer, (200, "OK".to_owned()));
            accepted.push(route);
        }
        // At another moment of the work each time.
        engine.wait_for(engine.begun().len() + round % 3).await;
        stack = stack.killed_and_started().await;
    }
    for (index, route) in accepted.iter().enumerate() {
        let done = finished(&stack, route).await;
        assert_eq!(done["msg"], "OK", "{route}: {done}");
        let progress = stack.get(done["link"].as_str().unwrap()).await;
        assert_eq!(progress.status, 200);
        // 16 kHz at 48 kbit/s, and the tag.
        assert!(progress.body.len() > (index + 1) * 1_400, "the whole of it");
    }
    assert_eq!(stack.keys("audio/").await.len(), accepted.len());
    assert!(under_way(&stack).await.is_empty());
    engine.wait_until_gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_no_text() {
    killed(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_no_text_on_minio() {
    killed(Backend::Minio).await;
}

/// Two programs over one bucket share the work; what one leaves when it is killed, the other takes.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_share_the_work() {
    let Some(engine) = Scripted::new() else { return };
    let Some(stack) = stack(Backend::Minio, &engine).await else { return };
    let other = stack.beside().await;
    engine.close();
    let routes: Vec<String> = (1..=4).map(|number| format!("shared {number}")).collect();
    for (index, route) in routes.iter().enumerate() {
        say(if index % 2 == 0 { &stack } else { &other }, route, &format!("Say {}.", index + 1)).await;
    }
    engine.wait_for(4).await;
    drop(other);
    engine.open();
    for route in &routes {
        track(&stack, route).await;
    }
    let mut begun = engine.begun();
    begun.sort();
    begun.dedup();
    assert_eq!(begun, ["Say 1.", "Say 2.", "Say 3.", "Say 4."]);
    assert!(under_way(&stack).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_routes_at_once_are_all_done() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    let routes: Vec<String> = (0..100).map(|index| format!("Route {index} of one hundred.")).collect();
    let asked: Vec<_> = routes.iter().map(|route| (&**route, &**route)).collect();
    let asked = say_at_once(&stack, &asked).await;
    assert!(asked.iter().all(|answer| answer.0 == 200), "{asked:?}");
    for route in &routes {
        assert!(track(&stack, route).await.len() > 2_000);
    }
    assert_eq!(stack.keys("audio/").await.len(), 100);
    let answer = post(&stack, "/get_track_for_route", &json!({ "route_id": routes[0] })).await;
    assert_eq!(answer.json()["msg"], "OK");
}
