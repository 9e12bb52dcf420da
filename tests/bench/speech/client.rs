//! The server, and what a client asks it.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};
use shared::config::variable;
use shared::http::body;
use tempfile::TempDir;
use tests::client::{self, Client, read};
use tests::program::Program;

/// How often it is asked whether a track is done.
const PAUSE: Duration = Duration::from_millis(5);

/// Pannier with the store inside.
pub(super) struct Pannier {
    program: Program,
    client: Client,
    _folder: TempDir,
}

impl Pannier {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = variable("PATH").unwrap_or_default();
        let program = Program::start(&folder.path().join("data"), &["--quiet"], &[("PATH", &path)]).await;
        program.wait_until_ready().await;
        Self { program, client: client::client(), _folder: folder }
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub(super) async fn open(&self, path: &str, document: &Value) -> Response<Incoming> {
        let request = Request::post(format!("{}{path}", self.program.url())).header("content-type", "application/json");
        let request = request.body(body::full(document.to_string())).expect("a request");
        let response = self.client.request(request).await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        response
    }

    async fn ask(&self, path: &str, document: &Value) -> Value {
        read(self.open(path, document).await.map(body::boxed)).await.json()
    }

    /// Gives a route a text.
    pub(super) async fn say(&self, route: &str, text: &str) {
        let answer = self.ask("/string_to_audio", &json!({ "route_id": route, "route_text": text })).await;
        assert_eq!(answer["msg"], "OK");
    }

    /// Waits for its track; the link.
    pub(super) async fn finished(&self, route: &str) -> String {
        loop {
            let answer = self.ask("/get_track_for_route", &json!({ "route_id": route })).await;
            if answer["msg"] != "PROCESSING" {
                assert_eq!(answer["msg"], "OK", "{answer}");
                return answer["link"].as_str().expect("a link").to_owned();
            }
            // It is asked as a client would, who does not use up the processor.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How long its track lasts.
    pub(super) async fn seconds(&self, route: &str) -> f64 {
        let link = self.finished(route).await;
        let request = client::get(&format!("{}{link}", self.program.url()));
        let answer = read(self.client.request(request).await.expect("an answer").map(body::boxed)).await;
        super::pipeline::seconds(&answer.body).await
    }
}
