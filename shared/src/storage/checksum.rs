//! The store's own checksum of an object, where it keeps one.

use aws_sdk_s3::types::{ChecksumMode, ChecksumType, ObjectAttributes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bucket::Bucket;
use super::fault::{Fault, StoreError};
use super::key::Key;

impl Bucket {
    /// The CRC-32 of an object in the version `etag`, if the store can tell it without reading the
    /// object: kept for the whole, or put together from those of its parts.
    pub async fn crc32(&self, key: &Key<'_>, etag: &str) -> Result<Option<u32>, StoreError> {
        let name = key.to_string();
        let request = self.client.head_object().bucket(&*self.name).key(&name).checksum_mode(ChecksumMode::Enabled);
        let head = match request.if_match(etag).send().await.map_err(|cause| self.error("HeadObject", &name, cause)) {
            Ok(head) => head,
            Err(error) if matches!(error.fault, Fault::Missing | Fault::Precondition) => return Ok(None),
            Err(error) => return Err(error),
        };
        match head.checksum_crc32().map(|text| text.split('-').next().unwrap_or_default()).and_then(decode) {
            // Composite: a checksum of the parts' checksums, not of the bytes.
            Some(_) if head.checksum_type() == Some(&ChecksumType::Composite) => self.combine(&name, etag).await,
            known => Ok(known),
        }
    }

    async fn combine(&self, key: &str, etag: &str) -> Result<Option<u32>, StoreError> {
        let mut whole = crc32fast::Hasher::new();
        let mut marker = None;
        loop {
            let request =
                self.client.get_object_attributes().bucket(&*self.name).key(key).set_part_number_marker(marker);
            let request =
                request.object_attributes(ObjectAttributes::ObjectParts).object_attributes(ObjectAttributes::Etag);
            let answer = match request.send().await.map_err(|cause| self.error("GetObjectAttributes", key, cause)) {
                Ok(answer) => answer,
                // Another right than that to read the object: whoever has only that one reads it.
                Err(error) if error.fault == Fault::Denied => return Ok(None),
                Err(error) => return Err(error),
            };
            if answer.e_tag().map(|tag| tag.trim_matches('"')) != Some(etag.trim_matches('"')) {
                return Ok(None);
            }
            let Some(parts) = answer.object_parts() else { return Ok(None) };
            for part in parts.parts() {
                let size = part.size().and_then(|size| u64::try_from(size).ok());
                let (Some(crc32), Some(size)) = (part.checksum_crc32().and_then(decode), size) else { return Ok(None) };
                whole.combine(&crc32fast::Hasher::new_with_initial_len(crc32, size));
            }
            marker = parts.next_part_number_marker().filter(|_| parts.is_truncated() == Some(true)).map(str::to_owned);
            if marker.is_none() {
                return Ok((!parts.parts().is_empty()).then(|| whole.finalize()));
            }
        }
    }
}

/// S3 sends a CRC-32 as base64 of its four bytes, highest first.
fn decode(text: &str) -> Option<u32> {
    Some(u32::from_be_bytes(STANDARD.decode(text).ok()?.try_into().ok()?))
}
