//! Bytes that continue an upload whose clients send them in order.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};

use super::finish::REQUEST_BUDGET;
use super::receive::{Received, Room};
use super::rope::Rope;
use super::standing::{Phase, Standing};
use super::task::Upload;
use crate::error::Error;
use crate::http::Body;

/// Bytes on their way into an upload.
pub(super) enum Content {
    /// As they come; what came before they broke off is kept.
    Stream(Body),
    /// All of them, in memory that was asked for.
    Held(Bytes, Room),
}

/// What came of them.
pub(super) struct Appended {
    /// The first position that did not arrive.
    pub(super) offset: u64,
    /// What the upload came to.
    pub(super) phase: Phase,
    /// Why it ended before the bytes did.
    pub(super) error: Option<Error>,
}

impl Upload {
    /// Where it stands, and how many bytes are there without a gap from the start.
    pub(super) async fn progress(&self) -> Result<(Standing, u64), Error> {
        let before = self.standing().await?;
        let counted = if is_over(before.phase) { 0 } else { self.offset(&before).await? };
        // Its cells go when it ends: what was counted then is not the truth.
        let standing = if is_over(before.phase) { before } else { self.standing().await? };
        let offset = if is_over(standing.phase) { standing.size.unwrap_or_default() } else { counted };
        Ok((standing, offset))
    }

    /// Stores bytes from `offset` on, none beyond the end, and does what is due then. It goes on when the caller is
    /// dropped.
    pub(super) async fn append(&self, standing: Standing, offset: u64, content: Content) -> Result<Appended, Error> {
        let upload = self.clone();
        let task = tokio::spawn(async move { upload.append_here(standing, offset, content).await });
        task.await.map_err(|cause| Error::internal("append", cause))?
    }

    async fn append_here(&self, mut standing: Standing, offset: u64, content: Content) -> Result<Appended, Error> {
        let room = standing.size.unwrap_or_else(|| self.task.capacity()).saturating_sub(offset);
        let (mut standing, offset, error) = match content {
            Content::Held(bytes, _room) => {
                let end = offset + bytes.len() as u64;
                self.write(&mut standing, offset, &Rope::from(bytes)).await?;
                (standing, end, None)
            }
            Content::Stream(body) => {
                let limited = Limited::new(body, usize::try_from(room).unwrap_or(usize::MAX)).boxed_unsync();
                let Received { standing, offset, error } = self.receive(standing, offset, limited).await?;
                (standing, offset, error)
            }
        };
        let phase = self.proceed(&mut standing, REQUEST_BUDGET).await?;
        Ok(Appended { offset, phase, error })
    }
}

pub(super) fn is_over(phase: Phase) -> bool {
    matches!(phase, Phase::Ended { .. } | Phase::Gone)
}
