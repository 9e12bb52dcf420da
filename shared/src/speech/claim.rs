//! Work on a render that belongs to one worker for a while.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::render::{self, Render, State};
use crate::clock::{self, milliseconds};
use crate::error::Error;
use crate::random_name;
use crate::storage::{Bucket, Versioned};

/// How often an engine that fails is asked.
pub(super) const ATTEMPTS: u32 = 3;

/// How many times a process may end with a text; then the text is what ends it.
const DEATHS: u32 = 10;

/// How long work belongs to whom has begun it. Clocks must differ by much less.
const LEASE: Duration = Duration::from_secs(12);

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
        let (order, attempt, deaths) = match &found.value.state {
            State::Queued(order) => (order, 1, 0),
            State::Running { order, attempt, deaths, until, .. } if is_over(*until) => (order, *attempt, deaths + 1),
            _ => return Ok(None),
        };
        if deaths > DEATHS {
            let reason = "What renders it ended each time.".to_owned();
            if render::change(bucket, render, found, State::Broken { reason }).await? {
                order.delete_ticket(bucket, render).await?;
            }
            return Ok(None);
        }
        let (order, claim, until) = (order.clone(), random_name(), end_of_lease());
        let running = State::Running { order, claim: claim.clone(), attempt, deaths, until };
        let taken = render::change(bucket, render, found, running).await?;
        Ok(taken.then_some(Self { bucket, render, attempt, mine: claim }))
    }

    /// Extends the lease; comes back when the work is no longer ours, or when that could not be looked at for the length of
    /// a lease.
    pub(super) async fn keep(&self) -> Result<(), Error> {
        let mut end = Instant::now() + LEASE;
        loop {
            // Whoever cancels writes to the store, from any process.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(LOOK).await;
            let began = Instant::now();
            match timeout_at(end, self.look()).await {
                Ok(Ok(Look::Lost)) => return Ok(()),
                Ok(Ok(Look::Extended)) => end = began + LEASE,
                Ok(Ok(Look::Ours)) => {}
                // The store may answer again before the lease is over.
                Ok(Err(error)) if Instant::now() < end => {
                    warn!(render = self.render, causes = error.causes(), "the lease is not looked at: {error}");
                }
                Ok(Err(error)) => return Err(error),
                Err(elapsed) => return Err(Error::unavailable("The lease could not be extended.").caused_by(elapsed)),
            }
        }
    }

    async fn look(&self) -> Result<Look, Error> {
        let Some(found) = render::read(self.bucket, self.render).await? else { return Ok(Look::Lost) };
        let mut longer = found.value.state.clone();
        match &mut longer {
            State::Running { claim, until, .. } if *claim == self.mine => {
                if until.saturating_sub(clock::now()) > milliseconds(LEASE) / 2 {
                    return Ok(Look::Ours);
                }
                *until = end_of_lease();
            }
            _ => return Ok(Look::Lost),
        }
        // One that was changed meanwhile is looked at again.
        let extended = render::change(self.bucket, self.render, &found, longer).await?;
        Ok(if extended { Look::Extended } else { Look::Ours })
    }

    /// Begins another try. Whether it is ours is looked at elsewhere.
    pub(super) async fn begin(&self, attempt: u32) -> Result<(), Error> {
        self.change(|state| {
            let mut next = state.clone();
            if let State::Running { attempt: tried, until, .. } = &mut next {
                (*tried, *until) = (attempt, end_of_lease());
            }
            next
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

/// What a look at the record showed.
enum Look {
    Ours,
    Extended,
    Lost,
}

fn end_of_lease() -> u64 {
    clock::now() + milliseconds(LEASE)
}

/// Also one that ends too far ahead: a clock was set back.
fn is_over(until: u64) -> bool {
    let now = clock::now();
    until < now || until > now + 2 * milliseconds(LEASE)
}
