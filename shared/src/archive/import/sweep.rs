//! Takes away what an import left behind that did not come to its end.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::info;

use crate::app::App;
use crate::error::Error;
use crate::storage::key::parse_import;
use crate::storage::{Key, Listed, Storage, StoreError};

/// How old the record of an import is when nobody can be working on it any more: several times the
/// longest import, so that clocks may differ.
pub const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Objects deleted at once.
const DELETES_AT_ONCE: usize = 16;

/// Takes away the folders of imports that were given up. Safe to run twice, and beside imports.
pub async fn sweep(app: &App) -> Result<(), Error> {
    sweep_older(app, SystemTime::now() - ABANDONED).await
}

/// The same for imports that began before a moment.
pub async fn sweep_older(app: &App, moment: SystemTime) -> Result<(), Error> {
    let storage = app.storage()?;
    let mut pages = storage.main.list(&Key::Imports);
    while let Some(page) = pages.next().await? {
        for record in page.iter().filter(|record| record.modified < moment) {
            if let Some(folder) = parse_import(&record.key) {
                remove(storage, &app.config.archive_prefix, folder).await?;
                info!(folder, "an import that was given up is taken away");
            }
        }
    }
    Ok(())
}

/// Takes away a folder, its checksums, and at last the record that it was being imported.
pub(super) async fn remove(storage: &Storage, prefix: &str, folder: &str) -> Result<(), StoreError> {
    delete_all(storage, &Key::ArchiveFolder { prefix, folder }).await?;
    delete_all(storage, &Key::Crc32Folder(folder)).await?;
    storage.main.delete(&Key::Import(folder)).await
}

async fn delete_all(storage: &Storage, prefix: &Key<'_>) -> Result<(), StoreError> {
    let mut pages = storage.main.list(prefix);
    while let Some(page) = pages.next().await? {
        let deleting = stream::iter(page)
            .map(async |Listed { key, .. }| storage.main.delete(&Key::Listed(&key)).await)
            .buffer_unordered(DELETES_AT_ONCE);
        deleting.try_collect::<()>().await?;
    }
    Ok(())
}
