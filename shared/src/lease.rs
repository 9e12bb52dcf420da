//! Work that belongs to one holder for a while, by what a record says.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::clock::{self, milliseconds};
use crate::error::Error;

/// How long work belongs to whom has begun it. Clocks must differ by much less.
const LEASE: Duration = Duration::from_secs(10);

/// How often it is extended.
const EXTEND: Duration = Duration::from_secs(3);

/// Whose work it is, until when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lease {
    holder: String,
    /// Milliseconds since 1970.
    until: u64,
}

impl Lease {
    /// From now on.
    pub(crate) fn of(holder: &str) -> Self {
        Self { holder: holder.to_owned(), until: clock::now() + milliseconds(LEASE) }
    }

    /// Whether it was given to that holder.
    pub(crate) fn is_of(&self, holder: &str) -> bool {
        self.holder == holder
    }

    /// Also one that ends too far ahead: a clock was set back.
    pub(crate) fn is_over(&self) -> bool {
        let now = clock::now();
        self.until < now || self.until > now + 2 * milliseconds(LEASE)
    }
}

/// Extends a lease again and again; `extend` says whether it still was the holder's. Comes back when it is not, or when that
/// could not be looked at for the length of a lease. `what` names the work in the log.
pub(crate) async fn keep<F, E>(what: &str, extend: F) -> Result<(), Error>
where
    F: Fn() -> E,
    E: Future<Output = Result<bool, Error>>,
{
    let mut end = Instant::now() + LEASE;
    loop {
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(EXTEND).await;
        let began = Instant::now();
        match timeout_at(end, extend()).await {
            Ok(Ok(true)) => end = began + LEASE,
            Ok(Ok(false)) => return Ok(()),
            // The store may answer again before the lease is over.
            Ok(Err(error)) if Instant::now() < end => {
                warn!(what, causes = error.causes(), "the lease is not extended: {error}");
            }
            Ok(Err(error)) => return Err(error),
            Err(elapsed) => return Err(Error::unavailable("The lease could not be extended.").caused_by(elapsed)),
        }
    }
}
