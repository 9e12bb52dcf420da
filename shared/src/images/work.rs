//! Work on pictures, beside the process's other work.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::Error;

/// How long a picture waits for its turn. What waits has room in memory, or is small.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// One a processor: more would only take memory. (`pixels::MAX_PIXELS` says how much one takes.)
static PLACES: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))));

/// Does what takes a processor's time on a thread of its own; 503 if none is free for long.
pub(super) async fn on_cpu<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let place = tokio::time::timeout(WAIT_LIMIT, PLACES.clone().acquire_owned()).await;
    let Ok(Ok(place)) = place else { return Err(Error::unavailable("Too many images at once.")) };
    let worked = tokio::task::spawn_blocking(move || {
        let outcome = work();
        // Not before: whoever asked may be gone.
        drop(place);
        outcome
    });
    worked.await.map_err(|cause| Error::internal("work on a picture", cause))
}
