//! Ending an upload, complete or not.

use super::finish::REQUEST_BUDGET;
use super::standing::{Phase, Verdict};
use super::task::Upload;
use crate::error::{Error, Kind};

impl Upload {
    /// Gives it up, or deletes its file if it is complete.
    ///
    /// # Errors
    /// 410 if it was over before, 503 while its file is being put together.
    pub(super) async fn terminate(&self) -> Result<(), Error> {
        let mut standing = self.standing().await?;
        let open = standing.phase.is_under_way();
        // It may turn out to be complete: whoever sent the last byte was quicker.
        let phase =
            if open { self.cancel(&mut standing).await? } else { self.proceed(&mut standing, REQUEST_BUDGET).await? };
        match phase {
            Phase::Ended { verdict: Verdict::Complete, settled: true } => self.delete().await,
            Phase::Ended { verdict: Verdict::Complete, settled: false } => {
                Err(Error::unavailable("The upload is complete and is being put together."))
            }
            Phase::Ended { verdict: Verdict::Cancelled, .. } if open => Ok(()),
            _ => Err(Error::new(Kind::Gone, "The upload is over.")),
        }
    }
}
