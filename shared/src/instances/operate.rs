//! `POST /detail/{dockerId}/restart` and `/rotate-password`: what is done with an instance that is ready.

use http::StatusCode;
use tokio::time::Instant as Moment;

use super::drive::{Outcome, drive};
use super::record::{self, Instance, Name, State};
use super::{DETAIL, NOT_FOUND, WAIT, detail, view};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Endpoint, Reply, Request, Verb};

/// Stops one of the caller's instances and starts it again.
pub const RESTART: Endpoint = Endpoint {
    name: "instance-restart",
    methods: &[Verb::Post],
    paths: &["/detail/{dockerId}/restart"],
    handler: |app, request| {
        Box::pin(async move {
            let name = detail::named(&mut { request })?;
            answer(app, restart(app, &name.owner, &name.id).await?)
        })
    },
    ..DETAIL
};

/// Gives one of the caller's instances another password.
pub const ROTATE_PASSWORD: Endpoint = Endpoint {
    name: "instance-rotate-password",
    paths: &["/detail/{dockerId}/rotate-password"],
    handler: |app, request| {
        Box::pin(async move {
            let name = detail::named(&mut { request })?;
            answer(app, rotate_password(app, &name.owner, &name.id).await?)
        })
    },
    ..RESTART
};

fn answer(app: &App, instance: Instance) -> Result<Reply, Error> {
    let status = if instance.state == State::Ready { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(Reply::Json(status, view(app, &instance)?))
}

/// Stops one of a user's instances and starts it again; also one that failed after it was ready once.
///
/// # Errors
/// 404 as [`super::detail`], 409 if it is not ready, 503 if the engine does not answer, 500 with its reason if it failed.
pub async fn restart(app: &App, owner: &str, id: &str) -> Result<Instance, Error> {
    operate(app, owner, id, |found| {
        let may = match found.state {
            State::Ready => true,
            State::Failed { .. } => found.place.is_some(),
            _ => false,
        };
        may.then_some(State::Restarting { down: true })
    })
    .await
}

/// Gives one of a user's instances another password, which is told by the instance once it lets in.
///
/// # Errors
/// As [`restart`].
pub async fn rotate_password(app: &App, owner: &str, id: &str) -> Result<Instance, Error> {
    let name = Name { owner: owner.to_owned(), id: detail::checked(id)?.to_owned() };
    let next = name.seal(app, &record::new_password())?;
    operate(app, owner, id, |found| (found.state == State::Ready).then(|| State::Rotating { next: next.clone() })).await
}

async fn operate(
    app: &App,
    owner: &str,
    id: &str,
    next: impl Fn(&Instance) -> Option<State>,
) -> Result<Instance, Error> {
    let until = Moment::now() + WAIT;
    let name = Name { owner: owner.to_owned(), id: detail::checked(id)?.to_owned() };
    let bucket = &app.storage()?.main;
    let gone = || Error::not_found(NOT_FOUND);
    name.read(bucket).await?.ok_or_else(gone)?;
    app.instances.engine.ping().await?;
    let changed = name
        .change(bucket, |found| {
            let next = next(&found)?;
            Some(found.to(next))
        })
        .await?;
    if changed.is_none() {
        let found = name.read(bucket).await?.ok_or_else(gone)?;
        let word = found.value.state.word();
        return Err(Error::new(Kind::Conflict, format!("The instance is {word}.")));
    }
    match drive(app, &name, until).await? {
        Outcome::Gone => Err(gone()),
        Outcome::Settled(Instance { state: State::Failed { reason }, .. }) => {
            Err(Error::new(Kind::Internal, format!("The instance failed: {reason}")))
        }
        Outcome::Settled(instance) => Ok(instance),
        Outcome::Unfinished(instance) => {
            app.wake_workers();
            Ok(instance)
        }
    }
}

/// Who calls: the door has made sure that somebody does.
pub(super) fn caller(request: &mut Request) -> Result<String, Error> {
    request.caller.take().ok_or_else(|| Error::internal("answer a caller", "the door let nobody in"))
}
