//! UploadPartCopy: a part that shares the blobs of another object.
//!
//! No data is written for a source that is in blobs. Of a whole object the checksums are known, so that nothing is
//! even read; otherwise the range is read once for them.

use std::sync::Arc;

use md5::{Digest as _, Md5};
use s3s::dto::{CopyPartResult, StreamingBlob, UploadPartCopyInput, UploadPartCopyOutput};
use s3s::{Body as HttpBody, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::upload_part::store_part;
use super::{copy_source, etag, part_number, timestamp};
use crate::store::condition::ReadConditions;
use crate::store::digest::{Claims, Digests, crc32_text};
use crate::store::error::{Refusal, internal};
use crate::store::range::Selection;
use crate::store::receive::receive;
use crate::store::row::{Body, Object, Part, slice_chunks};
use crate::store::state::{State, now};
use crate::store::stream::{BlobFrames, Frames};
use crate::store::writer::Writer;

/// How often a source that changes while it is read is begun anew.
const RETRY_LIMIT: usize = 5;

pub(in crate::store) async fn upload_part_copy(
    state: &State,
    mut input: UploadPartCopyInput,
) -> S3Result<UploadPartCopyOutput> {
    let number = part_number(input.part_number)?;
    state.check_writable(&input.bucket)?;
    state.index.snapshot()?.upload(&input.bucket, &input.key, &input.upload_id)?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let copy = Copy {
        source: copy_source(&input.copy_source)?,
        range: input.copy_source_range.as_deref().map(parse_range).transpose()?,
        conditions,
        upload: (input.bucket, input.key, input.upload_id),
        number,
    };
    let part = copy.run(state).await?;
    Ok(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(etag(&part.etag)),
            checksum_crc32: Some(crc32_text(part.crc32)),
            last_modified: Some(timestamp(part.modified)),
            ..CopyPartResult::default()
        }),
        ..UploadPartCopyOutput::default()
    })
}

struct Copy {
    source: (String, String),
    range: Option<s3s::dto::Range>,
    conditions: ReadConditions,
    upload: (String, String, String),
    number: u32,
}

impl Copy {
    async fn run(&self, state: &State) -> S3Result<Part> {
        if state.directory(&self.source.0).is_some() {
            return Err(s3_error!(NotImplemented, "Copying from a directory on disk is not supported"));
        }
        for _ in 0..RETRY_LIMIT {
            let (object, body, pinned) = state.read_pinned(&self.source.0, &self.source.1)?;
            self.conditions.check_source(&object.etag, object.modified)?;
            let selection = Selection::new(self.range.as_ref(), object.size)?;
            let chunks = match &body {
                Body::Inline(bytes) => return self.store_bytes(state, bytes, &selection).await,
                Body::Chunks(chunks) => slice_chunks(chunks, selection.range.start, selection.range.end),
            };
            let digests = match known_digests(&object, &selection) {
                Some(digests) => digests,
                None => {
                    digest(BlobFrames::new(Arc::clone(&state.blobs), chunks.clone(), pinned), selection.len()).await?
                }
            };
            let part =
                Part { size: selection.len(), etag: digests.etag(), crc32: digests.crc32, modified: now(), chunks };
            if let Some(part) = self.share(state, body, part).await? {
                return Ok(part);
            }
        }
        Err(s3_error!(SlowDown, "The source is being overwritten faster than it can be copied"))
    }

    /// A small source lives in the index: its bytes become a blob.
    async fn store_bytes(&self, state: &State, bytes: &bytes::Bytes, selection: &Selection) -> S3Result<Part> {
        let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = bytes.slice(position(selection.range.start)..position(selection.range.end));
        let body = StreamingBlob::from(HttpBody::from(bytes));
        let received = receive(&state.blobs, Some(body), None, Claims::default(), false).await?;
        store_part(state, self.upload.clone(), self.number, received).await
    }

    /// Refers to the blobs of the source, if it still is what was read.
    async fn share(&self, state: &State, seen: Body, part: Part) -> S3Result<Option<Part>> {
        let ((from, source), (bucket, key, id), number) = (self.source.clone(), self.upload.clone(), self.number);
        let job = move |writer: &mut Writer<'_>| {
            writer.upload(&bucket, &key, &id)?;
            match writer.object_and_body(&from, &source) {
                Ok((_, body)) if body == seen => {}
                Ok(_) | Err(Refusal::Request(_)) => return Ok(None),
                Err(storage) => return Err(storage),
            }
            writer.put_part(&id, number, &part)?;
            Ok(Some(part))
        };
        state.commits.run(job).await
    }
}

/// What is copied whole need not be read: its CRC is known, and from its ETag follows one for the part. A plain
/// object's is the MD5 of its bytes.
fn known_digests(object: &Object, selection: &Selection) -> Option<Digests> {
    if selection.len() != object.size {
        return None;
    }
    let md5 = parse_md5(&object.etag).unwrap_or_else(|| Md5::digest(&object.etag).into());
    Some(Digests { md5: Some(md5), crc32: object.crc32 })
}

fn parse_md5(etag: &str) -> Option<[u8; 16]> {
    let digits = Some(etag).filter(|etag| etag.len() == 32 && etag.is_ascii())?;
    let mut md5 = [0; 16];
    for (index, byte) in md5.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(md5)
}

async fn digest(mut frames: BlobFrames, len: u64) -> S3Result<Digests> {
    let task = spawn_blocking(move || {
        let claims = Claims::default();
        let mut digester = claims.digester();
        let mut remaining = len;
        while remaining > 0 {
            let frame = frames.next(remaining).map_err(internal)?;
            digester.update(&frame);
            remaining = remaining.saturating_sub(frame.len() as u64);
        }
        claims.verify(digester)
    });
    task.await.map_err(internal)?
}

/// `bytes=first-last`, both given: the only form this header takes.
fn parse_range(header: &str) -> S3Result<s3s::dto::Range> {
    match s3s::dto::Range::parse(header) {
        Ok(range @ s3s::dto::Range::Int { last: Some(_), .. }) => Ok(range),
        _ => Err(s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be of the form bytes=first-last")),
    }
}
