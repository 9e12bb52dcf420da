//! The worker that does for uploads what no request does.

use std::time::Duration;

use super::sweep;
use crate::app::App;
use crate::error::Error;
use crate::events::{Change, ObjectEvent, RUN_LIMIT, Schedule, Worker};
use crate::storage::Item;
use crate::storage::upload_key::{parse, split};

/// How often the local program looks after all uploads.
const AGAIN: Duration = Duration::from_secs(10);

/// Finishes an upload that was handed over, and looks after all of them every so often. Safe to run twice.
pub const TEND_UPLOADS: Worker = Worker {
    name: "tend-uploads",
    on_object: Some(|app, event| Box::pin(handed_over(app, event))),
    on_schedule: Some(Schedule { every: AGAIN, limit: RUN_LIMIT, handler: |app| Box::pin(tend(app)) }),
};

async fn handed_over(app: &App, event: &ObjectEvent) -> Result<(), Error> {
    let storage = app.storage()?;
    let own = event.bucket == storage.main.name() && event.kind == Change::Created;
    if !own || parse(&event.key) != Some(Item::Handoff) {
        return Ok(());
    }
    if let Some((id, _)) = split(&event.key) {
        sweep::finish(storage, id).await?;
        app.wake_workers();
    }
    Ok(())
}

async fn tend(app: &App) -> Result<(), Error> {
    sweep::sweep(app.storage()?, app.config.upload_expiry).await
}
