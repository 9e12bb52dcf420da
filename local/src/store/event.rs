//! What the store tells the rest of the program after a commit.
//!
//! Each subscriber has a bounded queue. The commit thread never waits for one: a subscriber answers an
//! event by writing to this very store, so waiting for it would stop both for good. When a queue is
//! full the event is dropped, counted and warned about, and the subscriber can tell from
//! [`Subscribers::lost`] that it has to scan, as it does at every start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

/// Events that may wait for one subscriber; at some 200 bytes each, 13 MB at the worst.
const QUEUE_LIMIT: usize = 65_536;

/// An object was created (or replaced) or deleted, and that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Bucket of the object.
    pub bucket: String,
    /// Its key, as it is (not URL-encoded).
    pub key: String,
    /// Bytes; of what was there, for a deletion.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// CRC-32 (IEEE) of the whole body.
    pub crc32: u32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Created or replaced.
    Created,
    /// Deleted.
    Deleted,
}

/// Everyone who asked for events.
#[derive(Default)]
pub(super) struct Subscribers {
    senders: Mutex<Vec<mpsc::Sender<Event>>>,
    lost: AtomicU64,
}

impl Subscribers {
    pub(super) fn subscribe(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(QUEUE_LIMIT);
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Events dropped so far because a queue was full.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn publish(&self, events: Vec<Event>) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            senders.retain(|sender| match sender.try_send(event.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(event)) => {
                    if self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
                        tracing::warn!(
                            bucket = event.bucket,
                            key = event.key,
                            "event queue is full: events are dropped until the next scan"
                        );
                    }
                    true
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(key: usize) -> Event {
        Event {
            bucket: "b".into(),
            key: key.to_string(),
            size: 0,
            etag: String::new(),
            crc32: 0,
            kind: EventKind::Created,
        }
    }

    #[test]
    fn a_full_queue_counts_what_it_drops_and_keeps_the_oldest() {
        let subscribers = Subscribers::default();
        let mut receiver = subscribers.subscribe();
        subscribers.publish((0..QUEUE_LIMIT + 3).map(event).collect());
        assert_eq!(subscribers.lost(), 3);
        assert_eq!(receiver.try_recv().unwrap().key, "0");
    }

    #[test]
    fn a_subscriber_that_left_is_forgotten() {
        let subscribers = Subscribers::default();
        drop(subscribers.subscribe());
        subscribers.publish(vec![event(1)]);
        assert!(subscribers.senders.lock().unwrap().is_empty());
    }
}
