//! The worker that goes on with archives whose clients have gone, and takes away what is over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{info, warn};

use super::claim;
use super::{KEPT, Way, find, make};
use crate::app::App;
use crate::archive::plan::plan;
use crate::clock::{self, milliseconds};
use crate::error::Error;
use crate::events::{RUN_LIMIT, Schedule, Worker};
use crate::storage::key::parse_assembly;
use crate::storage::{Key, Storage};

/// How long one run works: below the fifteen minutes that a function has.
const BUDGET: Duration = Duration::from_secs(12 * 60);

/// How long an archive may be in the making. Its age counts from there (S3 user guide, "Checking object integrity": the date of
/// an object made of parts is that of its beginning).
const MAKING_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// How often the local program looks.
const EVERY: Duration = Duration::from_secs(60);

/// Finishes archives that were begun; deletes those that are a day old, and what nobody goes on with. Safe to run twice.
pub const ASSEMBLE_ARCHIVES: Worker = Worker {
    name: "assemble-archives",
    on_object: None,
    on_schedule: Some(Schedule {
        every: EVERY,
        limit: RUN_LIMIT,
        handler: |app| Box::pin(async move { sweep_older(app, SystemTime::now() - KEPT).await }),
    }),
};

/// The same for archives that were begun before a moment.
pub async fn sweep_older(app: &App, moment: SystemTime) -> Result<(), Error> {
    let (storage, deadline) = (app.storage()?, Instant::now() + BUDGET);
    storage.main.delete_listed(&Key::AssembledAll, |object| object.modified < moment).await?;
    storage.main.abort_multiparts(&Key::AssembledAll, Some(moment)).await?;
    let mut pages = storage.main.list(&Key::Assemblies);
    while let Some(page) = pages.next().await? {
        for folder in page.iter().filter_map(|record| parse_assembly(&record.key)) {
            if Instant::now() >= deadline {
                return Ok(());
            }
            // One that cannot be finished does not hold up the others.
            if let Err(error) = tend(app, storage, folder, deadline).await {
                warn!(folder, causes = error.causes(), "an archive is left for another time: {error}");
            }
        }
    }
    Ok(())
}

/// Goes on with the archive of a folder, unless somebody does, or nobody needs it any more.
async fn tend(app: &App, storage: &Storage, folder: &str, deadline: Instant) -> Result<(), Error> {
    loop {
        let plan = plan(storage, &app.config.archive_prefix, folder).await?;
        let begun = claim::begun(storage, folder).await?;
        let over = begun.is_some_and(|begun| clock::now().saturating_sub(begun) > milliseconds(MAKING_LIMIT));
        let Some(plan) = plan.filter(|_| !over).map(Arc::new) else { return drop_work(storage, folder).await };
        let parts = match Way::of(app, storage, &plan) {
            Way::Streamed => return drop_work(storage, folder).await,
            Way::Assembled(parts) => Some(parts),
            Way::Unsettled => None,
        };
        if find(storage, &plan).await?.is_some() {
            return drop_work(storage, folder).await;
        }
        let Some(holder) = claim::take(storage, &plan, parts.as_deref(), true).await? else { return Ok(()) };
        info!(folder, "an archive is gone on with");
        match Box::pin(make::work(storage.clone(), plan, parts, holder, deadline)).await? {
            make::Outcome::Settled if Instant::now() < deadline => {}
            _ => return Ok(()),
        }
    }
}

async fn drop_work(storage: &Storage, folder: &str) -> Result<(), Error> {
    match claim::take_over(storage, folder).await? {
        Some(holder) => holder.give_up().await,
        None => Ok(()),
    }
}
