//! ListParts.

use s3s::dto::{ListPartsInput, ListPartsOutput, Part as Entry};
use s3s::{S3Result, s3_error};

use super::{count, crc32_algorithm, etag, full_object, length, page_limit, timestamp};
use crate::store::digest::crc32_text;
use crate::store::row::Part;
use crate::store::state::State;

/// Parts of one page, as on AWS.
const PARTS_LIMIT: usize = 1000;

pub(in crate::store) fn list_parts(state: &State, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let limit = page_limit(input.max_parts, PARTS_LIMIT)?;
    let after = u32::try_from(input.part_number_marker.unwrap_or(0));
    let after = after.map_err(|_| s3_error!(InvalidArgument, "part-number-marker cannot be negative"))?;
    let snapshot = state.index.snapshot()?;
    snapshot.upload(&input.bucket, &input.key, &input.upload_id)?;
    let mut parts = snapshot.parts(&input.upload_id, after, limit + 1)?;
    let truncated = parts.len() > limit;
    parts.truncate(limit);
    Ok(ListPartsOutput {
        is_truncated: Some(truncated),
        next_part_number_marker: parts.last().map(|(number, _)| count(*number as usize)).filter(|_| truncated),
        parts: Some(parts.into_iter().map(entry).collect()),
        part_number_marker: input.part_number_marker,
        max_parts: Some(count(limit)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        checksum_algorithm: Some(crc32_algorithm()),
        checksum_type: Some(full_object()),
        ..ListPartsOutput::default()
    })
}

fn entry((number, part): (u32, Part)) -> Entry {
    Entry {
        checksum_crc32: Some(crc32_text(part.crc32)),
        e_tag: Some(etag(&part.etag)),
        last_modified: Some(timestamp(part.modified)),
        part_number: Some(count(number as usize)),
        size: Some(length(part.size)),
        ..Entry::default()
    }
}
