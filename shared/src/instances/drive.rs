//! Carries an instance on, from whatever state, one step after another.

use std::time::Duration;

use tokio::time::{Instant as Moment, timeout_at};
use tracing::{info, warn};

use super::claim;
use super::engine::{Engine, Password, Provided, Step, Wanted};
use super::lease::Holder;
use super::record::{Instance, Name, State};
use crate::app::App;
use crate::clock::{self, milliseconds};
use crate::error::{Error, Kind};
use crate::storage::Bucket;

/// How often it is looked how far somebody else is.
const LOOK: Duration = Duration::from_millis(100);

/// What needs a pause of that length before it is looked at again does not get ready while a client waits.
const SLOW: Duration = Duration::from_secs(10);

/// Why an instance fails that takes too long.
const LATE: &str = "It did not get ready in time.";

/// How long the record of an instance that never was is kept, in milliseconds.
const KEPT: u64 = 24 * 3600 * 1000;

/// What became of an instance.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nothing is left to do.
    Settled(Instance),
    /// It is gone.
    Gone,
    /// The time is over, or there is nothing to do for longer than it.
    Unfinished(Instance),
}

/// Carries an instance on until it is settled or gone, or until `until`; waits while somebody else does.
///
/// # Errors
/// What the store or the engine said; the instance stays as it is, for whoever comes next. 429 if the quota is used up: a new
/// instance is gone then.
pub(super) async fn drive(app: &App, name: &Name, until: Moment) -> Result<Outcome, Error> {
    let bucket = &app.storage()?.main;
    let holder = Holder::new(bucket, name);
    loop {
        let Some(found) = name.read(bucket).await? else { return Ok(Outcome::Gone) };
        if found.value.state.is_settled() {
            return Ok(Outcome::Settled(found.value));
        }
        if Moment::now() >= until {
            return Ok(Outcome::Unfinished(found.value));
        }
        if !holder.take().await? {
            pause(LOOK).await;
            continue;
        }
        let driver = Driver { app, engine: &app.instances.engine, holder: &holder, until };
        let work = async {
            tokio::select! {
                done = driver.run() => done,
                // Somebody else's now, or the store is gone.
                lost = holder.keep() => lost.map(|()| false),
            }
        };
        let worked = timeout_at(until, Box::pin(work)).await;
        let later = matches!(worked, Ok(Ok(true)));
        // What was done counts, whether it can be given back or not: a lease ends by itself.
        if let Err(error) = holder.release().await {
            warn!(instance = name.id, causes = error.causes(), "a lease is not given back: {error}");
        }
        if let Ok(Err(error)) = worked {
            return Err(error);
        }
        if later {
            let found = name.read(bucket).await?;
            return Ok(found.map_or(Outcome::Gone, |found| Outcome::Unfinished(found.value)));
        }
    }
}

/// What tells this store from others, made when it is needed first.
pub(super) async fn site(app: &App) -> Result<&str, Error> {
    use crate::storage::{InstanceKey, Key};
    let found = app.instances.site.get_or_try_init(|| async {
        let (bucket, key) = (&app.storage()?.main, Key::Instance(InstanceKey::Site));
        bucket.create(&key, &crate::random_name()).await?;
        let found = bucket.read::<String>(&key).await?;
        found.map(|found| found.value).ok_or_else(|| Error::internal("read the site", "it is gone"))
    });
    found.await.map(String::as_str)
}

struct Driver<'a> {
    app: &'a App,
    engine: &'a Engine,
    holder: &'a Holder<'a>,
    until: Moment,
}

/// What the instance is known to have, so that it is not claimed anew with each look at something that takes its time. Nobody
/// takes a claim away from a record that names it.
#[derive(Default)]
struct Claimed {
    slot: Option<u32>,
    port: Option<u16>,
}

/// What comes after a step.
enum Next {
    /// Another one.
    Go,
    /// Nothing until this time has passed.
    Wait(Duration),
    /// Nothing.
    End,
}

impl Driver<'_> {
    /// One step after another while the work is ours; `true` if there is nothing to do until after the time is over.
    async fn run(&self) -> Result<bool, Error> {
        let (began, mut claimed) = (Moment::now(), Claimed::default());
        loop {
            let Some(instance) = self.holder.read().await? else { return Ok(false) };
            let next = match self.step(&instance, &mut claimed).await? {
                Next::Wait(_) if self.is_late(&instance) => self.fail(&instance, LATE).await?,
                next => next,
            };
            match next {
                Next::Go => {}
                Next::End => return Ok(false),
                Next::Wait(time) if time >= SLOW || Moment::now() + time >= self.until => return Ok(true),
                // The longer it takes, the less it matters when it is noticed.
                Next::Wait(time) => pause(time.max(began.elapsed() / 20)).await,
            }
        }
    }

    async fn step(&self, instance: &Instance, claimed: &mut Claimed) -> Result<Next, Error> {
        match &instance.state {
            State::Ready | State::Failed { .. } => Ok(Next::End),
            State::Creating => self.create(instance, claimed).await,
            State::Restarting { down: true } => self.restart(instance).await,
            State::Restarting { down: false } => self.bring_up(instance).await,
            State::Rotating { next } => self.rotate(instance, next).await,
            State::Deleting => self.delete(instance).await,
        }
    }

    async fn create(&self, instance: &Instance, claimed: &mut Claimed) -> Result<Next, Error> {
        if !self.has_slot(instance, claimed).await? {
            return self.take_slot(instance).await;
        }
        if let Some((host, ports)) = self.engine.ports()
            && !self.has_port(instance, host, claimed).await?
        {
            let free = claim::free_port(self.bucket(), host, ports).await?;
            let port = free.ok_or_else(|| Error::unavailable("Every port is in use."))?;
            return self.write(instance, |found| Instance { port: Some(port), ..found }).await;
        }
        self.bring_up(instance).await
    }

    async fn has_slot(&self, instance: &Instance, claimed: &mut Claimed) -> Result<bool, Error> {
        let Some(number) = instance.slot else { return Ok(false) };
        if claimed.slot != instance.slot && claim::claim_slot(self.bucket(), self.name(), number).await? {
            claimed.slot = instance.slot;
        }
        Ok(claimed.slot == instance.slot)
    }

    async fn has_port(&self, instance: &Instance, host: &str, claimed: &mut Claimed) -> Result<bool, Error> {
        let Some(port) = instance.port else { return Ok(false) };
        if claimed.port != instance.port && claim::claim_port(self.bucket(), self.name(), host, port).await? {
            claimed.port = instance.port;
        }
        Ok(claimed.port == instance.port)
    }

    async fn take_slot(&self, instance: &Instance) -> Result<Next, Error> {
        let limit = self.app.config.max_instances(&instance.owner);
        if let Some(number) = claim::free_slot(self.bucket(), &instance.owner, limit).await? {
            return self.write(instance, |found| Instance { slot: Some(number), ..found }).await;
        }
        // It has nothing yet but its record.
        self.forget().await?;
        Err(quota(limit))
    }

    /// Until the password lets in.
    async fn bring_up(&self, instance: &Instance) -> Result<Next, Error> {
        let password = instance.password(self.app)?;
        let wanted = self.wanted(instance, &password).await?;
        match self.engine.provide(&wanted).await? {
            Provided::Ready(place) => {
                info!(instance = instance.id, owner = instance.owner, "an instance is ready");
                self.write(instance, |found| Instance { place: Some(place.clone()), state: State::Ready, ..found })
                    .await
            }
            Provided::PortTaken if instance.state == State::Creating => self.block_port(instance).await,
            Provided::PortTaken => self.fail(instance, "Something else listens on its port.").await,
            Provided::Failed(reason) => self.fail(instance, &reason).await,
            Provided::Pending(time) => Ok(Next::Wait(time)),
        }
    }

    /// Whether it takes longer than its engine may take. A deletion may take as long as it takes.
    fn is_late(&self, instance: &Instance) -> bool {
        let time = clock::now().saturating_sub(instance.since);
        instance.state != State::Deleting && time > milliseconds(self.engine.patience())
    }

    async fn block_port(&self, instance: &Instance) -> Result<Next, Error> {
        if let (Some((host, _)), Some(port)) = (self.engine.ports(), instance.port) {
            claim::block_port(self.bucket(), self.name(), host, port).await?;
        }
        self.write(instance, |found| Instance { port: None, ..found }).await
    }

    /// Of an instance that never was, only the record stays, which says why.
    async fn fail(&self, instance: &Instance, reason: &str) -> Result<Next, Error> {
        warn!(instance = instance.id, owner = instance.owner, reason, "an instance failed");
        let failed = State::Failed { reason: reason.to_owned() };
        if instance.place.is_some() {
            return self.write(instance, |found| found.to(failed.clone())).await;
        }
        if let Step::Pending(time) = self.clear(instance).await? {
            return Ok(Next::Wait(time));
        }
        let expires = instance.expires.or(Some(clock::now() + KEPT));
        self.write(instance, |found| Instance { port: None, slot: None, expires, ..found.to(failed.clone()) }).await
    }

    async fn restart(&self, instance: &Instance) -> Result<Next, Error> {
        let password = instance.password(self.app)?;
        match self.engine.restart(&self.wanted(instance, &password).await?).await {
            Ok(Step::Pending(time)) => Ok(Next::Wait(time)),
            Ok(Step::Done) => {
                self.write(instance, |found| Instance { state: State::Restarting { down: false }, ..found }).await
            }
            Err(error) => self.refused(instance, error).await,
        }
    }

    async fn rotate(&self, instance: &Instance, next: &str) -> Result<Next, Error> {
        let (password, new) = (instance.password(self.app)?, self.name().open(self.app, next)?);
        match self.engine.set_password(&self.wanted(instance, &password).await?, Password(&new)).await {
            Ok(Step::Pending(time)) => Ok(Next::Wait(time)),
            Ok(Step::Done) => self.write(instance, |found| found.with_password(next.to_owned())).await,
            Err(error) => self.refused(instance, error).await,
        }
    }

    /// What an engine cannot do leaves everything as it was.
    async fn refused(&self, instance: &Instance, error: Error) -> Result<Next, Error> {
        if error.kind() == Kind::Conflict {
            self.write(instance, |found| Instance { state: State::Ready, ..found }).await?;
        }
        Err(error)
    }

    /// Takes away what the engine has of it, and then gives its claims back.
    async fn clear(&self, instance: &Instance) -> Result<Step, Error> {
        // What cannot be opened, because the secret is another now, can be removed all the same.
        let step = self.engine.remove(&self.wanted(instance, "").await?).await?;
        if matches!(step, Step::Done) {
            claim::release(self.bucket(), instance, self.engine.ports().map(|(host, _)| host)).await?;
        }
        Ok(step)
    }

    /// The record last: while it is there, everything that it names is its own.
    async fn delete(&self, instance: &Instance) -> Result<Next, Error> {
        if let Step::Pending(time) = self.clear(instance).await? {
            return Ok(Next::Wait(time));
        }
        self.forget().await?;
        info!(instance = instance.id, owner = instance.owner, "an instance is gone");
        Ok(Next::End)
    }

    /// Deletes the record while it is ours for certain: a request that is made again by its key may make the same one anew.
    async fn forget(&self) -> Result<(), Error> {
        match self.holder.change(Some).await? {
            Some(_) => Ok(self.bucket().delete(&self.name().key()).await?),
            None => Ok(()),
        }
    }

    async fn wanted<'a>(&'a self, instance: &'a Instance, password: &'a str) -> Result<Wanted<'a>, Error> {
        Ok(Wanted {
            site: site(self.app).await?,
            id: &instance.id,
            owner: &instance.owner,
            spec: &instance.spec,
            password: Password(password),
            port: instance.port,
            created: instance.created,
        })
    }

    /// Changes the instance, unless its state was changed since it was read: then that comes next.
    async fn write(&self, read: &Instance, change: impl Fn(Instance) -> Instance) -> Result<Next, Error> {
        self.holder.change(|found| (found.state == read.state).then(|| change(found))).await?;
        Ok(Next::Go)
    }

    fn bucket(&self) -> &Bucket {
        self.holder.bucket
    }

    fn name(&self) -> &Name {
        self.holder.name
    }
}

/// What is said when a user has as many instances as they may.
pub(super) fn quota(limit: u32) -> Error {
    Error::new(Kind::TooManyRequests, format!("You may have at most {limit} instances"))
}

/// Between two looks at something that nobody tells of.
async fn pause(time: Duration) {
    #[allow(clippy::disallowed_methods)]
    tokio::time::sleep(time).await;
}
