//! GetObject and HeadObject: the same decisions, one with the bytes.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use s3s::dto::{GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Metadata, StreamingBlob};
use s3s::{Body as HttpBody, S3Error, S3ErrorCode, S3Response, S3Result, s3_error};

use super::{count, etag, full_object, length, timestamp};
use crate::store::condition::{ReadConditions, Verdict};
use crate::store::digest::crc32_text;
use crate::store::error;
use crate::store::range::Selection;
use crate::store::row::{Body, Chunk, Headers, Object, slice_chunks};
use crate::store::state::State;
use crate::store::stream::{BlobFrames, body_of};

/// What S3 calls a body of which nobody said what it is.
const DEFAULT_TYPE: &str = "binary/octet-stream";

pub(in crate::store) async fn get_object(
    state: &State,
    mut input: GetObjectInput,
) -> S3Result<S3Response<GetObjectOutput>> {
    let conditions = ReadConditions {
        if_match: input.if_match.take(),
        if_none_match: input.if_none_match.take(),
        if_modified_since: input.if_modified_since.take(),
        if_unmodified_since: input.if_unmodified_since.take(),
    };
    let wanted = Wanted { range: input.range, part: input.part_number };
    wanted.check()?;
    if let Some(directory) = state.directory(&input.bucket) {
        return directory.get(input.key, conditions, input.range).await;
    }
    let (object, body, pinned) = state.read_pinned(&input.bucket, &input.key)?;
    judge(&conditions, &object.etag, object.modified)?;
    let selection = wanted.select(&object, Some(&body))?;
    let description = Description::new(&object, &selection, input.checksum_mode.is_some());
    let stream = match body {
        Body::Inline(bytes) => StreamingBlob::from(HttpBody::from(slice(&bytes, &selection))),
        Body::Chunks(chunks) => {
            let chunks = slice_chunks(&chunks, selection.range.start, selection.range.end);
            body_of(BlobFrames::new(Arc::clone(&state.blobs), chunks, pinned), selection.len())
        }
    };
    Ok(S3Response::new(description.into_get(object.headers, stream)))
}

pub(in crate::store) async fn head_object(
    state: &State,
    mut input: HeadObjectInput,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let conditions = ReadConditions {
        if_match: input.if_match.take(),
        if_none_match: input.if_none_match.take(),
        if_modified_since: input.if_modified_since.take(),
        if_unmodified_since: input.if_unmodified_since.take(),
    };
    let wanted = Wanted { range: input.range, part: input.part_number };
    wanted.check()?;
    if let Some(directory) = state.directory(&input.bucket) {
        return directory.head(input.key, conditions, input.range).await;
    }
    let snapshot = state.index.snapshot()?;
    let (object, body) = match wanted.part {
        Some(_) => snapshot.object_and_body(&input.bucket, &input.key).map(|(object, body)| (object, Some(body)))?,
        None => (snapshot.object(&input.bucket, &input.key)?, None),
    };
    judge(&conditions, &object.etag, object.modified)?;
    let selection = wanted.select(&object, body.as_ref())?;
    let description = Description::new(&object, &selection, input.checksum_mode.is_some());
    let mut output = description.into_head(object.headers);
    override_head(&mut output, input);
    Ok(with_partial_status(output))
}

/// Turns the verdict on the conditions into 304 (with its ETag) or 412.
pub(in crate::store) fn judge(conditions: &ReadConditions, tag: &str, modified: i64) -> S3Result<()> {
    match conditions.judge(tag, modified) {
        Verdict::Send => Ok(()),
        Verdict::Failed => Err(error::precondition_failed()),
        Verdict::NotModified => {
            let mut unchanged = S3Error::new(S3ErrorCode::NotModified);
            unchanged.set_headers(HeaderMap::from_iter(
                HeaderValue::try_from(format!("\"{tag}\"")).map(|value| (header::ETAG, value)),
            ));
            Err(unchanged)
        }
    }
}

/// HEAD of a range answers 206 as GET does.
pub(in crate::store) fn with_partial_status(output: HeadObjectOutput) -> S3Response<HeadObjectOutput> {
    let partial = output.content_range.is_some();
    let mut response = S3Response::new(output);
    response.status = partial.then_some(StatusCode::PARTIAL_CONTENT);
    response
}

/// The part of an object that is asked for, in the request's words.
struct Wanted {
    range: Option<s3s::dto::Range>,
    part: Option<i32>,
}

impl Wanted {
    fn check(&self) -> S3Result<()> {
        match self {
            Self { range: Some(_), part: Some(_) } => {
                Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"))
            }
            _ => Ok(()),
        }
    }

    fn select(&self, object: &Object, body: Option<&Body>) -> S3Result<Selection> {
        let Some(number) = self.part else {
            return Selection::new(self.range.as_ref(), object.size);
        };
        let chunks = match body {
            Some(Body::Chunks(chunks)) if object.parts > 0 => chunks.as_slice(),
            _ => &[],
        };
        match super::part_number(number)? {
            number if object.parts > 0 => part_of(chunks, number, object.size),
            1 => Ok(Selection::whole(object.size)),
            _ => Err(no_such_part()),
        }
    }
}

fn part_of(chunks: &[Chunk], number: u32, size: u64) -> S3Result<Selection> {
    let bytes = |matches: fn(u32, u32) -> bool| -> u64 {
        chunks.iter().filter(|chunk| matches(chunk.part, number)).map(|chunk| chunk.len).sum()
    };
    if !chunks.iter().any(|chunk| chunk.part == number) {
        return Err(no_such_part());
    }
    let start = bytes(|part, number| part < number);
    Ok(Selection::part(start..start + bytes(|part, number| part == number), size))
}

fn no_such_part() -> S3Error {
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("InvalidPartNumber".into()),
        "The requested partnumber is not satisfiable",
    );
    error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

fn slice(bytes: &Bytes, selection: &Selection) -> Bytes {
    let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(position(selection.range.start)..position(selection.range.end))
}

/// What GET and HEAD both tell.
struct Description {
    content_length: i64,
    content_range: Option<String>,
    /// Only of a whole object: a client would compare it with the bytes it gets.
    crc32: Option<String>,
    etag: String,
    modified: i64,
    parts: Option<i32>,
}

impl Description {
    fn new(object: &Object, selection: &Selection, checksum: bool) -> Self {
        let whole = selection.content_range.is_none();
        Self {
            content_length: length(selection.len()),
            content_range: selection.content_range.clone(),
            crc32: (checksum && whole).then(|| crc32_text(object.crc32)),
            etag: object.etag.clone(),
            modified: object.modified,
            parts: (object.parts > 0 && !whole).then(|| count(object.parts as usize)),
        }
    }

    fn into_get(self, headers: Headers, body: StreamingBlob) -> GetObjectOutput {
        let expires = headers.expires.map(|seconds| timestamp(seconds.saturating_mul(1000)));
        GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            body: Some(body),
            checksum_type: self.crc32.as_ref().map(|_| full_object()),
            checksum_crc32: self.crc32,
            content_length: Some(self.content_length),
            content_range: self.content_range,
            e_tag: Some(etag(&self.etag)),
            last_modified: Some(timestamp(self.modified)),
            parts_count: self.parts,
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_type: Some(headers.content_type.unwrap_or_else(|| DEFAULT_TYPE.into())),
            expires,
            metadata: Some(Metadata::from_iter(headers.metadata)),
            ..GetObjectOutput::default()
        }
    }

    fn into_head(self, headers: Headers) -> HeadObjectOutput {
        let expires = headers.expires.map(|seconds| timestamp(seconds.saturating_mul(1000)));
        HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            checksum_type: self.crc32.as_ref().map(|_| full_object()),
            checksum_crc32: self.crc32,
            content_length: Some(self.content_length),
            content_range: self.content_range,
            e_tag: Some(etag(&self.etag)),
            last_modified: Some(timestamp(self.modified)),
            parts_count: self.parts,
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_type: Some(headers.content_type.unwrap_or_else(|| DEFAULT_TYPE.into())),
            expires,
            metadata: Some(Metadata::from_iter(headers.metadata)),
            ..HeadObjectOutput::default()
        }
    }
}

/// The `response-*` parameters; for GET the protocol library does this.
fn override_head(output: &mut HeadObjectOutput, input: HeadObjectInput) {
    let replace = |field: &mut Option<String>, value: Option<String>| {
        if value.is_some() {
            *field = value;
        }
    };
    replace(&mut output.content_type, input.response_content_type);
    replace(&mut output.content_disposition, input.response_content_disposition);
    replace(&mut output.content_encoding, input.response_content_encoding);
    replace(&mut output.content_language, input.response_content_language);
    replace(&mut output.cache_control, input.response_cache_control);
    output.expires = input.response_expires.or(output.expires.take());
}
