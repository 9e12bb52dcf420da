//! One try to deliver a message, and what comes of it.

use std::time::Duration;

use tracing::{error, info, warn};

use super::send::Attempt;
use super::{Record, now, read};
use crate::app::App;
use crate::error::Error;
use crate::storage::{Bucket, Key};

/// How long a try may take with everything around it; then another may begin.
const LEASE: Duration = Duration::from_secs(60);

/// How long after a failed try the next one is made, in seconds; after the last of them the message is given up
/// (Standard Webhooks 1.0, "Retry schedule").
const PAUSES: [u64; 9] =
    [5, 5 * 60, 30 * 60, 2 * 60 * 60, 5 * 60 * 60, 10 * 60 * 60, 14 * 60 * 60, 20 * 60 * 60, 24 * 60 * 60];

/// Whether it is time for a message, and nobody is at it.
pub(super) async fn is_due(bucket: &Bucket, id: &str) -> Result<bool, Error> {
    let read = read(bucket, id).await?;
    Ok(read.is_some_and(|read| read.value.next_attempt <= now().as_secs()))
}

/// How the receiver of a message seems to be.
#[derive(PartialEq, Eq)]
pub(super) enum Receiver {
    /// It was not asked, or it said something.
    Answers,
    /// It was waited for in vain.
    Silent,
}

/// Tries a message once, if it is due and nobody is at it. An error is the store's: a receiver that fails is part of
/// the job.
pub(super) async fn deliver(app: &App, id: &str) -> Result<Receiver, Error> {
    let bucket = &app.storage()?.main;
    let Some(record) = claim(bucket, id).await? else { return Ok(Receiver::Answers) };
    let business = app.config.business_by_id(record.business);
    let attempt = match business {
        Some(business) => app.outbox.client.attempt(business, id, &record).await,
        // Its configuration may come back.
        None => Attempt::Failed("no such business is configured".to_owned()),
    };
    let receiver = if matches!(attempt, Attempt::Silent) { Receiver::Silent } else { Receiver::Answers };
    let refused = matches!(attempt, Attempt::Refused);
    let (attempts, business) = (record.attempts, business.map(|business| &*business.name));
    let why = match attempt {
        Attempt::Delivered => {
            bucket.delete(&Key::Outbox(id)).await?;
            info!(id, business, attempts, "callback delivered");
            return Ok(receiver);
        }
        Attempt::Refused => "status 410".to_owned(),
        Attempt::Silent => "no answer in time".to_owned(),
        Attempt::Failed(why) => why,
    };
    match pause_after(attempts).filter(|_| !refused) {
        Some(pause) => {
            warn!(id, business, attempts, why, pause, "callback not delivered");
            put_off(bucket, id, attempts, pause).await?;
        }
        None => {
            error!(id, business, attempts, why, "callback given up");
            bury(bucket, id, &record).await?;
        }
    }
    Ok(receiver)
}

/// Takes the message for the length of the lease; `None` if there is nothing to do for us.
async fn claim(bucket: &Bucket, id: &str) -> Result<Option<Record>, Error> {
    let now = now().as_secs();
    let key = Key::Outbox(id);
    let Some(read) = read(bucket, id).await?.filter(|read| read.value.next_attempt <= now) else {
        return Ok(None);
    };
    let mut claimed = read.value.clone();
    claimed.attempts = claimed.attempts.saturating_add(1);
    claimed.next_attempt = now + LEASE.as_secs();
    Ok(bucket.replace(&key, &read, &claimed).await?.then_some(claimed))
}

/// Unless the lease has run out meanwhile and another try has begun.
async fn put_off(bucket: &Bucket, id: &str, attempts: u32, pause: u64) -> Result<(), Error> {
    let next_attempt = now().as_secs() + pause;
    let change = |record: Record| if record.attempts == attempts { Record { next_attempt, ..record } } else { record };
    bucket.update(&Key::Outbox(id), change).await?;
    Ok(())
}

/// Twice buried is once: the dead one is there before the other goes.
async fn bury(bucket: &Bucket, id: &str, record: &Record) -> Result<(), Error> {
    bucket.create(&Key::OutboxDead(id), record).await?;
    Ok(bucket.delete(&Key::Outbox(id)).await?)
}

/// `attempts` counts the one that failed.
fn pause_after(attempts: u32) -> Option<u64> {
    let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
    PAUSES.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::pause_after;

    #[test]
    fn a_message_is_tried_ten_times_over_three_days() {
        assert_eq!(pause_after(1), Some(5));
        assert_eq!(pause_after(9), Some(86_400));
        assert_eq!(pause_after(10), None);
        let all: u64 = (1..10).filter_map(pause_after).sum();
        assert_eq!(all, 5 + 35 * 60 + 75 * 3600);
    }
}
