//! Work on a render that belongs to one worker for a while.

use std::time::Duration;

use super::render::{self, Render, State};
use crate::error::Error;
use crate::storage::{Bucket, Versioned};
use crate::{clock, random_name};

/// How often a text is tried, by whichever process.
pub(super) const ATTEMPTS: u32 = 3;

/// How long work belongs to whom has begun it, in milliseconds. Clocks must differ by much less.
const LEASE: u64 = 12_000;

/// How often it is looked whether it still does.
const LOOK: Duration = Duration::from_millis(500);

/// Ours, until the lease runs out.
pub(super) struct Claim<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) render: &'a str,
    /// Which try it began with, from 1.
    pub(super) attempt: u32,
    mine: String,
}

impl<'a> Claim<'a> {
    /// Takes what nobody works on; `None` if somebody does, or if it was tried too often.
    pub(super) async fn take(
        bucket: &'a Bucket,
        render: &'a str,
        found: &Versioned<Render>,
    ) -> Result<Option<Self>, Error> {
        let (order, attempt) = match &found.value.state {
            State::Queued(order) => (order, 1),
            State::Running { order, attempt, until, .. } if *until < clock::now() => (order, attempt + 1),
            _ => return Ok(None),
        };
        if attempt > ATTEMPTS {
            let reason = "What renders it ended each time.".to_owned();
            if render::change(bucket, render, found, State::Broken { reason }).await? {
                order.delete_ticket(bucket, render).await?;
            }
            return Ok(None);
        }
        let mine = random_name();
        let running = State::Running { order: order.clone(), claim: mine.clone(), attempt, until: end_of_lease() };
        let taken = render::change(bucket, render, found, running).await?;
        Ok(taken.then_some(Self { bucket, render, attempt, mine }))
    }

    /// Extends the lease; comes back when the work is no longer ours.
    pub(super) async fn keep(&self) -> Result<(), Error> {
        loop {
            // Whoever cancels writes to the store, from any process.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(LOOK).await;
            let found = render::read(self.bucket, self.render).await?;
            let Some(found) = found.filter(|found| found.value.state.is_run_by(&self.mine)) else { return Ok(()) };
            let State::Running { order, claim, attempt, until } = found.value.state.clone() else { return Ok(()) };
            if until.saturating_sub(clock::now()) < LEASE / 2 {
                let longer = State::Running { order, claim, attempt, until: end_of_lease() };
                // One that was changed meanwhile is looked at again.
                render::change(self.bucket, self.render, &found, longer).await?;
            }
        }
    }

    /// Begins another try. Whether it is ours is looked at elsewhere.
    pub(super) async fn begin(&self, attempt: u32) -> Result<(), Error> {
        self.change(|state| match state {
            State::Running { order, claim, .. } => {
                State::Running { order: order.clone(), claim: claim.clone(), attempt, until: end_of_lease() }
            }
            other => other.clone(),
        })
        .await?;
        Ok(())
    }

    /// Says what became of it; `false` if it was not ours any more.
    pub(super) async fn finish(&self, next: State) -> Result<bool, Error> {
        let Some(before) = self.change(|_| next.clone()).await? else { return Ok(false) };
        if let Some(order) = before.order() {
            order.delete_ticket(self.bucket, self.render).await?;
        }
        Ok(true)
    }

    /// Changes the state while it is ours; what it was before.
    async fn change(&self, next: impl Fn(&State) -> State) -> Result<Option<State>, Error> {
        for _ in 0..render::ROUNDS {
            let found = render::read(self.bucket, self.render).await?;
            let Some(found) = found.filter(|found| found.value.state.is_run_by(&self.mine)) else { return Ok(None) };
            if render::change(self.bucket, self.render, &found, next(&found.value.state)).await? {
                return Ok(Some(found.value.state));
            }
        }
        Err(render::busy())
    }
}

fn end_of_lease() -> u64 {
    clock::now() + LEASE
}
