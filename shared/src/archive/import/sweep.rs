//! Takes away what an import left behind that did not come to its end.

use std::time::{Duration, SystemTime};

use tracing::info;

use crate::app::App;
use crate::error::Error;
use crate::events::{RUN_LIMIT, Schedule, Worker};
use crate::storage::key::parse_import;
use crate::storage::{Key, Storage, StoreError};

/// How old the record of an import is when nobody can be working on it any more: several times the
/// longest import, so that clocks may differ.
pub const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// How often the local program looks for imports that were given up.
const AGAIN: Duration = Duration::from_secs(10 * 60);

/// Takes away what imports left that were given up. Safe to run twice, and beside imports.
pub const SWEEP_IMPORTS: Worker = Worker {
    name: "sweep-imports",
    on_object: None,
    on_schedule: Some(Schedule { every: AGAIN, limit: RUN_LIMIT, handler: |app| Box::pin(sweep(app)) }),
};

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

/// Takes away a folder, what was on its way into it, its checksums, and at last the record that it was being
/// imported.
pub(super) async fn remove(storage: &Storage, prefix: &str, folder: &str) -> Result<(), StoreError> {
    let objects = Key::ArchiveFolder { prefix, folder };
    storage.archives.abort_multiparts(&objects, None).await?;
    storage.main.delete_listed(&objects, |_| true).await?;
    storage.main.delete_listed(&Key::Crc32Folder(folder), |_| true).await?;
    storage.main.delete(&Key::Import(folder)).await
}
