//! CopyObject: a new row that shares the blobs of the source; no data is copied.

use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, ETagCondition, MetadataDirective};
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::{HeaderFields, check_key, copy_source, etag, full_object, timestamp};
use crate::store::condition::{ReadConditions, WriteConditions};
use crate::store::digest::crc32_text;
use crate::store::row::Object;
use crate::store::state::{State, now};
use crate::store::writer::Writer;

pub(in crate::store) async fn copy_object(
    state: &State,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let S3Request { mut input, headers, .. } = request;
    check_key(&input.key)?;
    state.check_writable(&input.bucket)?;
    let (from, source) = copy_source(&input.copy_source)?;
    if state.directory(&from).is_some() {
        return Err(s3_error!(NotImplemented, "Copying from a directory on disk is not supported"));
    }
    let source_conditions = ReadConditions {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let condition = |name| headers.get(name).map(|value: &http::HeaderValue| parse_condition(value)).transpose();
    let conditions = WriteConditions::new(condition(http::header::IF_MATCH)?, condition(http::header::IF_NONE_MATCH)?)?;
    let replaces =
        input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    let (bucket, key) = (std::mem::take(&mut input.bucket), std::mem::take(&mut input.key));
    if !replaces && (&bucket, &key) == (&from, &source) {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata."
        ));
    }
    let replacement = if replaces { Some(header_fields(input).into_headers()?) } else { None };
    let job = move |writer: &mut Writer<'_>| {
        writer.check_bucket(&bucket)?;
        let (old, body) = writer.object_and_body(&from, &source)?;
        source_conditions.check_source(&old.etag, old.modified)?;
        conditions.check(writer.object(&bucket, &key)?.as_ref().map(|object| object.etag.as_str()))?;
        let headers = replacement.unwrap_or_else(|| old.headers.clone());
        let object = Object { modified: now(), headers, ..old };
        writer.put_object(&bucket, &key, &object, &body)?;
        Ok(object)
    };
    let object = state.commits.run(job).await?;
    Ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(etag(&object.etag)),
            last_modified: Some(timestamp(object.modified)),
            checksum_crc32: Some(crc32_text(object.crc32)),
            checksum_type: Some(full_object()),
            ..CopyObjectResult::default()
        }),
        ..CopyObjectOutput::default()
    })
}

/// The protocol library does not know conditions on the target of a copy yet.
fn parse_condition(value: &http::HeaderValue) -> Result<ETagCondition, S3Error> {
    ETagCondition::parse_http_header(value.as_bytes())
        .map_err(|_| s3_error!(InvalidArgument, "A condition is malformed"))
}

fn header_fields(input: CopyObjectInput) -> HeaderFields {
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
