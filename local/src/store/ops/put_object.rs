//! PutObject.

use s3s::dto::{PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Result, s3_error};

use super::{HeaderFields, check_key, etag, full_object};
use crate::store::condition::WriteConditions;
use crate::store::digest::{Claims, crc32_text};
use crate::store::receive::{Received, receive};
use crate::store::row::{Headers, Object};
use crate::store::state::{State, now};
use crate::store::writer::Writer;

pub(in crate::store) async fn put_object(
    state: &State,
    request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let S3Request { mut input, headers, trailing_headers, .. } = request;
    check_key(&input.key)?;
    state.check_writable(&input.bucket)?;
    if input.sse_customer_algorithm.is_some() || input.write_offset_bytes.is_some() {
        return Err(s3_error!(NotImplemented, "Customer keys and appending are not supported"));
    }
    let conditions = WriteConditions::new(input.if_match.take(), input.if_none_match.take())?;
    check_early(state, &input.bucket, &input.key, &conditions)?;
    let claimed = [
        input.checksum_crc32.take(),
        input.checksum_crc32c.take(),
        input.checksum_crc64nvme.take(),
        input.checksum_sha1.take(),
        input.checksum_sha256.take(),
    ];
    let claims = Claims::new(input.content_md5.as_deref(), claimed, &headers, trailing_headers)?;
    let (body, length) = (input.body.take(), input.content_length);
    let (bucket, key) = (std::mem::take(&mut input.bucket), std::mem::take(&mut input.key));
    let headers = header_fields(input).into_headers()?;
    let received = receive(&state.blobs, body, length, claims, true).await?;
    let object = state.commits.run(move |writer: &mut Writer<'_>| {
        writer.check_bucket(&bucket)?;
        conditions.check(writer.object(&bucket, &key)?.as_ref().map(|object| object.etag.as_str()))?;
        let object = new_object(&received, headers);
        writer.put_object(&bucket, &key, &object, &received.body)?;
        writer.keep(received.blob);
        Ok(object)
    });
    let object = object.await?;
    Ok(PutObjectOutput {
        e_tag: Some(etag(&object.etag)),
        checksum_crc32: Some(crc32_text(object.crc32)),
        checksum_type: Some(full_object()),
        ..PutObjectOutput::default()
    })
}

/// What already fails fails before the body is read; the transaction decides again.
fn check_early(state: &State, bucket: &str, key: &str, conditions: &WriteConditions) -> S3Result<()> {
    let snapshot = state.index.snapshot()?;
    snapshot.check_bucket(bucket)?;
    if conditions.is_empty() {
        return Ok(());
    }
    let current = snapshot.find_object(bucket, key)?;
    conditions.check(current.as_ref().map(|object| object.etag.as_str()))
}

fn new_object(received: &Received, headers: Headers) -> Object {
    Object {
        size: received.size,
        etag: received.digests.etag(),
        crc32: received.digests.crc32,
        modified: now(),
        parts: 0,
        headers,
    }
}

fn header_fields(input: PutObjectInput) -> HeaderFields {
    HeaderFields {
        content_type: input.content_type,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding,
        content_language: input.content_language,
        cache_control: input.cache_control,
        expires: input.expires,
        metadata: input.metadata,
    }
}
