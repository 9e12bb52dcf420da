//! Leaves a message in the outbox.

use super::{Record, is_id, now};
use crate::config::BusinessId;
use crate::error::Error;
use crate::storage::{Key, Storage};

/// The longest body, in bytes.
const BODY_LIMIT: usize = 256 * 1024;

/// What a business server is to be told.
#[derive(Clone, Debug)]
pub struct Message {
    /// Names the message, 1-128 of `A-Za-z0-9_-`: what has the same name is the same message.
    pub id: String,
    /// Whom it is for.
    pub business: BusinessId,
    /// The text, JSON of at most 256 KiB; each try sends exactly this.
    pub body: String,
}

/// Leaves a message to be delivered. Safe to run twice while it waits. One that was delivered would be sent again, so
/// the caller notes afterwards that it has posted. Follow it with [`wake_workers`](crate::app::App::wake_workers).
pub async fn post(storage: &Storage, message: &Message) -> Result<(), Error> {
    if !is_id(&message.id) || message.body.len() > BODY_LIMIT {
        return Err(Error::internal("post a callback", "its id or the length of its body is out of bounds"));
    }
    let (business, body) = (message.business, message.body.clone());
    let record = Record { business, body, attempts: 0, next_attempt: now().as_secs() };
    storage.main.create(&Key::Outbox(&message.id), &record).await?;
    Ok(())
}
