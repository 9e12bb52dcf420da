//! The worker that finishes what was cut short.

use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::attempt::Attempt;
use crate::app::App;
use crate::error::Error;
use crate::events::{RUN_LIMIT, Schedule, Worker};
use crate::storage::image_key::parse_attempt;
use crate::storage::{Bucket, ImageKey, Key};

/// How old an attempt is when nobody can be working on it any more: several times the longest request, so that clocks
/// may differ.
pub const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// How long bytes that came straight to the store wait to be confirmed.
const UNCONFIRMED: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the local program looks.
const AGAIN: Duration = Duration::from_secs(10 * 60);

/// Undoes uploads that were cut short, finishes deletions, forgets what was never confirmed. Safe to run twice.
pub const SWEEP_IMAGES: Worker = Worker {
    name: "sweep-images",
    on_object: None,
    on_schedule: Some(Schedule {
        every: AGAIN,
        limit: RUN_LIMIT,
        handler: |app| Box::pin(async move { sweep_older(app, SystemTime::now() - ABANDONED).await }),
    }),
};

/// The same for what began before a moment.
pub async fn sweep_older(app: &App, moment: SystemTime) -> Result<(), Error> {
    let bucket = &app.storage()?.main;
    let mut pages = bucket.list(&Key::Image(ImageKey::Attempts));
    while let Some(page) = pages.next().await? {
        for record in page.iter().filter(|record| record.modified < moment) {
            let Some(nonce) = parse_attempt(&record.key) else { continue };
            // One that cannot be finished does not hold up the others.
            if let Err(error) = finish(bucket, nonce).await {
                warn!(nonce, causes = error.causes(), "an attempt is left for another time: {error}");
            }
        }
    }
    forget_unconfirmed(bucket).await
}

async fn finish(bucket: &Bucket, nonce: &str) -> Result<(), Error> {
    let key = Key::Image(ImageKey::Attempt(nonce));
    let Some(attempt) = bucket.read::<Attempt>(&key).await? else { return Ok(()) };
    attempt.value.undo(bucket).await?;
    info!(nonce, "what was cut short is finished");
    Ok(bucket.delete(&key).await?)
}

async fn forget_unconfirmed(bucket: &Bucket) -> Result<(), Error> {
    let moment = SystemTime::now() - UNCONFIRMED;
    Ok(bucket.delete_listed(&Key::Image(ImageKey::Incomings), |object| object.modified < moment).await?)
}
