//! Receiving a body: inline when it is small, otherwise streamed to a blob file.
//!
//! Of a large body at most two batches are in memory: one that the network fills while the other is
//! hashed and written on a blocking thread. Checksums are compared and the blob is fsynced before the
//! caller gets it, so what it commits is durable and right.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, s3_error};
use tokio::task::{JoinHandle, spawn_blocking};

use super::blobs::{Blobs, NewBlob};
use super::digest::{Claims, Digester, Digests};
use super::error::internal;
use super::row::{Body, Chunk, INLINE_LIMIT};

/// Most bytes of one PUT or part, as on AWS.
const BODY_LIMIT: u64 = 5 * 1024 * 1024 * 1024;
/// Bytes written before the disk is told to begin with them, so that it works while the rest comes in:
/// a gigabyte otherwise waits in memory for the final sync.
const SYNC_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes gathered before a blocking thread hashes and writes them.
const BATCH_BYTES: usize = 512 * 1024;

/// A received body that no row refers to yet.
pub(super) struct Received {
    pub(super) body: Body,
    /// The new blob that `body` refers to; its file goes when this is dropped unkept.
    pub(super) blob: Option<NewBlob>,
    pub(super) size: u64,
    pub(super) digests: Digests,
}

/// Receives a whole body. `length` is the announced length, `inline` says whether a small body may live
/// in the index.
///
/// # Errors
/// `BadDigest`, `IncompleteBody`, `EntityTooLarge`, or what the signed stream complains about; then no
/// blob is left behind.
pub(super) async fn receive(
    blobs: &Arc<Blobs>,
    body: Option<StreamingBlob>,
    length: Option<i64>,
    claims: Claims,
    inline: bool,
) -> S3Result<Received> {
    let length = announced_length(length)?;
    let limit = if inline { INLINE_LIMIT } else { 0 };
    let mut stream = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let mut head = BytesMut::new();
    let mut digester = claims.digester();
    while let Some(frame) = stream.next().await {
        let frame = frame.map_err(body_error)?;
        if head.len() + frame.len() > limit {
            return to_blob(blobs, stream, [head.freeze(), frame], length, claims).await;
        }
        head.extend_from_slice(&frame);
    }
    if !inline {
        return to_blob(blobs, stream, [Bytes::new(), Bytes::new()], length, claims).await;
    }
    let size = check_length(head.len() as u64, length)?;
    digester.update(&head);
    Ok(Received { body: Body::Inline(head.freeze()), blob: None, size, digests: claims.verify(digester)? })
}

async fn to_blob(
    blobs: &Arc<Blobs>,
    mut stream: StreamingBlob,
    head: [Bytes; 2],
    length: Option<u64>,
    claims: Claims,
) -> S3Result<Received> {
    let (blob, file) = blobs.create().map_err(internal)?;
    let mut sink = Sink::new(file, claims.digester(), head);
    while let Some(frame) = stream.next().await {
        sink.push(frame.map_err(body_error)?).await?;
    }
    let (file, digester, size) = sink.finish().await?;
    check_length(size, length)?;
    let digests = claims.verify(digester)?;
    let blob = seal(blobs, blob, file).await?;
    let chunk = Chunk { blob: blob.id(), offset: 0, len: size, part: 0 };
    Ok(Received { body: Body::Chunks(vec![chunk]), blob: Some(blob), size, digests })
}

async fn seal(blobs: &Arc<Blobs>, blob: NewBlob, file: File) -> S3Result<NewBlob> {
    let blobs = Arc::clone(blobs);
    let sealed = spawn_blocking(move || blobs.seal(&blob, &file).map(|()| blob));
    sealed.await.map_err(internal)?.map_err(internal)
}

/// Hashes and writes batches on blocking threads, one at a time, in order.
struct Sink {
    batch: Vec<Bytes>,
    batch_bytes: usize,
    size: u64,
    idle: Option<(File, Digester)>,
    busy: Option<JoinHandle<io::Result<(File, Digester)>>>,
    syncing: Option<JoinHandle<io::Result<()>>>,
    /// Size at which the disk is told again.
    sync_at: u64,
}

impl Sink {
    fn new(file: File, digester: Digester, head: [Bytes; 2]) -> Self {
        let batch_bytes = head.iter().map(Bytes::len).sum();
        let size = batch_bytes as u64;
        Self {
            batch: head.into(),
            batch_bytes,
            size,
            idle: Some((file, digester)),
            busy: None,
            syncing: None,
            sync_at: SYNC_BYTES,
        }
    }

    async fn push(&mut self, frame: Bytes) -> S3Result<()> {
        self.size += frame.len() as u64;
        if self.size > BODY_LIMIT {
            return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed object size."));
        }
        self.batch_bytes += frame.len();
        self.batch.push(frame);
        if self.batch_bytes >= BATCH_BYTES { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> S3Result<()> {
        let (mut file, mut digester) = self.settle().await?;
        self.sync(&file).await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.busy = Some(spawn_blocking(move || {
            batch.iter().for_each(|bytes| digester.update(bytes));
            write_all(&mut file, &batch)?;
            Ok((file, digester))
        }));
        Ok(())
    }

    /// Starts to sync what is written, unless that is going on already.
    async fn sync(&mut self, file: &File) -> S3Result<()> {
        if self.size < self.sync_at || self.syncing.as_ref().is_some_and(|sync| !sync.is_finished()) {
            return Ok(());
        }
        self.synced().await?;
        self.sync_at = self.size + SYNC_BYTES;
        let file = file.try_clone().map_err(internal)?;
        self.syncing = Some(spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// The kernel tells of a failed write once: a sync's error must not be lost.
    async fn synced(&mut self) -> S3Result<()> {
        match self.syncing.take() {
            Some(sync) => sync.await.map_err(internal)?.map_err(internal),
            None => Ok(()),
        }
    }

    async fn settle(&mut self) -> S3Result<(File, Digester)> {
        let busy = self.busy.take();
        let idle = match busy {
            Some(task) => Some(task.await.map_err(internal)?.map_err(internal)?),
            None => self.idle.take(),
        };
        idle.ok_or_else(|| internal("a body failed to be written before"))
    }

    async fn finish(mut self) -> S3Result<(File, Digester, u64)> {
        self.write().await?;
        let (file, digester) = self.settle().await?;
        self.synced().await?;
        Ok((file, digester, self.size))
    }
}

/// One system call for many frames, where the kernel takes them all.
fn write_all(file: &mut File, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> =
        batch.iter().filter(|bytes| !bytes.is_empty()).map(|bytes| IoSlice::new(bytes)).collect();
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn announced_length(length: Option<i64>) -> S3Result<Option<u64>> {
    let length = length.map(u64::try_from).transpose().map_err(|_| s3_error!(InvalidArgument, "negative length"))?;
    if length.is_some_and(|length| length > BODY_LIMIT) {
        return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed object size."));
    }
    Ok(length)
}

fn check_length(size: u64, announced: Option<u64>) -> S3Result<u64> {
    match announced {
        Some(length) if length != size => Err(incomplete()),
        _ => Ok(size),
    }
}

/// What a broken request stream means to the client. The error types behind it are private to the
/// protocol library, so they are told apart by their names.
fn body_error(error: StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let mut error =
            S3Error::with_message(code, "The provided 'x-amz-content-sha256' header does not match what was computed.");
        error.set_status_code(http::StatusCode::BAD_REQUEST);
        error
    } else if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match")
    } else {
        incomplete()
    }
}

fn incomplete() -> S3Error {
    s3_error!(IncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header")
}
