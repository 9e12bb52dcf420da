//! How many bytes of bodies this process holds at once.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{Error, Kind};

/// The most bytes of bodies that are held; whoever would hold more waits.
const LIMIT: usize = 256 << 20;

/// The most that is taken at a time, in bytes.
const PIECE_LIMIT: u64 = 64 << 20;

/// How long a body waits for room.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// See [`LIMIT`].
static ROOM: Semaphore = Semaphore::const_new(LIMIT);

/// Room for a body's bytes, given back when it is dropped.
pub type Room = SemaphorePermit<'static>;

/// Takes room for `bytes` more, at most 64 MiB at a time; 503 if there is none for half a minute.
pub async fn room(bytes: u64) -> Result<Room, Error> {
    let bytes = u32::try_from(bytes).ok().filter(|bytes| u64::from(*bytes) <= PIECE_LIMIT);
    let bytes = bytes.ok_or_else(|| Error::new(Kind::TooLarge, "Too many bytes at once."))?;
    match tokio::time::timeout(WAIT_LIMIT, ROOM.acquire_many(bytes)).await {
        Ok(Ok(room)) => Ok(room),
        Ok(Err(_)) | Err(_) => Err(Error::unavailable("Too many uploads at once.")),
    }
}

/// The same, only if there is room now.
pub fn room_now(bytes: u64) -> Option<Room> {
    u32::try_from(bytes).ok().and_then(|bytes| ROOM.try_acquire_many(bytes).ok())
}
