//! Whose work the assembling of an archive is, and in which multipart upload it is done.

use serde::{Deserialize, Serialize};

use super::parts::{self, Part};
use crate::archive::plan::Plan;
use crate::clock;
use crate::error::Error;
use crate::lease::{EXTEND, Lease, Look, keep};
use crate::random_name;
use crate::storage::{Creation, Fault, Key, Making, Multipart, Storage, StoreError};

/// How often a record that others change, too, is looked at before its work counts as theirs.
const ROUNDS: u32 = 20;

/// The work on the archive of one folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Assembly {
    /// The archive's entity tag, without quotes; none before every CRC-32 is known.
    etag: Option<String>,
    /// What it is being put together in.
    making: Option<Begun>,
    lease: Option<Lease>,
}

/// A multipart upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Begun {
    /// Of the object's key.
    id: String,
    multipart: String,
    /// Which parts it is to have: [`super::parts::digest`].
    parts: String,
    /// When it was begun, in milliseconds since 1970.
    at: u64,
}

impl Assembly {
    fn is_held(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| !lease.is_over())
    }
}

/// Somebody who works on it. Safe to be dropped: the lease ends.
pub(super) struct Holder {
    storage: Storage,
    folder: String,
    etag: Option<String>,
    /// Their digest.
    parts: Option<String>,
    mine: String,
}

/// Takes the work on an archive; `None` if it is somebody else's. Who has a `fresh` plan also takes it from one who puts together
/// the folder as it was before. Without `parts` the archive is still to be settled.
pub(super) async fn take(
    storage: &Storage,
    plan: &Plan,
    parts: Option<&[Part]>,
    fresh: bool,
) -> Result<Option<Holder>, Error> {
    let (etag, parts) = (parts.map(|_| plan.tag()), parts.map(parts::digest));
    let holder = Holder { storage: storage.clone(), folder: plan.folder.clone(), etag, parts, mine: random_name() };
    let (bucket, key) = (&storage.main, Key::Assembly(&plan.folder));
    for _ in 0..ROUNDS {
        let Some(found) = bucket.read::<Assembly>(&key).await? else {
            if bucket.create(&key, &holder.assembly(None)).await? == Creation::Made {
                return Ok(Some(holder));
            }
            continue;
        };
        let old = &found.value;
        let outdated = fresh && old.etag.is_some() && holder.etag.is_some() && old.etag != holder.etag;
        if old.is_held() && !outdated {
            return Ok(None);
        }
        let goes_on = |begun: &Begun| old.etag == holder.etag && Some(&begun.parts) == holder.parts.as_ref();
        let making = old.making.clone().filter(goes_on);
        if bucket.replace(&key, &found, &holder.assembly(making)).await? {
            if let Some(left) = old.making.as_ref().filter(|begun| !goes_on(begun)) {
                holder.abort(old.etag.as_deref(), left).await?;
            }
            return Ok(Some(holder));
        }
    }
    Ok(None)
}

/// Takes work as it is, to end it; `None` if it is somebody's.
pub(super) async fn take_over(storage: &Storage, folder: &str) -> Result<Option<Holder>, Error> {
    let (bucket, key) = (&storage.main, Key::Assembly(folder));
    let Some(found) = bucket.read::<Assembly>(&key).await?.filter(|found| !found.value.is_held()) else {
        return Ok(None);
    };
    let Assembly { etag, making, .. } = found.value.clone();
    let holder = Holder { storage: storage.clone(), folder: folder.to_owned(), etag, parts: None, mine: random_name() };
    let taken = bucket.replace(&key, &found, &holder.assembly(making)).await?;
    Ok(taken.then_some(holder))
}

/// Since when an archive has been in the making, in milliseconds since 1970; `None` before its first part.
pub(super) async fn begun(storage: &Storage, folder: &str) -> Result<Option<u64>, Error> {
    let found = storage.main.read::<Assembly>(&Key::Assembly(folder)).await?;
    Ok(found.and_then(|found| found.value.making).map(|begun| begun.at))
}

impl Holder {
    /// Extends the lease; comes back when the work is no longer ours.
    pub(super) async fn keep(&self) -> Result<(), Error> {
        keep(&self.folder, EXTEND, || async { Ok(Look::of(self.change(|found| found).await?.is_some())) }).await
    }

    /// The multipart upload, begun if there is none.
    ///
    /// # Errors
    /// 503 if the work is no longer ours.
    pub(super) async fn multipart(&self) -> Result<Multipart, Error> {
        let found = self.change(|found| found).await?.ok_or_else(lost)?;
        if let Some(begun) = &found.making {
            return Ok(self.resume(self.etag.as_deref(), begun));
        }
        let id = random_name();
        let made = self.storage.main.multipart(&self.key(self.etag.as_deref(), &id), zip()).await?;
        let parts = self.parts.clone().unwrap_or_default();
        let begun = Begun { id, multipart: made.id().to_owned(), parts, at: clock::now() };
        if self.change(|found| Assembly { making: Some(begun.clone()), ..found }).await?.is_none() {
            made.abort().await?;
            return Err(lost());
        }
        Ok(made)
    }

    /// Forgets a multipart upload that is not there any more.
    pub(super) async fn begin_again(&self, gone: &Multipart) -> Result<(), Error> {
        let is_gone = |begun: &Begun| begun.multipart == gone.id();
        self.change(|found| Assembly { making: found.making.filter(|begun| !is_gone(begun)), ..found }).await?;
        Ok(())
    }

    /// Gives the work back, so that the next one need not wait.
    pub(super) async fn release(&self) -> Result<(), Error> {
        self.change(|found| Assembly { lease: None, ..found }).await.map(drop)
    }

    /// Nothing is left to do.
    pub(super) async fn finish(&self) -> Result<(), Error> {
        if self.change(|found| found).await?.is_some() {
            self.storage.main.delete(&Key::Assembly(&self.folder)).await?;
        }
        Ok(())
    }

    /// Nothing is to be done any more: what was made so far is taken away.
    pub(super) async fn give_up(&self) -> Result<(), Error> {
        let Some(found) = self.change(|found| found).await? else { return Ok(()) };
        if let Some(begun) = &found.making {
            self.abort(found.etag.as_deref(), begun).await?;
        }
        Ok(self.storage.main.delete(&Key::Assembly(&self.folder)).await?)
    }

    /// Changes the record while it is ours, which it is a while longer then; `None` if it is not.
    async fn change(&self, change: impl Fn(Assembly) -> Assembly) -> Result<Option<Assembly>, Error> {
        let key = Key::Assembly(&self.folder);
        let changed = self.storage.main.update_if(&key, |found: Assembly| {
            let ours = found.lease.as_ref().is_some_and(|lease| lease.is_of(&self.mine));
            ours.then(|| change(Assembly { lease: Some(Lease::of(&self.mine)), ..found }))
        });
        Ok(changed.await?)
    }

    fn assembly(&self, making: Option<Begun>) -> Assembly {
        Assembly { etag: self.etag.clone(), making, lease: Some(Lease::of(&self.mine)) }
    }

    fn key<'a>(&'a self, etag: Option<&'a str>, id: &'a str) -> Key<'a> {
        Key::Assembled { folder: &self.folder, etag: etag.unwrap_or_default(), id }
    }

    fn resume(&self, etag: Option<&str>, begun: &Begun) -> Multipart {
        self.storage.main.resume_multipart(&self.key(etag, &begun.id), begun.multipart.clone())
    }

    async fn abort(&self, etag: Option<&str>, begun: &Begun) -> Result<(), StoreError> {
        match self.resume(etag, begun).abort().await {
            // It was completed or given up meanwhile.
            Err(error) if error.fault == Fault::Missing => Ok(()),
            aborted => aborted,
        }
    }
}

/// As the store is to hand it out.
fn zip() -> Making<'static> {
    Making { content_type: Some("application/zip"), ..Making::default() }
}

/// Another has taken it.
pub(super) fn lost() -> Error {
    super::later("The archive is being put together by another.")
}
