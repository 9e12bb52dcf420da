//! Bytes that arrive as a stream, of any length, held in memory a cell at a time at most.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::BodyDataStream;
use tokio::task::JoinHandle;

use super::rope::Rope;
use super::standing::Standing;
use super::task::Upload;
use super::transfer::{self, Transfer};
use crate::error::{Error, Kind};
use crate::http::{Body, body};
use crate::memory::{Room, UPLOADS};

/// The most bytes that are gathered before they are stored.
const GATHERED_LIMIT: u64 = 16 << 20;

/// How long a client may send nothing.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How a stream of bytes ended.
pub(super) struct Received {
    /// Where the upload stands now.
    pub(super) standing: Standing,
    /// The first position that did not arrive: everything before it is stored.
    pub(super) offset: u64,
    /// Why it ended before the body did.
    pub(super) error: Option<Error>,
}

impl Upload {
    /// Stores a body that begins at `offset`, to its end or as far as it comes: what arrived before a client went
    /// away is kept, if the caller is [`detached`](crate::http::detached) from it.
    pub(super) async fn receive(
        &self,
        standing: Standing,
        offset: u64,
        body: Body,
        transfer: &Transfer,
    ) -> Result<Received, Error> {
        let mut frames = BodyDataStream::new(body);
        let mut arriving =
            Arriving { at: offset, gathered: Gathered::default(), writer: Writer::Idle(Box::new(standing)) };
        let error = loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(IDLE_LIMIT, frames.try_next()) => frame,
                () = transfer.taken_over() => break Some(transfer::taken_over()),
            };
            match frame {
                Ok(Ok(Some(frame))) => arriving.take(self, frame).await?,
                Ok(Ok(None)) => break None,
                Ok(Err(cause)) => break Some(body::refusal(cause)),
                Err(elapsed) => {
                    break Some(Error::new(Kind::Timeout, "Nothing came for a minute.").caused_by(elapsed));
                }
            }
        };
        arriving.store(self).await?;
        Ok(Received { standing: arriving.writer.finish().await?, offset: arriving.at, error })
    }

    /// How much is gathered from `at` on before it is stored: to the end of the cell, within bounds.
    fn gathered(&self, at: u64) -> u64 {
        (self.task.cell - at % self.task.cell).min(GATHERED_LIMIT - at % GATHERED_LIMIT.min(self.task.cell))
    }
}

/// Bytes that are not stored yet, with the room they take.
#[derive(Default)]
struct Gathered {
    rope: Rope,
    room: Option<Room>,
}

struct Arriving {
    /// Where what is gathered belongs.
    at: u64,
    gathered: Gathered,
    writer: Writer,
}

impl Arriving {
    async fn take(&mut self, upload: &Upload, mut frame: Bytes) -> Result<(), Error> {
        while !frame.is_empty() {
            let limit = upload.gathered(self.at) - self.gathered.rope.len();
            let taken = frame.split_to(frame.len().min(usize::try_from(limit).unwrap_or(usize::MAX)));
            self.make_room(upload, taken.len() as u64).await?;
            self.gathered.rope.push(taken);
            if self.gathered.rope.len() == upload.gathered(self.at) {
                self.store(upload).await?;
            }
        }
        Ok(())
    }

    /// Whoever holds bytes never waits for room: all might.
    async fn make_room(&mut self, upload: &Upload, bytes: u64) -> Result<(), Error> {
        let more = match UPLOADS.room_now(bytes) {
            Some(more) => more,
            None => {
                self.store(upload).await?;
                self.writer = Writer::Idle(Box::new(std::mem::take(&mut self.writer).finish().await?));
                UPLOADS.room(bytes).await?
            }
        };
        match &mut self.gathered.room {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    async fn store(&mut self, upload: &Upload) -> Result<(), Error> {
        let gathered = std::mem::take(&mut self.gathered);
        let length = gathered.rope.len();
        if length > 0 {
            self.writer = std::mem::take(&mut self.writer).write(upload, self.at, gathered).await?;
            self.at += length;
        }
        Ok(())
    }
}

/// Stores one piece while the next one is gathered.
#[derive(Default)]
enum Writer {
    Idle(Box<Standing>),
    Busy(JoinHandle<Result<Standing, Error>>),
    /// It failed, or is being changed.
    #[default]
    None,
}

impl Writer {
    async fn write(self, upload: &Upload, at: u64, piece: Gathered) -> Result<Self, Error> {
        let mut standing = self.finish().await?;
        let upload = upload.clone();
        Ok(Self::Busy(tokio::spawn(async move {
            upload.write(&mut standing, at, &piece.rope).await?;
            Ok(standing)
        })))
    }

    async fn finish(self) -> Result<Standing, Error> {
        match self {
            Self::Idle(standing) => Ok(*standing),
            Self::Busy(task) => task.await.map_err(|cause| Error::internal("store a piece", cause))?,
            Self::None => Err(Error::internal("store a piece", "the one before failed")),
        }
    }
}
