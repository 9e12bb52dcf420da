//! The descriptive endpoints: heart beat, health, the OpenAPI document and its page, the fallback.

mod form;
mod instances;
mod language;
mod numbers;
mod speech;

use std::collections::BTreeSet;

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::app::App;
use shared::endpoints::ALL;
use shared::pages;
use shared::storage::{Storage, Transport};
use tokio::net::TcpListener;

use crate::door::fixture::{Answer, Ask, House, config};

async fn house() -> House {
    House::with(App::new(config()), ALL).await
}

/// A server with nothing but the fallback, as the cloud's default route has it.
async fn fallback() -> House {
    House::with(App::new(config()), &[&pages::FALLBACK]).await
}

async fn document() -> Value {
    house().await.ask(&Ask::get("/openapi.json")).await.json()
}

#[tokio::test]
async fn the_heart_beats_whatever_is_sent() {
    let house = house().await;
    let asks = [
        Ask::get("/heart_beat"),
        Ask::browse("/heart_beat"),
        Ask::post("/heart_beat"),
        Ask::post("/heart_beat").body("{not json"),
        Ask::post("/heart_beat").body(vec![0xff; 1000]),
        Ask::post("/heart_beat").chunks(&["a", "b"]),
    ];
    for ask in asks {
        let answer = house.ask(&ask).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "msg": "heart_beat" })));
    }
    let large = house.direct(&Ask::post("/heart_beat").body(vec![0; 1 << 20])).await;
    assert_eq!(large.json(), json!({ "msg": "heart_beat" }));
    let other = house.ask(&Ask::new(Method::PUT, "/heart_beat")).await;
    assert_eq!((other.status.as_u16(), other.header("allow")), (405, "GET, HEAD, POST, OPTIONS"));
    assert!(other.json()["msg"].is_string(), "it speaks the dialect of its clients");
    assert!(house.ask(&Ask::get("/heart_beat/x")).await.json()["msg"].is_string());
}

#[tokio::test]
async fn health_is_starting_until_the_store_is_reached() {
    let answer = house().await.ask(&Ask::get("/health")).await;
    let found = answer.json();
    assert_eq!((answer.status.as_u16(), &found["status"]), (503, &json!("unavailable")));
    assert_eq!(found["dependencies"]["store"], json!({ "state": "starting" }));
    assert_eq!(found["dependencies"]["speech"]["engines"]["flite"], "ok");
    // A load balancer reads no page.
    assert_eq!(house().await.ask(&Ask::browse("/health")).await.header("content-type"), "application/json");
}

#[tokio::test]
async fn health_is_unavailable_in_bounded_time_while_the_store_is_silent() {
    // Connections are accepted by the system and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config();
    config.s3_endpoint = Some(format!("http://{}", silent.local_addr().unwrap()));
    let storage = Storage::connect(&config, Transport::Network).await;
    let house = House::with(App::with_storage(config, storage), ALL).await;
    let asked = std::time::Instant::now();
    let answer = house.wire(&Ask::get("/health")).await;
    let found = answer.json();
    assert_eq!((answer.status.as_u16(), &found["status"]), (503, &json!("unavailable")));
    assert_eq!(found["dependencies"]["store"], json!({ "state": "unavailable" }));
    assert_eq!(found["dependencies"]["speech"]["engines"]["flite"], "ok");
    assert!(asked.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn the_document_names_the_host_it_was_fetched_from() {
    assert_eq!(document().await["servers"], json!([{ "url": "http://pannier.test" }]));
    let mut config = config();
    config.public_url = Some("https://files.example/".to_owned());
    let house = House::with(App::new(config), ALL).await;
    let document = house.ask(&Ask::get("/openapi.json")).await.json();
    assert_eq!(document["servers"], json!([{ "url": "https://files.example" }]));
}

#[tokio::test]
async fn the_document_is_sound() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    walk(&document, &mut |value| {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
        }
    });
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}: its id is taken");
        assert!(tags.contains(&&operation["tags"][0]), "{method} {path} would be missing on the page");
        let in_path = path.matches('{').count();
        let item = &document["paths"][path];
        let described = item["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(in_path, described, "{path}: one description for each parameter of the path");
    }
}

#[tokio::test]
async fn every_answer_is_one_that_the_document_describes() {
    let (house, document) = (house().await, document().await);
    for (path, method, operation) in operations(&document) {
        if path.starts_with("/archive/") {
            continue; // Needs a store: the archive's own tests.
        }
        let ask = |target: &str| Ask::new(method.to_uppercase().parse().unwrap(), target);
        let answers = [house.ask(&ask(path)).await, house.ask(&ask(path).header("accept", "text/html")).await];
        for answer in answers {
            let described = &operation["responses"][answer.status.as_str()];
            assert!(described.is_object(), "{method} {path} answers {}, which is not described", answer.status);
            holds(&document, described, &answer);
        }
    }
    let missing = house.ask(&Ask::get("/nowhere")).await;
    holds(&document, &document["components"]["responses"]["Problem"], &missing);
}

/// Holds an answer to its description: header names, content type, schema.
fn holds(document: &Value, described: &Value, answer: &Answer) {
    let described = resolve(document, described);
    for name in described["headers"].as_object().into_iter().flatten().map(|(name, _)| name.to_lowercase()) {
        assert!(answer.headers.contains_key(&name), "{name} is described and not sent");
    }
    let Some(content) = described.get("content") else {
        assert!(answer.text().is_empty(), "a body is sent and not described");
        return;
    };
    let kind = answer.header("content-type").split(';').next().unwrap();
    let media = &content[kind];
    assert!(media.is_object(), "{kind} is sent and not described");
    if kind.ends_with("json") {
        fits(document, &media["schema"], &answer.json());
    }
}

/// As much of JSON Schema as the document uses: type, required, properties, enum.
fn fits(document: &Value, schema: &Value, value: &Value) {
    let schema = resolve(document, schema);
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "null" => value.is_null(),
        other => panic!("no check for {other}"),
    };
    let right = schema["type"].as_array().map_or_else(|| is(&schema["type"]), |kinds| kinds.iter().any(is));
    assert!(right, "{value} is no {}", schema["type"]);
    assert!(
        schema["enum"].as_array().is_none_or(|words| words.contains(value)),
        "{value} is none of {}",
        schema["enum"]
    );
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.is_null() || value.get(name.as_str().unwrap()).is_some(), "{name} is missing in {value}");
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(property) = schema["properties"].get(name) {
            fits(document, property, value);
        } else {
            assert!(schema.get("properties").is_none(), "{name} is sent and not described");
        }
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().map_or(value, |reference| document.pointer(&reference[1..]).unwrap())
}

/// Path, method, operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters");
            methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

fn walk(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, look)),
        _ => {}
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_every_schema() {
    let (house, document) = (house().await, document().await);
    let page = house.ask(&Ask::browse("/docs")).await;
    assert!(page.is_page());
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let page = page.text();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(
            page.contains(&format!("<h3 id=\"{id}\"><code>{} {path}</code>", method.to_uppercase())),
            "{method} {path}"
        );
        for status in operation["responses"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("<th scope=\"row\">{status}</th>")), "{method} {path} {status}");
        }
    }
    for schema in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("id=\"schema-{schema}\"")), "{schema}");
    }
    for parameter in ["If-None-Match", "If-Range", "name"] {
        assert!(page.contains(&format!("<code>{parameter}</code>")), "{parameter}");
    }
    for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{link}\"")), "#{link} leads nowhere");
    }
    // An address may be shown, as in an example; nothing may be loaded from it.
    for forbidden in ["<script", "=\"http", "=\"//", "url(", "@import", " style=", " onclick", "$ref"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn the_fallback_answers_as_the_whole_table_would() {
    let (house, fallback) = (house().await, fallback().await);
    let paths = [
        "/nowhere",
        "/heart_beat/x",
        "/heart_beat/%ff",
        "/heart_beat",
        "/health",
        "/docs/",
        "/openapi.json",
        "/",
        "//",
        "/%2F",
    ];
    let methods =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE];
    let mut missed = 0;
    for path in paths {
        for method in &methods {
            for accept in ["*/*", "text/html"] {
                let ask = Ask::new(method.clone(), path).header("accept", accept).header("origin", "https://a.example");
                let (whole, alone) = (house.ask(&ask).await, fallback.ask(&ask).await);
                if !matches!(whole.status.as_u16(), 404 | 405) && *method != Method::OPTIONS {
                    // It has a function of its own, at another address: here there is nothing.
                    assert_eq!(alone.status, 404, "{method} {path}");
                    continue;
                }
                missed += 1;
                same(&whole, &alone, &format!("{method} {path}"));
            }
        }
    }
    assert!(missed > 50);
    let large = fallback.direct(&Ask::new(Method::PUT, "/health").body(vec![0; 1 << 20])).await;
    assert_eq!(large.status, 405, "the length of the body does not hide what is wrong");
}

#[test]
fn the_fallback_agrees_with_the_table_on_any_path() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (house, fallback) = runtime.block_on(async { (house().await, fallback().await) });
    proptest!(|(path in "/(heart_beat|health|docs|archive)?/?[a-z%0-9./]{0,12}")| {
        let ask = Ask::new(Method::DELETE, path.clone());
        let (whole, alone) = runtime.block_on(async { (house.direct(&ask).await, fallback.direct(&ask).await) });
        same(&whole, &alone, &path);
    });
}

fn same(one: &Answer, other: &Answer, of: &str) {
    assert_eq!(one.status, other.status, "{of}");
    assert_eq!(one.body, other.body, "{of}");
    let named = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("date");
        headers
    };
    assert_eq!(named(one), named(other), "{of}");
}
