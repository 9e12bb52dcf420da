//! UploadPart.

use s3s::dto::{UploadPartInput, UploadPartOutput};
use s3s::{S3Request, S3Result};

use super::{etag, part_number};
use crate::store::digest::{Claims, crc32_text};
use crate::store::receive::{Received, receive};
use crate::store::row::{Body, Part};
use crate::store::state::{State, now};
use crate::store::writer::Writer;

pub(in crate::store) async fn upload_part(
    state: &State,
    request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let S3Request { input, headers, trailing_headers, .. } = request;
    let number = part_number(input.part_number)?;
    state.check_writable(&input.bucket)?;
    state.index.snapshot()?.upload(&input.bucket, &input.key, &input.upload_id)?;
    let claimed = [
        input.checksum_crc32,
        input.checksum_crc32c,
        input.checksum_crc64nvme,
        input.checksum_sha1,
        input.checksum_sha256,
    ];
    let claims = Claims::new(input.content_md5.as_deref(), claimed, &headers, trailing_headers)?;
    // Never inline: completing an upload then only concatenates references to blobs.
    let received = receive(&state.blobs, input.body, input.content_length, claims, false).await?;
    let part = store_part(state, (input.bucket, input.key, input.upload_id), number, received).await?;
    Ok(UploadPartOutput {
        e_tag: Some(etag(&part.etag)),
        checksum_crc32: Some(crc32_text(part.crc32)),
        ..UploadPartOutput::default()
    })
}

/// Commits a received part of the upload (bucket, key, id).
pub(super) async fn store_part(
    state: &State,
    (bucket, key, id): (String, String, String),
    number: u32,
    received: Received,
) -> S3Result<Part> {
    let job = move |writer: &mut Writer<'_>| {
        writer.upload(&bucket, &key, &id)?;
        let chunks = match received.body {
            Body::Chunks(chunks) => chunks,
            Body::Inline(_) => Vec::new(),
        };
        let (etag, crc32) = (received.digests.etag(), received.digests.crc32);
        let part = Part { size: received.size, etag, crc32, modified: now(), chunks };
        writer.put_part(&id, number, &part)?;
        writer.keep(received.blob);
        Ok(part)
    };
    state.commits.run(job).await
}
