//! Work that takes a processor's time, beside the process's other work.
//!
//! Who waits is served in the order of coming, whatever the work is: a job hands in pieces that are short, so that none
//! holds up another for long. A piece never waits for anything while it has its place.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::Error;

/// How long a piece waits for its turn. What waits has room in memory, or is small.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// One a processor: more would only take memory. (`images::pixels::MAX_PIXELS` says how much one takes.)
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(processors())));

/// How many there are.
pub(crate) fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Does it on a thread of its own; 503 with the words `busy` if none is free for long. A panic is an internal error.
pub(crate) async fn on_cpu<T: Send + 'static>(
    busy: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let place = tokio::time::timeout(WAIT_LIMIT, PLACES.clone().acquire_owned()).await;
    let Ok(Ok(place)) = place else { return Err(Error::unavailable(busy)) };
    let worked = tokio::task::spawn_blocking(move || {
        let outcome = work();
        // Not before: whoever asked may be gone.
        drop(place);
        outcome
    });
    worked.await.map_err(|cause| Error::internal("work on a thread of its own", cause))
}
