//! Whether everything the service depends on answers.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};
use tracing::warn;

use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Verb};

/// The longest wait for a dependency's answer: well below what a load balancer grants a check.
const PING_LIMIT: Duration = Duration::from_secs(3);

/// `GET /health`: 200 if every dependency answers, else 503; either way one line for each.
pub const HEALTH: Endpoint = Endpoint {
    name: "health",
    methods: &[Verb::Get],
    paths: &["/health"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, _| Box::pin(health(app)),
};

/// How a dependency is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Starting,
    Unavailable,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Starting => "starting",
            Self::Unavailable => "unavailable",
        }
    }
}

async fn health(app: &App) -> Result<Reply, Error> {
    let dependencies = [("store", (store(app).await, None)), ("speech", speech(app))];
    let healthy = dependencies.iter().all(|(_, (state, _))| *state == State::Ok);
    // Whoever asks for none needs none: everything else works without it.
    let dependencies = dependencies.into_iter().chain([("instances", instances(app).await)]).collect::<Vec<_>>();
    let line = |(state, engines): &(State, Option<Value>)| match engines {
        Some(engines) => json!({ "state": state.word(), "engines": engines }),
        None => json!({ "state": state.word() }),
    };
    let lines: Map<String, Value> =
        dependencies.iter().map(|(name, found)| ((*name).to_owned(), line(found))).collect();
    let (status, word) = match healthy {
        true => (StatusCode::OK, State::Ok.word()),
        false => (StatusCode::SERVICE_UNAVAILABLE, State::Unavailable.word()),
    };
    Ok(Reply::Json(status, json!({ "status": word, "dependencies": lines })))
}

/// Speech works as long as one engine does; of each engine its state in words.
fn speech(app: &App) -> (State, Option<Value>) {
    let engines: Vec<_> = app.engines.states().collect();
    let works = engines.iter().any(|(_, missing)| missing.is_none());
    let words = engines
        .into_iter()
        .map(|(name, missing)| (name.to_owned(), Value::from(missing.unwrap_or_else(|| State::Ok.word().to_owned()))));
    (if works { State::Ok } else { State::Unavailable }, Some(words.collect::<Map<_, _>>().into()))
}

/// The engine of instances, by its name.
async fn instances(app: &App) -> (State, Option<Value>) {
    let engine = &app.instances.engine;
    let state = if engine.ping().await.is_ok() { State::Ok } else { State::Unavailable };
    (state, Some(json!({ engine.word(): state.word() })))
}

async fn store(app: &App) -> State {
    let Ok(storage) = app.storage() else {
        return State::Starting;
    };
    let cause = match tokio::time::timeout(PING_LIMIT, storage.ping()).await {
        Ok(Ok(())) => return State::Ok,
        Ok(Err(error)) => Error::from(error).causes(),
        Err(elapsed) => elapsed.to_string(),
    };
    // The answer is a success of this operation, so the door has nothing to log.
    warn!(cause, "the store does not answer");
    State::Unavailable
}
