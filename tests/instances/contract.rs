//! Contract, section 5, through every door and on both stores.

use http::Method;
use serde_json::{Value, json};
use tests::contract;
use tests::stack::{Backend, Door, Stack};

use super::office::{Office, ask, at_once, log_in, utf8};

contract! {
    async fn an_instance_is_made_shown_and_deleted(office: &Office) {
        let redis = office.make("/redis", &json!({ "memory": "64" })).await;
        let mysql = office.make("/mysql", &utf8()).await;
        for (instance, uri) in [(&redis, "redis://:"), (&mysql, "mysql://root:")] {
            let id = instance["dockerId"].as_str().unwrap();
            assert!(id.len() == 12 && id.bytes().all(|digit| b"0123456789abcdef".contains(&digit)), "{id}");
            assert!(instance["pwd"].as_str().unwrap().len() >= 22, "128 bits and more");
            assert_eq!((&instance["status"], &instance["host"]), (&json!("ready"), &json!("127.0.0.1")));
            assert!(instance["uri"].as_str().unwrap().starts_with(uri) && instance["expires_at"].is_null(), "{instance}");
            let detail = office.detail(id).await;
            assert_eq!(detail.json(), json!({ "code": 200, "msg": "success", "data": instance }));
        }
        assert_eq!(log_in(&redis, "PING").unwrap(), "PONG");
        assert_eq!((&mysql["user"], log_in(&mysql, "SELECT 6 * 7").unwrap()), (&json!("root"), "42".to_owned()));
        for (list, instance) in [("/list/1", &mysql), ("/list/2", &redis)] {
            let listed = office.ask(Method::GET, list, &Value::Null).await;
            assert_eq!((listed.status.as_u16(), &listed.json()["data"]), (200, &json!([instance])));
        }
        for instance in [&redis, &mysql] {
            let id = instance["dockerId"].as_str().unwrap();
            office.delete(id).await;
            assert_eq!(office.detail(id).await.status, 404);
        }
        assert_eq!(office.objects().await, [""; 0], "nothing is left in the store");
        assert_eq!(office.containers(), [""; 0], "nor in Docker");
    }

    async fn who_may_not_is_told_so(office: &Office) {
        let made = office.make("/redis", &json!({ "memory": 64 })).await;
        let id = made["dockerId"].as_str().unwrap();
        let detail = format!("/detail/{id}");
        let (restart, rotate) = (format!("{detail}/restart"), format!("{detail}/rotate-password"));
        let calls = [
            (Method::GET, &detail), (Method::DELETE, &detail), (Method::POST, &restart), (Method::POST, &rotate),
        ];
        for (method, path) in calls {
            for headers in [&[][..], &[("authorization", "nobody")], &[("authorization", "Bearer ")]] {
                let answer = ask(office.stack(), method.clone(), path, &Value::Null, headers).await;
                assert_eq!(answer.status, 401, "{method} {path}");
                assert_eq!(answer.json(), json!({ "code": 401, "msg": "An API key is missing or not known.", "data": null }));
            }
            let unknown = path.replace(id, "0123456789ab");
            let foreign = ask(office.stack(), method.clone(), path, &Value::Null, &[("authorization", "Bearer key-2")]).await;
            let nothing = ask(office.stack(), method, &unknown, &Value::Null, &[("authorization", "Bearer key-2")]).await;
            assert_eq!((foreign.status.as_u16(), foreign.json()), (404, nothing.json()), "both the same");
        }
        let others = ask(office.stack(), Method::GET, "/list/2", &Value::Null, &[("authorization", "key-2")]).await;
        assert_eq!(others.json()["data"], json!([]));
        assert_eq!(log_in(&made, "PING").unwrap(), "PONG", "it is as it was");
    }

    async fn what_cannot_be_made_is_refused(office: &Office) {
        let text = |text: &str| Value::String(text.to_owned());
        let mysql = [
            json!({}), json!({ "charset": "utf9", "collection": "utf9_general_ci" }), json!([]), text("x"),
            json!({ "charset": "utf8", "collection": "latin1_swedish_ci" }),
            json!({ "charset": "utf8", "collection": "utf8_general_ci; touch /x" }),
            json!({ "charset": "$(id)", "collection": "`id`" }),
        ];
        let redis = [0, -1, 63, 4097, 1_000_000_000].map(|memory: i64| json!({ "memory": memory }));
        let redis = redis.into_iter().chain(["abc", "", "64; id", "64 || id"].map(|memory| json!({ "memory": memory })));
        let calls = mysql.into_iter().map(|body| ("/mysql", body)).chain(redis.map(|body| ("/redis", body)));
        for (path, body) in calls.chain([("/mysql", Value::Null), ("/redis", Value::Null), ("/redis", json!({}))]) {
            let answer = office.ask(Method::POST, path, &body).await;
            let told = answer.json();
            assert_eq!((answer.status.as_u16(), &told["code"]), (400, &json!(400)), "{path} {body}: {told}");
            assert!(told["msg"].as_str().is_some_and(|msg| !msg.is_empty()) && told["data"].is_null(), "{told}");
        }
        for (path, key) in [("/list/3", "key-1"), ("/list/mysql", "key-1"), ("/detail/..%2F..%2Fx", "key-1")] {
            let answer = ask(office.stack(), Method::GET, path, &Value::Null, &[("authorization", key)]).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!(404)), "{path}");
        }
        let answer = office.ask(Method::PUT, "/mysql", &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow"), &answer.json()["code"]), (405, "POST, OPTIONS", &json!(405)));
        let long = "x".repeat(70_000);
        assert_eq!(office.ask(Method::POST, "/mysql", &json!({ "charset": long })).await.status, 413);
        assert_eq!((office.objects().await, office.containers()), (vec![], vec![]), "nothing is made");
    }

    async fn a_key_makes_a_request_repeatable(office: &Office) {
        let body = json!({ "memory": 64 });
        let headers = [("authorization", "key-1"), ("idempotency-key", "order 66")];
        let asked = (0..8).map(|_| ask(office.stack(), Method::POST, "/redis", &body, &headers));
        let answers = at_once(asked).await;
        let first = answers[0].json();
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.json() == first), "{first}");
        for (path, other) in [("/redis", json!({ "memory": 65 })), ("/mysql", utf8())] {
            let answer = ask(office.stack(), Method::POST, path, &other, &headers).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (422, &json!(422)));
        }
        assert_eq!(office.ask(Method::GET, "/list/2", &Value::Null).await.json()["data"].as_array().unwrap().len(), 1);
        // The same key of somebody else is another one.
        let headers = [("authorization", "key-2"), ("idempotency-key", "order 66")];
        let other = ask(office.stack(), Method::POST, "/redis", &body, &headers).await.json();
        assert_ne!(other["data"]["dockerId"], first["data"]["dockerId"]);
        assert_eq!(office.containers().len(), 2);
        let long = "x".repeat(256);
        for key in ["", &long] {
            let headers = [("authorization", "key-1"), ("idempotency-key", key)];
            assert_eq!(ask(office.stack(), Method::POST, "/redis", &body, &headers).await.status, 400);
        }
    }

    async fn the_quota_holds(office: &Office) {
        let headers = [("authorization", "key-2")];
        let body = json!({ "memory": 64 });
        let asked = (0..6).map(|_| ask(office.stack(), Method::POST, "/redis", &body, &headers));
        let answers = at_once(asked).await;
        let all = format!("{:?}", answers.iter().map(|answer| (answer.status, answer.text())).collect::<Vec<_>>());
        let (refused, granted): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 429);
        assert_eq!((granted.len(), refused.len()), (2, 4), "{all}");
        let refusal = json!({ "code": 429, "msg": "You may have at most 2 instances", "data": null });
        assert!(refused.iter().all(|answer| answer.json() == refusal), "{all}");
        let mut instances = Vec::new();
        for answer in granted {
            instances.push(office.made(answer, "key-2").await);
        }
        assert_eq!(office.containers().len(), 2);
        let path = format!("/detail/{}", instances[0]["dockerId"].as_str().unwrap());
        assert_eq!(ask(office.stack(), Method::DELETE, &path, &Value::Null, &headers).await.status, 200);
        // There is room again.
        office.made(ask(office.stack(), Method::POST, "/redis", &body, &headers).await, "key-2").await;
    }
}

#[tokio::test]
async fn demo_users_are_let_in_where_they_are_wanted() {
    for (arguments, status) in [(&["--demo-users"][..], 200), (&[], 401)] {
        let Some(stack) = Stack::with(Door::Program, Backend::Embedded, arguments).await else { return };
        for user in ["user1", "user2", "user3"] {
            let answer = ask(&stack, Method::GET, "/list/1", &Value::Null, &[("authorization", user)]).await;
            assert_eq!(answer.status, status, "{user}");
        }
    }
}
