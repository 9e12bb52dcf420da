//! One archive of one upload: whoever asks again is told of the same one.
//!
//! `imports-of/{version id}` says which. It is made after the folder's own record (`imports/{folder}`), and taken
//! away before it. So where that is not, the folder is whole; or somebody has deleted it since.

use super::Imported;
use crate::error::{Error, Kind};
use crate::storage::key::VersionId;
use crate::storage::{Creation, Key, Storage, Versioned};

/// What has been made of an upload.
pub(super) enum Made {
    Nothing,
    Whole(Imported),
    /// An archive that is gone.
    Gone(Versioned<Imported>),
}

/// What has been made of an upload; 409 while that is under way.
pub(super) async fn made(storage: &Storage, prefix: &str, of: VersionId) -> Result<Made, Error> {
    let Some(record) = storage.main.read::<Imported>(&Key::ImportOf(of)).await? else {
        return Ok(Made::Nothing);
    };
    let folder = &*record.value.hash;
    if storage.main.read::<()>(&Key::Import(folder)).await?.is_some() {
        return Err(under_way());
    }
    let first = storage.archives.list(&Key::ArchiveFolder { prefix, folder }).next().await?;
    let is_there = first.is_some_and(|page| !page.is_empty());
    Ok(if is_there { Made::Whole(record.value) } else { Made::Gone(record) })
}

/// Says that `own` is being made of the upload, in the place of `before`; 409 if somebody else was quicker.
pub(super) async fn claim(storage: &Storage, of: VersionId, before: &Made, own: &Imported) -> Result<(), Error> {
    let key = Key::ImportOf(of);
    let claimed = match before {
        Made::Nothing => storage.main.create(&key, own).await? == Creation::Made,
        Made::Gone(record) => storage.main.replace(&key, record, own).await?,
        Made::Whole(_) => false,
    };
    if claimed { Ok(()) } else { Err(under_way()) }
}

fn under_way() -> Error {
    Error::new(Kind::Conflict, "The upload is being imported.")
}
