//! GetObjectAttributes.

use s3s::dto::{
    Checksum, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts, ObjectAttributes,
    ObjectPart, StorageClass,
};
use s3s::{S3Result, s3_error};

use super::{count, etag, full_object, length, page_limit, timestamp};
use crate::store::digest::crc32_text;
use crate::store::error;
use crate::store::row::{Body, Object};
use crate::store::state::State;

/// Parts of one page, as on AWS.
const PARTS_LIMIT: usize = 1000;

pub(in crate::store) fn object_attributes(
    state: &State,
    input: &GetObjectAttributesInput,
) -> S3Result<GetObjectAttributesOutput> {
    if state.directory(&input.bucket).is_some() {
        return Err(error::read_only());
    }
    let (object, body) = state.index.snapshot()?.object_and_body(&input.bucket, &input.key)?;
    // Some clients send the list as one header value, which the protocol library does not split.
    let asked = || input.object_attributes.iter().flat_map(|asked| asked.as_str().split(','));
    let wants = |attribute: &str| asked().any(|asked| asked.trim() == attribute);
    let parts = if wants(ObjectAttributes::OBJECT_PARTS) { parts(input, &object, &body)? } else { None };
    Ok(GetObjectAttributesOutput {
        checksum: wants(ObjectAttributes::CHECKSUM).then(|| checksum(&object)),
        e_tag: wants(ObjectAttributes::ETAG).then(|| etag(&object.etag)),
        last_modified: Some(timestamp(object.modified)),
        object_parts: parts,
        object_size: wants(ObjectAttributes::OBJECT_SIZE).then(|| length(object.size)),
        storage_class: wants(ObjectAttributes::STORAGE_CLASS)
            .then(|| StorageClass::from_static(StorageClass::STANDARD)),
        ..GetObjectAttributesOutput::default()
    })
}

fn checksum(object: &Object) -> Checksum {
    Checksum {
        checksum_crc32: Some(crc32_text(object.crc32)),
        checksum_type: Some(full_object()),
        ..Checksum::default()
    }
}

fn parts(input: &GetObjectAttributesInput, object: &Object, body: &Body) -> S3Result<Option<GetObjectAttributesParts>> {
    let Body::Chunks(chunks) = body else {
        return Ok(None);
    };
    if object.parts == 0 {
        return Ok(None);
    }
    let limit = page_limit(input.max_parts, PARTS_LIMIT)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let after =
        u32::try_from(marker).map_err(|_| s3_error!(InvalidArgument, "part-number-marker cannot be negative"))?;
    let mut sizes: Vec<(u32, u64)> = Vec::new();
    for chunk in chunks.iter().filter(|chunk| chunk.part > after) {
        match sizes.last_mut().filter(|(number, _)| *number == chunk.part) {
            Some((_, size)) => *size += chunk.len,
            None => sizes.push((chunk.part, chunk.len)),
        }
    }
    let truncated = sizes.len() > limit;
    sizes.truncate(limit);
    let part = |(number, size): &(u32, u64)| ObjectPart {
        part_number: Some(count(*number as usize)),
        size: Some(length(*size)),
        ..ObjectPart::default()
    };
    Ok(Some(GetObjectAttributesParts {
        is_truncated: Some(truncated),
        max_parts: Some(count(limit)),
        next_part_number_marker: sizes.last().map(|(number, _)| count(*number as usize)).filter(|_| truncated),
        part_number_marker: Some(marker),
        parts: Some(sizes.iter().map(part).collect()),
        total_parts_count: Some(count(object.parts as usize)),
    }))
}
