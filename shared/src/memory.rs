//! How many bytes of bodies this process holds at once.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{Error, Kind};

/// The most that is taken at a time, in bytes.
const PIECE_LIMIT: u64 = 64 << 20;

/// How long a body waits for room.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Of uploads in pieces.
pub static UPLOADS: Memory = Memory::new(256 << 20);

/// Of images: who sends those need not be known, and must not keep the others waiting.
pub static IMAGES: Memory = Memory::new(256 << 20);

/// A share of the memory; whoever would hold more than there is waits.
pub struct Memory(Semaphore);

/// Room for a body's bytes, given back when it is dropped.
pub type Room = SemaphorePermit<'static>;

impl Memory {
    /// That many bytes.
    const fn new(bytes: usize) -> Self {
        Self(Semaphore::const_new(bytes))
    }

    /// Takes room for `bytes` more, at most 64 MiB at a time; 503 if there is none for half a minute.
    pub async fn room(&'static self, bytes: u64) -> Result<Room, Error> {
        let bytes = u32::try_from(bytes).ok().filter(|bytes| u64::from(*bytes) <= PIECE_LIMIT);
        let bytes = bytes.ok_or_else(|| Error::new(Kind::TooLarge, "Too many bytes at once."))?;
        match tokio::time::timeout(WAIT_LIMIT, self.0.acquire_many(bytes)).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) | Err(_) => Err(Error::unavailable("Too many uploads at once.")),
        }
    }

    /// Whether there is less than that now, so that others may be waiting.
    pub fn is_short_of(&self, bytes: u64) -> bool {
        (self.0.available_permits() as u64) < bytes
    }

    /// Takes room only if there is some now.
    pub fn room_now(&'static self, bytes: u64) -> Option<Room> {
        u32::try_from(bytes).ok().and_then(|bytes| self.0.try_acquire_many(bytes).ok())
    }
}
