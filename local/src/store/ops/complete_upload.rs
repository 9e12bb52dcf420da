//! CompleteMultipartUpload: puts references together, reads no data.
//!
//! The CRC of the object is combined from those of the parts. A completion that is repeated because its
//! answer was lost is answered again: the upload is gone, but the object it made is there.

use md5::{Digest as _, Md5};
use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag};
use s3s::{S3Error, S3Result, s3_error};

use super::{etag, full_object};
use crate::store::condition::WriteConditions;
use crate::store::digest::{combine_crc32, crc32_text};
use crate::store::error::{Refusal, no_such_upload};
use crate::store::row::{Body, Chunk, Object, Part, Upload};
use crate::store::state::{State, now};
use crate::store::writer::Writer;

/// Least bytes of a part that is not the last, as on AWS.
const PART_MINIMUM: u64 = 5 * 1024 * 1024;
/// Parts of one upload, as on AWS.
const PARTS_LIMIT: usize = 10_000;

pub(in crate::store) async fn complete_upload(
    state: &State,
    mut input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    state.check_writable(&input.bucket)?;
    let conditions = WriteConditions::new(input.if_match.take(), input.if_none_match.take())?;
    let parts = named_parts(input.multipart_upload.take().and_then(|upload| upload.parts))?;
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let object =
        state.commits.run(move |writer: &mut Writer<'_>| complete(writer, &input, &conditions, &parts)).await?;
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{bucket}/{key}")),
        bucket: Some(bucket),
        key: Some(key),
        e_tag: Some(etag(&object.etag)),
        checksum_crc32: Some(crc32_text(object.crc32)),
        checksum_type: Some(full_object()),
        ..CompleteMultipartUploadOutput::default()
    })
}

/// A part as the client names it.
struct Named {
    number: u32,
    etag: String,
    crc32: Option<String>,
}

fn complete(
    writer: &mut Writer<'_>,
    input: &CompleteMultipartUploadInput,
    conditions: &WriteConditions,
    named: &[Named],
) -> Result<Object, Refusal> {
    let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
    let current = writer.object(bucket, key)?;
    let upload = match writer.upload(bucket, key, id) {
        Ok(upload) => upload,
        Err(Refusal::Request(_)) => return completed_before(current, named),
        Err(storage) => return Err(storage),
    };
    conditions.check(current.as_ref().map(|object| object.etag.as_str()))?;
    let parts = find_parts(writer, id, named)?;
    let object = assemble(&parts, named, upload)?;
    check_claims(input, &object, &parts)?;
    let chunks = parts
        .iter()
        .zip(named)
        .flat_map(|(part, named)| part.chunks.iter().map(|chunk| Chunk { part: named.number, ..*chunk }));
    writer.put_object(bucket, key, &object, &Body::Chunks(chunks.collect()))?;
    writer.remove_upload(bucket, key, id)?;
    Ok(object)
}

/// The answer to a completion that has been done: the ETag follows from the parts alone.
fn completed_before(current: Option<Object>, named: &[Named]) -> Result<Object, Refusal> {
    let made = current.filter(|object| combined_etag(named) == object.etag);
    made.ok_or_else(|| no_such_upload().into())
}

fn find_parts(writer: &Writer<'_>, id: &str, named: &[Named]) -> Result<Vec<Part>, Refusal> {
    let mut parts = Vec::with_capacity(named.len());
    for (index, named_part) in named.iter().enumerate() {
        let part = writer.part(id, named_part.number)?.filter(|part| is_named(part, named_part));
        let part = part.ok_or_else(invalid_part)?;
        if part.size < PART_MINIMUM && index + 1 < named.len() {
            let text = "Your proposed upload is smaller than the minimum allowed object size.";
            return Err(s3_error!(EntityTooSmall, "{text}").into());
        }
        parts.push(part);
    }
    Ok(parts)
}

fn is_named(part: &Part, named: &Named) -> bool {
    part.etag == named.etag && named.crc32.as_ref().is_none_or(|crc32| *crc32 == crc32_text(part.crc32))
}

fn assemble(parts: &[Part], named: &[Named], upload: Upload) -> S3Result<Object> {
    Ok(Object {
        size: parts.iter().map(|part| part.size).sum(),
        etag: combined_etag(named),
        crc32: parts.iter().fold(0, |crc, part| combine_crc32(crc, part.crc32, part.size)),
        modified: now(),
        parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        headers: upload.headers,
    })
}

/// The size and the CRC that the client expects of the whole.
fn check_claims(input: &CompleteMultipartUploadInput, object: &Object, parts: &[Part]) -> S3Result<()> {
    if input.mpu_object_size.is_some_and(|size| u64::try_from(size) != Ok(object.size)) {
        return Err(s3_error!(InvalidRequest, "The provided 'x-amz-mp-object-size' header does not match the parts"));
    }
    let Some(claim) = &input.checksum_crc32 else {
        return Ok(());
    };
    let holds = match claim.split_once('-') {
        None => *claim == crc32_text(object.crc32),
        Some((composite, _)) => composite == crc32_text(composite_crc32(parts)),
    };
    if holds {
        Ok(())
    } else {
        Err(s3_error!(BadDigest, "The x-amz-checksum-crc32 you specified did not match the parts."))
    }
}

/// The CRC of the parts' CRCs, which clients that know nothing of full-object checksums send.
fn composite_crc32(parts: &[Part]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    parts.iter().for_each(|part| crc.update(&part.crc32.to_be_bytes()));
    crc.finalize()
}

/// `md5-of-md5s-N`, from the parts' ETags.
fn combined_etag(named: &[Named]) -> String {
    let mut md5 = Md5::new();
    for part in named {
        match decode_hex(&part.etag) {
            Some(bytes) => md5.update(bytes),
            // One that is no MD5.
            None => md5.update(&part.etag),
        }
    }
    format!("{}-{}", shared::hex(&md5.finalize()), named.len())
}

fn decode_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn named_parts(parts: Option<Vec<CompletedPart>>) -> S3Result<Vec<Named>> {
    let parts = parts.unwrap_or_default();
    if parts.is_empty() || parts.len() > PARTS_LIMIT {
        return Err(s3_error!(MalformedXML, "You must specify between 1 and {PARTS_LIMIT} parts"));
    }
    let named = parts.into_iter().map(named_part).collect::<S3Result<Vec<_>>>()?;
    if named.is_sorted_by(|first, second| first.number < second.number) {
        Ok(named)
    } else {
        Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."))
    }
}

fn named_part(part: CompletedPart) -> S3Result<Named> {
    let number = part.part_number.and_then(|number| u32::try_from(number).ok()).ok_or_else(invalid_part)?;
    let etag = part.e_tag.map(ETag::into_value).ok_or_else(invalid_part)?;
    Ok(Named { number, etag, crc32: part.checksum_crc32 })
}

fn invalid_part() -> S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
    )
}
