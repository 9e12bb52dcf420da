//! Work on an instance that belongs to one holder for a while.

use super::record::{Instance, Name};
use crate::clock;
use crate::error::Error;
pub(super) use crate::lease::Lease;
use crate::lease::{EXTEND, Look, keep};
use crate::random_name;
use crate::storage::Bucket;

/// Somebody who works on an instance.
pub(super) struct Holder<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) name: &'a Name,
    mine: String,
}

impl<'a> Holder<'a> {
    pub(super) fn new(bucket: &'a Bucket, name: &'a Name) -> Self {
        Self { bucket, name, mine: random_name() }
    }

    /// Takes the work, unless it is somebody else's; whether it is ours now. From somebody who died it begins again.
    pub(super) async fn take(&self) -> Result<bool, Error> {
        let taken = self.name.change(self.bucket, |found| {
            let since = match &found.lease {
                None => found.since,
                Some(lease) if lease.is_of(&self.mine) => found.since,
                Some(lease) if lease.is_over() => clock::now(),
                Some(_) => return None,
            };
            Some(Instance { lease: Some(self.lease()), since, ..found })
        });
        Ok(taken.await?.is_some())
    }

    /// The instance, while the work is ours.
    pub(super) async fn read(&self) -> Result<Option<Instance>, Error> {
        let found = self.name.read(self.bucket).await?.map(|found| found.value);
        Ok(found.filter(|found| found.lease.as_ref().is_some_and(|lease| lease.is_of(&self.mine))))
    }

    /// Changes the instance while the work is ours, which it stays as long as there is some; `None` if it is not, or if
    /// `change` says so.
    pub(super) async fn change(
        &self,
        change: impl Fn(Instance) -> Option<Instance>,
    ) -> Result<Option<Instance>, Error> {
        let changed = self.name.change(self.bucket, |found| {
            let next = change(found.lease.as_ref().is_some_and(|lease| lease.is_of(&self.mine)).then_some(found)?)?;
            let lease = (!next.state.is_settled()).then(|| self.lease());
            Some(Instance { lease, ..next })
        });
        changed.await
    }

    /// Extends the lease; comes back when the work is no longer ours, or when that could not be looked at for the length of
    /// a lease.
    pub(super) async fn keep(&self) -> Result<(), Error> {
        keep(&self.name.id, EXTEND, || async { Ok(Look::of(self.change(Some).await?.is_some())) }).await
    }

    /// Gives the work back, so that the next one need not wait.
    pub(super) async fn release(&self) -> Result<(), Error> {
        let released = self.name.change(self.bucket, |found| {
            let ours = found.lease.as_ref().is_some_and(|lease| lease.is_of(&self.mine));
            ours.then_some(Instance { lease: None, ..found })
        });
        released.await.map(drop)
    }

    fn lease(&self) -> Lease {
        Lease::of(&self.mine)
    }
}
