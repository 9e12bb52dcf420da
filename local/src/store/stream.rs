//! Sending a body: from memory, or from files frame by frame.
//!
//! One frame is with the client while the next one is read ahead on a blocking thread: at most two
//! frames of memory a download, however slow it is, and no thread is held between them.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{FutureExt, Stream};
use rustix::buffer::spare_capacity;
use s3s::StdError;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::task::{JoinHandle, spawn_blocking};

use super::blobs::{Blobs, Pinned};
use super::row::Chunk;

/// Bytes read at once: large enough that a system call and a thread change cost little beside the copy.
pub(super) const FRAME_BYTES: u64 = 256 * 1024;

/// Something that gives one frame after another, on a blocking thread.
pub(super) trait Frames: Send + Sync + 'static {
    /// The next frame, of at most [`FRAME_BYTES`] and at most the `remaining` bytes (never 0).
    fn next(&mut self, remaining: u64) -> io::Result<Bytes>;
}

/// The bytes of pinned blobs.
pub(super) struct BlobFrames {
    blobs: Arc<Blobs>,
    /// Chunks still to be read, the next one last.
    chunks: Vec<Chunk>,
    open: Option<(u64, File)>,
    _pinned: Pinned,
}

impl BlobFrames {
    pub(super) fn new(blobs: Arc<Blobs>, mut chunks: Vec<Chunk>, pinned: Pinned) -> Self {
        chunks.reverse();
        Self { blobs, chunks, open: None, _pinned: pinned }
    }
}

impl Frames for BlobFrames {
    fn next(&mut self, remaining: u64) -> io::Result<Bytes> {
        let Some(chunk) = self.chunks.last_mut() else {
            return Ok(Bytes::new());
        };
        let open = self.open.take().filter(|(id, _)| *id == chunk.blob);
        let (id, file) = match open {
            Some(open) => open,
            None => (chunk.blob, self.blobs.read(chunk.blob)?),
        };
        let frame = read_at(&file, chunk.offset, chunk.len.min(remaining))?;
        chunk.offset += frame.len() as u64;
        chunk.len -= frame.len() as u64;
        if chunk.len == 0 {
            self.chunks.pop();
        }
        self.open = Some((id, file));
        Ok(frame)
    }
}

/// The body of a response made of `len` bytes of `frames`.
pub(super) fn body_of(frames: impl Frames, len: u64) -> StreamingBlob {
    StreamingBlob::new(FrameStream::new(frames, len))
}

/// Reads exactly `len` bytes, at most a frame, without clearing the memory first.
///
/// # Errors
/// `UnexpectedEof` when the file ends before that.
pub(super) fn read_at(file: &File, mut offset: u64, len: u64) -> io::Result<Bytes> {
    let wanted = usize::try_from(len.min(FRAME_BYTES)).unwrap_or_default();
    let mut frame = Vec::with_capacity(wanted);
    while frame.len() < wanted {
        match rustix::io::pread(file, spare_capacity(&mut frame), offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => offset += read as u64,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    frame.truncate(wanted);
    Ok(frame.into())
}

struct FrameStream<F> {
    state: State<F>,
    /// Bytes not yet handed out.
    remaining: u64,
}

enum State<F> {
    Reading(JoinHandle<(F, io::Result<Bytes>)>),
    Ended,
}

impl<F: Frames> FrameStream<F> {
    fn new(frames: F, len: u64) -> Self {
        let state = if len == 0 { State::Ended } else { read_ahead(frames, len) };
        Self { state, remaining: len }
    }

    fn accept(&mut self, frames: F, frame: io::Result<Bytes>) -> Result<Bytes, StdError> {
        let frame = frame?;
        let len = frame.len() as u64;
        if len == 0 || len > self.remaining {
            return Err(Box::new(io::Error::from(io::ErrorKind::UnexpectedEof)));
        }
        self.remaining -= len;
        if self.remaining > 0 {
            self.state = read_ahead(frames, self.remaining);
        }
        Ok(frame)
    }
}

fn read_ahead<F: Frames>(mut frames: F, remaining: u64) -> State<F> {
    State::Reading(spawn_blocking(move || {
        let frame = frames.next(remaining);
        (frames, frame)
    }))
}

impl<F: Frames> Stream for FrameStream<F> {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let State::Reading(task) = &mut self.state else {
            return Poll::Ready(None);
        };
        let read = ready!(task.poll_unpin(cx));
        self.state = State::Ended;
        let frame = match read {
            Ok((frames, frame)) => self.accept(frames, frame),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &frame {
            tracing::warn!(%error, "a download was broken off");
        }
        Poll::Ready(Some(frame))
    }
}

impl<F: Frames> ByteStream for FrameStream<F> {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}
