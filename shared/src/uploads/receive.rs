//! Bytes that arrive as a stream, of any length, held in memory a cell at a time at most.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::BodyDataStream;
use tokio::task::JoinHandle;

use super::rope::Rope;
use super::standing::Standing;
use super::task::Upload;
use crate::error::{Error, Kind};
use crate::http::{Body, body};

/// The most bytes that are gathered before they are stored.
const GATHERED_LIMIT: u64 = 16 << 20;

/// How long a client may send nothing.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How a stream of bytes ended.
pub struct Received {
    /// Where the upload stands now.
    pub standing: Standing,
    /// The first position that did not arrive: everything before it is stored.
    pub offset: u64,
    /// Why it ended before the body did.
    pub error: Option<Error>,
}

impl Upload {
    /// Stores a body that begins at `offset`, to its end or as far as it comes: what arrived before a client went
    /// away is kept. It goes on when the caller is dropped, as it is when the client has gone.
    pub async fn receive(&self, standing: Standing, offset: u64, body: Body) -> Result<Received, Error> {
        let upload = self.clone();
        let task = tokio::spawn(async move { upload.receive_here(standing, offset, body).await });
        task.await.map_err(|cause| Error::internal("receive a body", cause))?
    }

    async fn receive_here(&self, standing: Standing, offset: u64, body: Body) -> Result<Received, Error> {
        let mut frames = BodyDataStream::new(body);
        let (mut writer, mut gathered, mut at) = (Writer::Idle(Box::new(standing)), Rope::default(), offset);
        let error = loop {
            let frame = match tokio::time::timeout(IDLE_LIMIT, frames.try_next()).await {
                Ok(Ok(Some(frame))) => frame,
                Ok(Ok(None)) => break None,
                Ok(Err(cause)) => break Some(body::refusal(cause)),
                Err(elapsed) => {
                    break Some(Error::new(Kind::Timeout, "Nothing came for a minute.").caused_by(elapsed));
                }
            };
            let mut frame: Bytes = frame;
            while !frame.is_empty() {
                let room = self.room(at) - gathered.len();
                let taken = frame.split_to(frame.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
                gathered.push(taken);
                if gathered.len() == self.room(at) {
                    let piece = std::mem::take(&mut gathered);
                    let length = piece.len();
                    writer = writer.write(self, at, piece).await?;
                    at += length;
                }
            }
        };
        let length = gathered.len();
        if length > 0 {
            writer = writer.write(self, at, gathered).await?;
            at += length;
        }
        Ok(Received { standing: writer.finish().await?, offset: at, error })
    }

    /// How much is gathered from `at` on before it is stored: to the end of the cell, within bounds.
    fn room(&self, at: u64) -> u64 {
        (self.task.cell - at % self.task.cell).min(GATHERED_LIMIT - at % GATHERED_LIMIT.min(self.task.cell))
    }
}

/// Stores one piece while the next one is gathered.
enum Writer {
    Idle(Box<Standing>),
    Busy(JoinHandle<Result<Standing, Error>>),
}

impl Writer {
    async fn write(self, upload: &Upload, at: u64, piece: Rope) -> Result<Self, Error> {
        let mut standing = self.finish().await?;
        let upload = upload.clone();
        Ok(Self::Busy(tokio::spawn(async move {
            upload.write(&mut standing, at, &piece).await?;
            Ok(standing)
        })))
    }

    async fn finish(self) -> Result<Standing, Error> {
        match self {
            Self::Idle(standing) => Ok(*standing),
            Self::Busy(task) => task.await.map_err(|cause| Error::internal("store a piece", cause))?,
        }
    }
}
