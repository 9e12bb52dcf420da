//! The function binaries behind a gateway: each request goes to the one that serves it, in the way that the template
//! declares, as an event of whoever's turn it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use shared::endpoints;
use shared::http::{Body, find};
use tokio::sync::Mutex;

use crate::binaries::binary;
use crate::harness::{Event, Failure, Function, Mode};
use crate::rights::Rights;
use crate::template::Template;

/// The functions of a stack, each started when it is needed first.
pub struct Functions {
    variables: Vec<(String, String)>,
    /// The store, where each function may do with it what its policy says and no more.
    guarded: Option<String>,
    running: Mutex<HashMap<&'static str, Arc<Function>>>,
    /// Of the requests so far, and of the test's name: who sends the next event.
    turn: AtomicUsize,
}

impl Functions {
    /// None runs yet. `variables` are set for each. With the store `guarded` each may do what its policy in the template says.
    pub fn new(variables: Vec<(String, String)>, guarded: Option<&str>) -> Self {
        let guarded = guarded.map(str::to_owned);
        Self { variables, guarded, running: Mutex::default(), turn: AtomicUsize::new(first_turn()) }
    }

    /// Sends a request as the event of whoever's turn it is, so that a test goes through all kinds of them.
    /// `PANNIER_EVENT` names one for all requests, where it can be. A failed test shows who asked.
    pub async fn open(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        static WANTED: LazyLock<Option<String>> = LazyLock::new(|| shared::config::variable("PANNIER_EVENT"));
        let (head, body) = request.into_parts();
        let events = Event::all(mode(name_for(&head.method, head.uri.path())));
        let wanted = |event: &&Event| WANTED.as_ref().is_some_and(|wanted| format!("{event:?}") == *wanted);
        let next = self.turn.fetch_add(1, Ordering::Relaxed) % events.len();
        let event = *events.iter().find(wanted).unwrap_or(&events[next]);
        // Kept with the test's output, which is shown if it fails.
        #[allow(clippy::print_stderr)]
        {
            eprintln!("{event:?}: {} {}", head.method, head.uri.path());
        }
        let body = body.collect().await.expect("a test's body").to_bytes();
        self.call(event, Request::from_parts(head, body)).await
    }

    /// Sends a request as this event.
    pub async fn call(&self, event: Event, request: Request<Bytes>) -> Result<Response<Body>, Failure> {
        let name = name_for(request.method(), request.uri().path());
        self.function(name, mode(name)).await.call(event, request).await
    }

    /// A function by its name.
    pub async fn function(&self, name: &'static str, mode: Mode) -> Arc<Function> {
        let mut running = self.running.lock().await;
        if !running.contains_key(name) {
            let guard = match &self.guarded {
                Some(store) => Some(Rights::of(name).guard(store).await),
                None => None,
            };
            let mut variables: Vec<_> = self.variables.iter().map(|(name, value)| (&**name, &**value)).collect();
            variables.extend(guard.as_ref().map(|guard| ("S3_ENDPOINT", &**guard)));
            running.insert(name, Arc::new(Function::start(&binary(name), &variables, mode).await));
        }
        running[name].clone()
    }
}

/// How an endpoint's function answers in the cloud.
pub fn mode(name: &str) -> Mode {
    static TEMPLATE: LazyLock<Template> = LazyLock::new(|| Template::read(&[]));
    TEMPLATE.mode(name)
}

/// The function that a gateway would choose.
pub fn name_for(method: &Method, path: &str) -> &'static str {
    find(endpoints::ALL, method, path).map_or("fallback", |found| found.name)
}

/// The test's name decides who sends its first event: another test begins with another, and always with the same.
fn first_turn() -> usize {
    let thread = std::thread::current();
    crc32fast::hash(thread.name().unwrap_or_default().as_bytes()) as usize
}
