//! Contract section 3, line by line: routes and their tracks.

use http::Request;
use serde_json::{Value, json};
use shared::http::body;
use tests::contract;
use tests::stack::Stack;

use super::request::{finished, link, post, post_raw, progress, say, track};

/// A text nobody else asks for.
const TEXT: &str = "The train leaves at nine.";

contract! {
    async fn a_route_gets_a_track(stack: &Stack) {
        let text = "<p>Turn left <break time=\"300ms\"/> at the <emphasis>fountain</emphasis>.</p>";
        let answer = post(stack, "/route_to_audio", &json!({ "route_id": "tour 7", "route_text": text })).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "msg": "OK" })));
        let link = link(stack, "tour 7").await;
        let name = link.strip_prefix("/audio/").and_then(|name| name.strip_suffix(".mp3")).expect("a link");
        assert_eq!(name.len(), 22, "128 bits");
        let served = stack.get(&link).await;
        assert_eq!((served.status.as_u16(), served.header("content-type")), (200, "audio/mpeg"));
        assert_eq!(served.header("content-length"), served.body.len().to_string());
        assert_eq!(served.header("accept-ranges"), "bytes");
        assert_eq!(served.header("content-disposition"), format!("inline; filename=\"{name}.mp3\""));
        assert_eq!(served.header("x-content-type-options"), "nosniff");
        assert!(served.body.len() > 5_000, "{}", served.body.len());
        let part = stack.get_with(&link, &[("range", "bytes=100-199")]).await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &served.body[100..200]));
        assert_eq!(stack.get_with(&link, &[("if-none-match", served.header("etag"))]).await.status, 304);
        assert_eq!(stack.get_with(&link, &[("range", "bytes=99999999-")]).await.status, 416);
        let head = stack.head(&link).await;
        assert_eq!((head.header("content-length"), head.body.len()), (served.header("content-length"), 0));
        assert!(stack.keys("speech/queue/").await.is_empty(), "nothing is left to do");
    }

    async fn the_same_again_is_done_already(stack: &Stack) {
        assert_eq!(say(stack, "again", TEXT).await, (200, "OK".to_owned()));
        let first = link(stack, "again").await;
        assert_eq!(say(stack, "again", TEXT).await, (200, "ALREADY_DONE".to_owned()));
        // The same text by another way.
        let document = json!({ "route_id": "again", "route_json": { "a": [{ "text": TEXT }] } });
        let answer = post(stack, "/route_to_audio", &document).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "msg": "ALREADY_DONE" })));
        assert_eq!(link(stack, "again").await, first);
        assert_eq!(stack.keys("audio/").await.len(), 1);
    }

    async fn another_text_takes_the_place(stack: &Stack) {
        say(stack, "changing", "One.").await;
        let first = link(stack, "changing").await;
        assert_eq!(say(stack, "changing", "Two hundred and one, and some more.").await, (200, "OK".to_owned()));
        let second = link(stack, "changing").await;
        assert_ne!(first, second);
        assert!(stack.get(&second).await.body.len() > stack.get(&first).await.body.len());
        // And back: it is there.
        assert_eq!(say(stack, "changing", "One.").await, (200, "OK".to_owned()));
        assert_eq!(progress(stack, "changing").await.json(), json!({ "msg": "OK", "link": first }));
    }

    async fn routes_with_the_same_text_share_a_track(stack: &Stack) {
        say(stack, "left", TEXT).await;
        let left = link(stack, "left").await;
        assert_eq!(say(stack, "right", TEXT).await, (200, "OK".to_owned()));
        assert_eq!(link(stack, "right").await, left);
        assert_eq!(stack.keys("audio/").await.len(), 1);
        // One that goes elsewhere leaves the other its track.
        say(stack, "left", "Elsewhere.").await;
        assert_ne!(link(stack, "left").await, left);
        assert_eq!(link(stack, "right").await, left);
    }

    async fn a_track_that_is_damaged_is_rendered_again(stack: &Stack) {
        say(stack, "damaged", TEXT).await;
        let link = link(stack, "damaged").await;
        let whole = stack.get(&link).await.body;
        let key = link.trim_start_matches('/');
        stack.delete(key).await;
        assert_eq!(stack.get(&link).await.status, 404);
        assert_eq!(progress(stack, "damaged").await.json(), json!({ "msg": "PROCESSING" }));
        assert_eq!(track(stack, "damaged").await, whole);
        let mut other = whole.to_vec();
        other[200] ^= 1;
        for damage in [other, b"short".to_vec()] {
            stack.put(key, damage).await;
            // A request for the text notices it as well.
            assert_eq!(say(stack, "damaged", TEXT).await, (200, "OK".to_owned()));
            assert_eq!(track(stack, "damaged").await, whole);
        }
        // The same bytes are no damage, whoever put them.
        stack.put(key, whole).await;
        assert_eq!(say(stack, "damaged", TEXT).await, (200, "ALREADY_DONE".to_owned()));
    }

    async fn any_route_id_will_do(stack: &Stack) {
        let long = "é".repeat(256);
        let ids = ["/", "..", "../../x", "$$", "\"'`", "a b\u{0}c", "\u{1f600}", "%2f", "<b>", "x; rm -rf /", &*long];
        for id in ids {
            assert_eq!(say(stack, id, TEXT).await, (200, "OK".to_owned()), "{id:?}");
        }
        for id in ids {
            assert!(!link(stack, id).await.is_empty(), "{id:?}");
        }
        let keys = stack.keys("").await;
        assert!(keys.iter().all(|key| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte))));
        let list = stack.get("/api/speech?limit=100").await.json();
        let listed: Vec<_> = list["routes"].as_array().unwrap().iter().map(|row| row["route_id"].clone()).collect();
        let expected: Vec<Value> = ids.iter().rev().map(|id| (*id).into()).collect();
        assert_eq!(listed, expected, "those that changed last first");
    }

    async fn what_is_wrong_is_told(stack: &Stack) {
        let incomplete = "Please provide fields route_id and (route_json or route_text)";
        let (text, json_) = ("Invalid route_text", "Invalid route_json");
        let cases = [
            (json!({}), incomplete),
            (json!({ "route_id": "x" }), incomplete),
            (json!({ "route_text": "a" }), incomplete),
            (json!({ "route_id": "", "route_text": "a" }), incomplete),
            (json!({ "route_id": 7, "route_text": "a" }), incomplete),
            (json!({ "route_id": null, "route_text": "a" }), incomplete),
            (json!({ "route_id": "x", "route_text": null, "route_json": null }), incomplete),
            (json!({ "route_id": "x".repeat(257), "route_text": "a" }), "route_id must have 1-256 characters"),
            (json!({ "route_id": "x", "route_text": 7 }), text),
            (json!({ "route_id": "x", "route_text": ["a"] }), text),
            (json!({ "route_id": "x", "route_text": "<p>unclosed" }), text),
            (json!({ "route_id": "x", "route_text": "<script>a</script>" }), text),
            (json!({ "route_id": "x", "route_text": "fish & chips" }), text),
            (json!({ "route_id": "x", "route_text": "a\u{0}b" }), text),
            (json!({ "route_id": "x", "route_text": "<!DOCTYPE p [<!ENTITY e \"eee\">]><p>&e;</p>" }), text),
            (json!({ "route_id": "x", "route_json": "a" }), json_),
            (json!({ "route_id": "x", "route_json": [{ "text": "a" }] }), json_),
            (json!({ "route_id": "x", "route_json": {} }), "No text provided"),
            (json!({ "route_id": "x", "route_json": { "text": 7, "a": "text" } }), "No text provided"),
            (json!({ "route_id": "x", "route_text": "" }), "No text provided"),
            (json!({ "route_id": "x", "route_text": "<p> \u{1f600}\u{1f389} </p>" }), "No text provided"),
            (json!({ "route_id": "x", "route_text": "a".repeat(5001) }), "Too large text (> 5000 characters)"),
            (json!({ "route_id": "x", "route_json": { "text": "a".repeat(5001) } }), "Too large text (> 5000 characters)"),
            (json!({ "route_id": "x", "route_text": "a", "lang": "?" }), "Invalid lang"),
            (json!({ "route_id": "x", "route_text": "a", "lang": 7 }), "Invalid lang"),
            (json!({ "route_id": "x", "route_text": "a", "voice": {} }), "Invalid voice"),
        ];
        for (document, expected) in cases {
            let answer = post(stack, "/route_to_audio", &document).await;
            assert_eq!((answer.status.as_u16(), answer.json()), (400, json!({ "msg": expected })), "{document}");
        }
        let array = "[\"x\",\"Hello.\",null,null,null]";
        for text in ["", "null", "7", "[]", array, "\"x\"", "{", "{\"route_id\":\"x\",\"route_text\":\"\\ud800\"}", "\u{feff}{}"] {
            for path in ["/route_to_audio", "/string_to_audio", "/get_track_for_route"] {
                let answer = post_raw(stack, path, text.to_owned()).await;
                let expected = json!({ "msg": "Can not read passed json" });
                assert_eq!((answer.status.as_u16(), answer.json()), (400, expected), "{path} {text:?}");
            }
        }
        assert_eq!(say(stack, "x", "a\u{0}b").await, (400, text.to_owned()));
        assert_eq!(say(stack, "x", " \u{1f600} ").await, (400, "No text provided".to_owned()));
        assert_eq!(say(stack, "x", &"a".repeat(5001)).await.1, "Too large text (> 5000 characters)");
        let answer = post(stack, "/string_to_audio", &json!({ "route_id": "x", "route_json": { "text": "a" } })).await;
        assert_eq!((answer.status.as_u16(), answer.json()["msg"].as_str()), (400, Some(incomplete)));
        assert!(stack.keys("speech/").await.is_empty(), "nothing is kept of what was refused");
    }

    async fn a_paragraph_that_the_voice_cannot_read_does_not_break_the_others(stack: &Stack) {
        let body = "The Forbidden City is a palace in the middle of Beijing.";
        let document = json!({ "route_id": "mixed", "route_json": { "a": { "text": "故宫" }, "b": { "text": body } } });
        assert_eq!(post(stack, "/route_to_audio", &document).await.status, 200);
        assert!(track(stack, "mixed").await.len() > 10_000);
        // One of nothing else has no sound, and is not tried for ever.
        let document = json!({ "route_id": "none", "route_text": "故宫", "lang": "en" });
        assert_eq!(post(stack, "/route_to_audio", &document).await.status, 200);
        let broken = finished(stack, "none").await;
        assert_eq!((&broken["msg"], &broken["reason"]), (&json!("BROKEN"), &json!("flite made no sound")));
    }

    async fn as_much_as_is_allowed_is_spoken(stack: &Stack) {
        let text = "Again and again. ".repeat(294);
        let text = format!("{text}{}", "a".repeat(5000 - text.len()));
        assert_eq!(say(stack, "long", &text).await, (200, "OK".to_owned()));
        let tagged = format!("<p>{}</p>", &text[..4993]);
        let answer = post(stack, "/route_to_audio", &json!({ "route_id": "tagged", "route_text": tagged })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(track(stack, "long").await.len() > 1_000_000);
        for short in ["a", "7", "I"] {
            assert_eq!(say(stack, short, short).await, (200, "OK".to_owned()));
            assert!(!track(stack, short).await.is_empty());
        }
    }

    async fn progress_has_errors_of_its_own(stack: &Stack) {
        for document in [json!({}), json!({ "route_id": "" }), json!({ "route_id": 7 }), json!({ "route_id": null })] {
            let answer = post(stack, "/get_track_for_route", &document).await;
            let expected = json!({ "msg": "route_id is not passed" });
            assert_eq!((answer.status.as_u16(), answer.json()), (400, expected), "{document}");
        }
        let unknown = progress(stack, "nobody").await;
        assert_eq!((unknown.status.as_u16(), unknown.json()), (404, json!({ "msg": "NOT_FOUND" })));
        let wrong = stack.get("/get_track_for_route").await;
        assert_eq!((wrong.status.as_u16(), wrong.header("allow")), (405, "POST, OPTIONS"));
        assert!(wrong.json()["msg"].is_string());
        for name in ["unknown.mp3", "..%2f..%2fx.mp3", "x", ".mp3", "a%00.mp3", &format!("{}.mp3", "a".repeat(300))] {
            let answer = stack.get(&format!("/audio/{name}")).await;
            assert_eq!(answer.status, 404, "{name}");
            assert!(answer.json()["msg"].is_string(), "{name}");
        }
    }

    async fn a_body_that_is_too_large_is_413(stack: &Stack) {
        let large = format!("{{\"route_id\":\"x\",\"route_text\":\"{}\"}}", "a".repeat(2 << 20));
        let request = Request::post("/route_to_audio").header("content-length", large.len());
        let answer = stack.send(request.body(body::full(large)).unwrap()).await;
        assert_eq!(answer.status, 413);
        assert!(answer.json()["msg"].is_string());
    }

    async fn the_list_tells_how_far_each_is(stack: &Stack) {
        for (id, text) in [("one", TEXT), ("two", "Something else."), ("three", TEXT)] {
            say(stack, id, text).await;
        }
        for id in ["one", "two", "three"] {
            finished(stack, id).await;
        }
        // A route is listed once, where it changed last.
        say(stack, "one", "Something else.").await;
        finished(stack, "one").await;
        let first = stack.get("/api/speech?limit=2").await.json();
        assert_eq!(first["msg"], "OK");
        let rows = first["routes"].as_array().unwrap();
        assert_eq!((&rows[0]["route_id"], &rows[1]["route_id"], rows.len()), (&json!("one"), &json!("three"), 2));
        assert_eq!(rows[0]["state"], "OK");
        assert_eq!(rows[0]["text_hash"].as_str().unwrap().len(), 64);
        let bytes = stack.get(rows[0]["link"].as_str().unwrap()).await.body.len();
        assert_eq!(rows[0]["bytes"].as_u64(), Some(bytes as u64));
        assert!(rows[0]["seconds"].as_f64().unwrap() > 0.5, "{}", rows[0]);
        assert_eq!(rows[0]["language"], "en");
        let cursor = first["next"].as_str().expect("there is more");
        let second = stack.get(&format!("/api/speech?limit=2&cursor={cursor}")).await.json();
        assert_eq!(second["routes"][0]["route_id"], "two");
        assert_eq!((second["routes"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
        assert_eq!(second["routes"][0]["text_hash"], rows[0]["text_hash"], "the same text in the same voice");
        for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=c3BlZWNo"] {
            assert_eq!(stack.get(&format!("/api/speech?{query}")).await.status, 400, "{query}");
        }
        let statistics = &first["statistics"];
        assert!(statistics["routes"]["count"].is_u64() && statistics["tracks"]["bytes"].is_u64(), "{statistics}");
    }
}
