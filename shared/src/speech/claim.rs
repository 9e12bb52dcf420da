//! Work on a render that belongs to one worker for a while.

use std::time::Duration;

use super::render::{self, Render, State};
use crate::error::Error;
use crate::lease::{Lease, Look, keep};
use crate::random_name;
use crate::storage::{Bucket, Versioned};

/// How often an engine that fails is asked.
pub(super) const ATTEMPTS: u32 = 3;

/// How many times a process may end with a text; then the text is what ends it.
const DEATHS: u32 = 10;

/// How often it is looked whether the work is still wanted, and ours.
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
            State::Running { order, lease, attempt, deaths } if lease.is_over() => (order, *attempt, deaths + 1),
            _ => return Ok(None),
        };
        if deaths > DEATHS {
            let reason = "What renders it ended each time.".to_owned();
            if render::change(bucket, render, found, State::Broken { reason }).await? {
                order.delete_ticket(bucket, render).await?;
            }
            return Ok(None);
        }
        let mine = random_name();
        let running = State::Running { order: order.clone(), lease: Lease::of(&mine), attempt, deaths };
        let taken = render::change(bucket, render, found, running).await?;
        Ok(taken.then_some(Self { bucket, render, attempt, mine }))
    }

    /// Extends the lease; comes back when the work is no longer ours, or when that could not be looked at for the length of
    /// a lease.
    pub(super) async fn keep(&self) -> Result<(), Error> {
        keep(self.render, LOOK, || self.look()).await
    }

    async fn look(&self) -> Result<Look, Error> {
        let Some(found) = render::read(self.bucket, self.render).await? else { return Ok(Look::Lost) };
        let mut longer = found.value.state.clone();
        match &mut longer {
            State::Running { lease, .. } if lease.is_of(&self.mine) => {
                if !lease.is_half_over() {
                    return Ok(Look::Ours);
                }
                *lease = Lease::of(&self.mine);
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
            if let State::Running { attempt: tried, lease, .. } = &mut next {
                (*tried, *lease) = (attempt, Lease::of(&self.mine));
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
