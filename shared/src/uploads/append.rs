//! Bytes that continue an upload whose clients send them in order.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};

use super::finish::REQUEST_BUDGET;
use super::receive::Received;
use super::rope::Rope;
use super::standing::{Phase, Standing};
use super::task::Upload;
use super::transfer::Transfer;
use crate::error::Error;
use crate::http::{Body, detached};
use crate::memory::Room;

/// Bytes on their way into an upload.
pub(super) enum Content {
    /// As they come; what came before they broke off is kept.
    Stream(Body),
    /// All of them, in memory that was asked for.
    Held(Bytes, Room),
}

/// The right to append: whoever asks after it began waits until it is over, or is told of what it brought.
pub(super) struct Turn {
    /// Where the upload stands.
    pub(super) standing: Standing,
    /// How many bytes are there without a gap from the start.
    pub(super) offset: u64,
    transfer: Transfer,
}

/// What follows when all of them are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The upload ends once its length is reached.
    Proceed,
    /// Nothing: its client has not said that it is complete, whatever its length is.
    Wait,
    /// It ends here.
    End,
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
    /// Where it stands, and how many bytes are there without a gap from the start. A request of this process that
    /// still brings bytes of it is ended.
    pub(super) async fn progress(&self) -> Result<(Standing, u64), Error> {
        self.take_over().await;
        self.counted().await
    }

    async fn counted(&self) -> Result<(Standing, u64), Error> {
        let before = self.standing().await?;
        if !before.phase.is_under_way() {
            let size = before.size.unwrap_or_default();
            return Ok((before, size));
        }
        let counted = self.offset(&before).await?;
        // Its cells go when it ends: what was counted then is not the truth.
        let standing = self.standing().await?;
        let offset = if standing.phase.is_under_way() { counted } else { standing.size.unwrap_or_default() };
        Ok((standing, offset))
    }

    /// Takes the turn to append, from anyone in this process who has it.
    pub(super) async fn turn(&self) -> Result<Turn, Error> {
        let transfer = self.take_turn().await;
        let (standing, offset) = self.counted().await?;
        Ok(Turn { standing, offset, transfer })
    }

    /// The first turn of an upload that nobody knows of yet.
    pub(super) async fn first_turn(&self) -> Result<Turn, Error> {
        Ok(Turn { standing: self.standing().await?, offset: 0, transfer: Transfer::begin(&self.id) })
    }

    /// Stores bytes where the turn stands, none beyond the end, and does what is due then. It goes on when the caller
    /// is dropped.
    ///
    /// # Errors
    /// 409 if the turn was taken before any byte was.
    pub(super) async fn append(&self, turn: Turn, content: Content, then: Then) -> Result<Appended, Error> {
        let upload = self.clone();
        detached("append", async move { upload.append_here(turn, content, then).await }).await
    }

    async fn append_here(&self, turn: Turn, content: Content, then: Then) -> Result<Appended, Error> {
        let Turn { mut standing, offset, transfer } = turn;
        transfer.check()?;
        let room = standing.size.unwrap_or_else(|| self.task.capacity()).saturating_sub(offset);
        let (mut standing, offset, error) = match content {
            Content::Held(bytes, _room) => {
                let end = offset + bytes.len() as u64;
                self.write(&mut standing, offset, &Rope::from(bytes)).await?;
                (standing, end, None)
            }
            Content::Stream(body) => {
                let limited = Limited::new(body, usize::try_from(room).unwrap_or(usize::MAX)).boxed_unsync();
                let Received { standing, offset, error } = self.receive(standing, offset, limited, &transfer).await?;
                (standing, offset, error)
            }
        };
        if then == Then::End && error.is_none() && standing.size.is_none() {
            self.declare_size(offset).await?;
            standing = self.standing().await?;
        }
        let short = standing.size != Some(offset);
        if then == Then::Wait || (then == Then::End && (error.is_some() || short)) {
            return Ok(Appended { offset, phase: standing.phase, error });
        }
        // Until here whoever asks is kept waiting, or would be told of a complete upload that it is not.
        let phase = self.proceed(&mut standing, REQUEST_BUDGET).await?;
        drop(transfer);
        Ok(Appended { offset, phase, error })
    }
}
