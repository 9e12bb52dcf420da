//! Callbacks to business servers: signed, kept until they are delivered, tried again for days.
//!
//! A message is a record of its own, `outbox/{id}`: whom it is for, its text, how often it was tried and when it is
//! due. A try is claimed by compare-and-swap, which also puts it off: whoever claims it and dies loses nothing but
//! that time. Delivered, the record is deleted; given up, it is moved to `outbox-dead/{id}` for its operator.
//!
//! What a receiver may rely on (Standard Webhooks 1.0): each message arrives at least once, with the same
//! `webhook-id` and the same body on each try; a 2xx ends it, a 410 gives it up, anything else is tried again.
//!
//! What may never happen: a token or a secret in a record; a redirect followed; one receiver waiting for another;
//! a message that is lost because a process ended.
//!
//! - `post`: leaves a message. - `sign`: its signature. - `send`: one request. - `deliver`: one try, with what comes of
//!   it. - `sweep`: everything that is due.

mod deliver;
mod post;
mod send;
mod sign;
mod sweep;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::config::BusinessId;
use crate::error::Error;
use crate::events::{Change, ObjectEvent, RUN_LIMIT, Schedule, Worker};
use crate::storage::{Bucket, Fault, Key, StoreError, Versioned};

pub use post::{Message, post};

/// Delivers messages: one when it arrives, and all that are due every so often.
pub const DELIVER_CALLBACKS: Worker = Worker {
    name: "deliver-callbacks",
    on_object: Some(|app, event| Box::pin(arrived(app, event))),
    on_schedule: Some(Schedule { every: sweep::AGAIN, limit: RUN_LIMIT, handler: |app| Box::pin(sweep::sweep(app)) }),
};

/// What a process remembers between deliveries; nothing of it is missed after a restart.
#[derive(Default)]
pub(crate) struct Memory {
    client: send::Client,
    seen: sweep::Seen,
}

/// A message as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    business: BusinessId,
    body: String,
    /// Tries that were begun.
    attempts: u32,
    /// Seconds of Unix time.
    next_attempt: u64,
}

/// Where a worker with a schedule runs in this process, it finds the message and keeps receivers apart.
async fn arrived(app: &App, event: &ObjectEvent) -> Result<(), Error> {
    let bucket = &app.storage()?.main;
    let Some(id) = id_of(&event.key).filter(|_| event.bucket == bucket.name() && event.kind == Change::Created) else {
        return Ok(());
    };
    // Our own claims are news as well.
    if deliver::is_due(bucket, id).await? && !app.wake_workers() {
        deliver::deliver(app, id).await?;
    }
    Ok(())
}

/// Reads a message; `None` if there is none. To a caller who may list this folder only, AWS says of a missing key that
/// it is not allowed; the listing tells which it is.
async fn read(bucket: &Bucket, id: &str) -> Result<Option<Versioned<Record>>, StoreError> {
    let key = Key::Outbox(id);
    match bucket.read(&key).await {
        Err(error) if error.fault == Fault::Denied => {
            let page = bucket.list(&key).next().await?.unwrap_or_default();
            let there = page.iter().any(|listed| id_of(&listed.key) == Some(id));
            if there { Err(error) } else { Ok(None) }
        }
        read => read,
    }
}

/// The message that a key in the outbox names.
fn id_of(key: &str) -> Option<&str> {
    key.strip_prefix("outbox/").filter(|id| is_id(id))
}

/// Safe in a key and in a header.
fn is_id(id: &str) -> bool {
    crate::is_id(id, 128)
}

/// Unix time.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
