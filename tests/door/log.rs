//! What the log says: one access line a request, one error line a failure, with the cause.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use http::Method;
use shared::app::App;
use shared::endpoints::ALL;
use shared::http::Endpoint;
use shared::pages::FALLBACK;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::fixture::{Ask, House, ID, config};
use super::table::SECRET;

/// Keeps every event of this project as a line: level, target, then the fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && (metadata.target().starts_with("shared") || metadata.target() == "access")
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What was logged while `ask` was answered, directly and on this thread.
async fn logged(ask: &Ask) -> Vec<String> {
    logged_in(House::open().await, ask).await
}

async fn logged_in(house: House, ask: &Ask) -> Vec<String> {
    let lines = Lines::default();
    let guard = tracing::subscriber::set_default(lines.clone());
    drop(house.direct(ask).await);
    drop(guard);
    let lines = lines.0.lock().unwrap();
    lines.clone()
}

#[tokio::test]
async fn a_request_is_one_line_with_its_identifiers() {
    let lines = logged(&Ask::get("/streamed").header("authorization", "k-alice")).await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for part in ["INFO access", "answered", ID, "GET", "path=/streamed", "status=200", "sent=4"] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
    assert!(!line.contains("k-alice"));
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_cause() {
    for path in ["/plain/fail/internal", "/msg/fail/unavailable", "/ret/panic", "/code/panic-early"] {
        let lines = logged(&Ask::get(path)).await;
        let [error, access] = &lines[..] else { panic!("{lines:?}") };
        assert!(error.starts_with("ERROR ") && error.contains(SECRET) && error.contains(ID), "{error}");
        assert!(access.starts_with("INFO access ") && !access.contains(SECRET), "{access}");
    }
    // The caller's own mistake with a cause underneath is worth a warning, without one nothing.
    let lines = logged(&Ask::get("/plain/fail/invalid")).await;
    assert!(
        matches!(&lines[..], [warning, _] if warning.starts_with("WARN ") && warning.contains(SECRET)),
        "{lines:?}"
    );
    assert_eq!(logged(&Ask::get("/nowhere")).await.len(), 1);
}

#[tokio::test]
async fn a_broken_body_is_logged_as_broken() {
    for path in ["/broken", "/broken-sized", "/short"] {
        let lines = logged(&Ask::get(path)).await;
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line.contains("WARN access") && line.contains("broken off"), "{path}: {line}");
    }
}

#[tokio::test]
async fn a_path_cannot_forge_a_line() {
    let lines = logged(&Ask::get("/nowhere\u{2028}\u{85}WARN")).await;
    assert!(lines.iter().all(|line| !line.contains(['\u{2028}', '\u{85}'])), "{lines:?}");
}

/// Neither by the functions of the paths, nor by the one that answers where there is none.
#[tokio::test]
async fn what_is_a_permission_is_not_logged() {
    let secret = "q3hXk0m2SFWv6m3o8nq5Zg";
    // The first digits of what `printf q3hXk0m2SFWv6m3o8nq5Zg | sha256sum` says.
    let digest = "26e1c253";
    let patterns = ALL.iter().flat_map(|endpoint| endpoint.paths);
    let secrets: Vec<_> = patterns.filter(|path| path.contains("{id}") || path.contains("{hash}")).collect();
    assert!(secrets.len() > 5);
    const TABLES: [&[&Endpoint]; 2] = [ALL, &[&FALLBACK]];
    for (table, pattern) in TABLES.into_iter().flat_map(|table| secrets.iter().map(move |pattern| (table, pattern))) {
        let path = pattern.replace("{id}", secret).replace("{hash}", secret);
        for (method, path) in
            [("GET", path.clone()), ("HEAD", path.clone()), ("PUT", path.clone()), ("GET", path + "/x")]
        {
            let ask = Ask::new(Method::from_bytes(method.as_bytes()).unwrap(), &*path);
            let lines = logged_in(House::with(App::new(config()), table).await, &ask).await;
            let shown = path.replace(secret, &format!("sha256:{digest}"));
            for line in &lines {
                assert!(line.contains(&format!("path={shown}")) && !line.contains(secret), "{line}");
            }
            assert!(!lines.is_empty());
        }
    }
    for path in ["/files/", "/files", "/static/files.js", "/archives/x"] {
        let lines = logged_in(House::with(App::new(config()), ALL).await, &Ask::get(path)).await;
        assert!(lines.iter().all(|line| line.contains(&format!("path={path}"))), "{lines:?}");
    }
}
