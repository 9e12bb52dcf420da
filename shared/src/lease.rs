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

/// How often it is extended, where nothing asks for a look more often.
pub(crate) const EXTEND: Duration = Duration::from_secs(3);

/// Whose work it is, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    /// When another may take over, in milliseconds since 1970.
    pub(crate) fn end(&self) -> u64 {
        self.until
    }

    /// Whether it is time to extend it.
    pub(crate) fn is_half_over(&self) -> bool {
        self.until.saturating_sub(clock::now()) <= milliseconds(LEASE) / 2
    }

    /// Also one that ends too far ahead: a clock was set back.
    pub(crate) fn is_over(&self) -> bool {
        let now = clock::now();
        self.until < now || self.until > now + 2 * milliseconds(LEASE)
    }
}

/// What a look at the record showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It is the holder's, as it was.
    Ours,
    /// It is the holder's, from now on.
    Extended,
    /// It is not the holder's.
    Lost,
}

impl Look {
    /// Of a look that extends the lease if it can.
    pub(crate) fn of(extended: bool) -> Self {
        if extended { Self::Extended } else { Self::Lost }
    }
}

/// Looks at a lease again and again, and has it extended. Comes back when it is lost, or when it could not be looked at for the
/// length of a lease. `what` names the work in the log.
pub(crate) async fn keep<F, E>(what: &str, every: Duration, look: F) -> Result<(), Error>
where
    F: Fn() -> E,
    E: Future<Output = Result<Look, Error>>,
{
    let mut end = Instant::now() + LEASE;
    loop {
        // Whoever takes it, or cancels the work, writes to the store, from any process.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(every).await;
        let began = Instant::now();
        match timeout_at(end, look()).await {
            Ok(Ok(Look::Ours)) => {}
            Ok(Ok(Look::Extended)) => end = began + LEASE,
            Ok(Ok(Look::Lost)) => return Ok(()),
            // The store may answer again before the lease is over.
            Ok(Err(error)) if Instant::now() < end => {
                warn!(what, causes = error.causes(), "the lease is not looked at: {error}");
            }
            Ok(Err(error)) => return Err(error),
            Err(elapsed) => return Err(Error::unavailable("The lease could not be extended.").caused_by(elapsed)),
        }
    }
}
