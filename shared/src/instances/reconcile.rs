//! The worker that finishes what was begun: at the start, every so often, and when it is told that there is something.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant as Moment;
use tracing::{info, warn};

use super::claim;
use super::drive::{drive, site};
use super::engine::Kept;
use super::record::{Name, State};
use crate::app::App;
use crate::error::Error;
use crate::events::{Done, Schedule, Worker};

/// Finishes what a request has left, and takes away what nobody owns.
pub const RECONCILE_INSTANCES: Worker = Worker {
    name: "reconcile-instances",
    on_object: None,
    on_schedule: Some(Schedule { every: EVERY, limit: RUN, handler: |app| -> Done<'_> { Box::pin(reconcile(app)) } }),
};

/// How often.
const EVERY: Duration = Duration::from_secs(15);

/// How long one run may take.
const RUN: Duration = Duration::from_secs(120);

/// How long one run works on an instance: longer than the lease of somebody who died.
const SHARE: Duration = Duration::from_secs(20);

/// Instances carried on at once.
const AT_ONCE: usize = 16;

async fn reconcile(app: &App) -> Result<(), Error> {
    let bucket = &app.storage()?.main;
    // First what is always the same work; then what may take all the time there is.
    claim::sweep(bucket).await?;
    // A machine without an engine has nothing to be swept, and nobody who would read each time that it has none.
    if app.instances.engine.ping().await.is_ok() {
        sweep_engine(app).await?;
    }
    let mut names = claim::instances(bucket, None).await?;
    // Not always the same one first: each gets its turn, however long the others take.
    let first = usize::try_from(u32::from_le_bytes(crate::random())).unwrap_or_default() % names.len().max(1);
    names.rotate_left(first);
    let carried = stream::iter(names).for_each_concurrent(AT_ONCE, |name| async move {
        if let Err(error) = carry_on(app, &name).await {
            // The next run comes back to it; the others are not the worse for it.
            warn!(instance = name.id, causes = error.causes(), "an instance is not carried on: {error}");
        }
    });
    carried.await;
    Ok(())
}

async fn carry_on(app: &App, name: &Name) -> Result<(), Error> {
    let bucket = &app.storage()?.main;
    let Some(found) = name.read(bucket).await? else { return Ok(()) };
    if found.value.state.is_settled() {
        if !found.value.is_over() {
            return Ok(());
        }
        info!(instance = name.id, owner = name.owner, "the time of an instance is over");
    }
    if found.value.is_over() {
        name.change(bucket, |found| Some(found.to(State::Deleting))).await?;
    }
    drive(app, name, Moment::now() + SHARE).await.map(drop)
}

/// Takes away what no record names. A record is there before anything is made, and until everything is gone.
async fn sweep_engine(app: &App) -> Result<(), Error> {
    let (bucket, engine) = (&app.storage()?.main, &app.instances.engine);
    for kept in engine.kept(site(app).await?).await? {
        let Kept { owner, id } = &kept;
        let name = Name { owner: owner.clone(), id: id.clone() };
        if name.read(bucket).await?.is_none() {
            warn!(instance = id, owner, "what no record names is removed");
            engine.drop_kept(&kept).await?;
        }
    }
    Ok(())
}
