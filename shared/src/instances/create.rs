//! `POST /mysql` and `POST /redis`: an instance that is ready, or on its way.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant as Moment;
use tracing::warn;

use super::drive::{self, Outcome, drive};
use super::record::{self, Instance, Name, State};
use super::spec::{self, Wish};
use super::{WAIT, claim, operate, view};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};
use crate::sha256;
use crate::storage::Creation;

/// A MySQL.
pub const CREATE_MYSQL: Endpoint = Endpoint {
    name: "instance-create-mysql",
    methods: &[Verb::Post],
    paths: &["/mysql", "/mysql/"],
    auth: Auth::ApiKey,
    dialect: Dialect::CodeMsgData,
    needs: Needs::Store,
    limits: Limits { body: BODY_LIMIT, ..Limits::READ },
    handler: |app, request| Box::pin(answer(app, request, spec::mysql)),
};

/// A Redis.
pub const CREATE_REDIS: Endpoint = Endpoint {
    name: "instance-create-redis",
    paths: &["/redis", "/redis/"],
    handler: |app, request| Box::pin(answer(app, request, spec::redis)),
    ..CREATE_MYSQL
};

/// The largest request.
const BODY_LIMIT: u64 = 64 * 1024;

/// The header that makes a request repeatable (IETF draft "The Idempotency-Key HTTP Header Field").
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest of its values, in bytes.
const KEY_LIMIT: usize = 255;

/// The most instances of a user that failed, which have no share of the quota, and go by themselves.
const FAILED_LIMIT: usize = 20;

/// How long an instance that could not be made is waited for to be gone.
const CLEAN_UP: Duration = Duration::from_secs(2);

/// An instance that was asked for.
#[derive(Debug)]
pub struct Created {
    /// As it is now.
    pub instance: Instance,
    /// What is to be told of it.
    pub data: Value,
}

async fn answer(app: &App, mut request: Request, read: fn(&[u8]) -> Result<Wish, Error>) -> Result<Reply, Error> {
    let key = match request.headers.get(IDEMPOTENCY_KEY) {
        None => None,
        Some(value) => Some(idempotency_key(value.to_str().ok())?),
    };
    let owner = operate::caller(&mut request)?;
    let wish = read(&body::collect(request.body, BODY_LIMIT).await?)?;
    let created = create(app, &owner, wish, key.as_deref()).await?;
    let status = if created.instance.state == State::Ready { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(Reply::Json(status, created.data))
}

fn idempotency_key(value: Option<&str>) -> Result<String, Error> {
    let key = value.map(str::trim).filter(|key| (1..=KEY_LIMIT).contains(&key.len()));
    key.map(str::to_owned).ok_or_else(|| Error::invalid("Idempotency-Key must be 1 to 255 characters of ASCII"))
}

/// Makes an instance for a user, and waits for it as long as a client may. The same `key` gives the same instance.
///
/// # Errors
/// 422 if the key was used for something else, 429 if the quota is used up, 503 if the engine does not answer; nothing is left
/// then. 500 with its reason if the instance failed.
pub async fn create(app: &App, owner: &str, wish: Wish, key: Option<&str>) -> Result<Created, Error> {
    let until = Moment::now() + WAIT;
    let request = key.map(|key| sha256(json!([key, wish.spec, wish.ttl]).to_string().as_bytes()));
    let id = match key {
        Some(key) => record::id_for(app, drive::site(app).await?, owner, key)?,
        None => record::new_id(),
    };
    let name = Name { owner: owner.to_owned(), id };
    let is_new = match key {
        Some(_) => name.read(&app.storage()?.main).await?.is_none(),
        None => true,
    };
    let made = is_new && begin(app, &name, wish, request.clone()).await? == Creation::Made;
    if !made {
        check_same(app, &name, request.as_deref()).await?;
    }
    match drive(app, &name, until).await {
        Ok(outcome) => tell(app, &name, outcome, made).await,
        Err(error) if made && error.kind() != Kind::TooManyRequests => Err(abandon(app, &name, error).await),
        Err(error) => Err(error),
    }
}

/// Writes the record, if the engine answers and there is room.
async fn begin(app: &App, name: &Name, wish: Wish, request: Option<String>) -> Result<Creation, Error> {
    let bucket = &app.storage()?.main;
    app.instances.engine.ping().await?;
    let limit = app.config.max_instances(&name.owner);
    let records = claim::instances(bucket, Some(&name.owner)).await?.len();
    let is_full = records >= usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(FAILED_LIMIT);
    if is_full || claim::free_slot(bucket, &name.owner, limit).await?.is_none() {
        return Err(drive::quota(limit));
    }
    let instance = Instance::new(app, name.clone(), wish.spec, wish.ttl, request)?;
    Ok(bucket.create(&name.key(), &instance).await?)
}

async fn check_same(app: &App, name: &Name, request: Option<&str>) -> Result<(), Error> {
    let found = name.read(&app.storage()?.main).await?;
    let same = found.is_none_or(|found| request.is_some() && found.value.request.as_deref() == request);
    if same {
        Ok(())
    } else {
        Err(Error::new(Kind::Unprocessable, "This Idempotency-Key was used for another request"))
    }
}

async fn tell(app: &App, name: &Name, outcome: Outcome, made: bool) -> Result<Created, Error> {
    let instance = match outcome {
        Outcome::Settled(instance) | Outcome::Unfinished(instance) => instance,
        Outcome::Gone => return Err(gone(app, &name.owner).await?),
    };
    if let State::Failed { reason } = &instance.state {
        return Err(Error::new(Kind::Internal, format!("The instance {} failed: {reason}", name.id)));
    }
    if made && !instance.state.is_settled() {
        // The worker goes on with it.
        app.wake_workers();
    }
    let data = view(app, &instance)?;
    Ok(Created { instance, data })
}

/// What to say of an instance that is not there any more: a worker that came to it first has found the quota used up, or its
/// owner deleted it.
async fn gone(app: &App, owner: &str) -> Result<Error, Error> {
    let limit = app.config.max_instances(owner);
    let free = claim::free_slot(&app.storage()?.main, owner, limit).await?;
    Ok(match free {
        None => drive::quota(limit),
        Some(_) => Error::new(Kind::Conflict, "The instance was deleted meanwhile."),
    })
}

/// Takes back what was begun for a client who is told that it failed. What cannot be done now is done by the worker.
async fn abandon(app: &App, name: &Name, error: Error) -> Error {
    let cleaned = async {
        let bucket = &app.storage()?.main;
        // Another request with the same key may have brought it further meanwhile, and told its client so.
        name.change(bucket, |found| (found.state == State::Creating).then(|| found.to(State::Deleting))).await?;
        drive(app, name, Moment::now() + CLEAN_UP).await
    };
    match tokio::time::timeout(2 * CLEAN_UP, Box::pin(cleaned)).await {
        Ok(Ok(Outcome::Gone)) => {}
        Ok(Ok(_)) | Err(_) => warn!(instance = name.id, "an instance that was given up is left to the worker"),
        Ok(Err(left)) => {
            warn!(instance = name.id, causes = left.causes(), "an instance that was given up is left to the worker");
        }
    }
    app.wake_workers();
    error
}
