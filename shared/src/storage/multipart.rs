//! Objects made of parts: for what is too large for one request or comes in pieces.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::SystemTime;

use aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::bucket::{Bucket, Put, range_header, system_time};
use super::connect::patient;
use super::fault::{Fault, StoreError};
use super::key::Key;

/// The least size of a part that is not the last, in bytes (S3 user guide, "multipart upload limits").
pub const PART_MINIMUM: u64 = 5 * 1024 * 1024;

/// The most parts of one object (same source).
pub const PARTS_LIMIT: i32 = 10_000;

/// A part that the store has taken.
pub type Part = CompletedPart;

/// An object in the making. It appears under its key only when [`Multipart::complete`] succeeds.
#[derive(Clone)]
pub struct Multipart {
    bucket: Bucket,
    key: String,
    id: String,
    checked: bool,
}

/// How an object made of parts is to be.
#[derive(Clone, Debug, Default)]
pub struct Making<'a> {
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// User metadata: names in lower case, values in ASCII.
    pub metadata: &'a [(&'a str, &'a str)],
    /// Whether the store is asked for a CRC-32 of the whole. MinIO then refuses [`Multipart::part_copy`]
    /// ("checksum missing"), so an object of copies goes without.
    pub checked: bool,
}

/// Bytes of another object.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Which object.
    pub key: &'a Key<'a>,
    /// Its size, in bytes.
    pub size: u64,
    /// Which of its bytes: all, if it has 5 MiB or less.
    pub range: Range<u64>,
    /// The entity tag that it must still have.
    pub if_match: Option<&'a str>,
}

impl Bucket {
    /// Begins an object made of parts.
    pub async fn multipart(&self, key: &Key<'_>, making: Making<'_>) -> Result<Multipart, StoreError> {
        let key = key.to_string();
        let mut request = self
            .client
            .create_multipart_upload()
            .bucket(&*self.name)
            .key(&key)
            .set_checksum_algorithm(making.checked.then_some(ChecksumAlgorithm::Crc32))
            .set_checksum_type(making.checked.then_some(ChecksumType::FullObject))
            .set_content_type(making.content_type.map(str::to_owned));
        for (name, value) in making.metadata {
            request = request.metadata(*name, *value);
        }
        let sent = request.send().await.map_err(|cause| self.error("CreateMultipartUpload", &key, cause))?;
        Ok(Multipart { bucket: self.clone(), key, id: sent.upload_id.unwrap_or_default(), checked: making.checked })
    }

    /// Goes on with an unchecked object made of parts, by the identifier that [`Multipart::id`] gave. Nothing is
    /// asked of the store yet: it may have been completed or given up meanwhile.
    pub fn resume_multipart(&self, key: &Key<'_>, id: String) -> Multipart {
        Multipart { bucket: self.clone(), key: key.to_string(), id, checked: false }
    }

    /// Gives up the objects in the making whose keys start with `prefix` all or those begun before a moment. MinIO lists those of one whole key only,
    /// so there nothing is found below a folder; it takes away by itself what has stood still for a day.
    pub async fn abort_multiparts(&self, prefix: &Key<'_>, before: Option<SystemTime>) -> Result<(), StoreError> {
        let prefix = prefix.to_string();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let request = self.client.list_multipart_uploads().bucket(&*self.name).prefix(&prefix);
            let sent = request.set_key_marker(key_marker).set_upload_id_marker(id_marker).send().await;
            let page = sent.map_err(|cause| self.error("ListMultipartUploads", &prefix, cause))?;
            let old = |begun| before.is_none_or(|before| system_time(begun) < before);
            for upload in page.uploads().iter().filter(|upload| old(upload.initiated())) {
                let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
                match self.resume_multipart(&Key::Listed(key), id.to_owned()).abort().await {
                    // It was completed or given up meanwhile.
                    Err(error) if error.fault == Fault::Missing => {}
                    aborted => aborted?,
                }
            }
            key_marker = page.next_key_marker.filter(|_| page.is_truncated == Some(true));
            id_marker = page.next_upload_id_marker;
            if key_marker.is_none() {
                return Ok(());
            }
        }
    }
}

impl Multipart {
    /// Identifies it, together with its key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The parts that are there already, by their numbers. `Fault::Missing` if it is completed or given up.
    pub async fn parts(&self) -> Result<BTreeMap<i32, CompletedPart>, StoreError> {
        let (mut parts, mut marker) = (BTreeMap::new(), None);
        loop {
            let request = self.bucket.client.list_parts().bucket(&*self.bucket.name).key(&self.key);
            let sent = request.upload_id(&self.id).set_part_number_marker(marker).send().await;
            let page = sent.map_err(|cause| self.bucket.error("ListParts", &self.key, cause))?;
            for part in page.parts() {
                let number = part.part_number().unwrap_or_default();
                let part = CompletedPart::builder().part_number(number).set_e_tag(part.e_tag().map(str::to_owned));
                parts.insert(number, part.build());
            }
            marker = page.next_part_number_marker().filter(|_| page.is_truncated() == Some(true)).map(str::to_owned);
            if marker.is_none() {
                return Ok(parts);
            }
        }
    }

    /// Sends one part, numbered from 1 to [`PARTS_LIMIT`]. Its checksum is of the kind that was named when the object was
    /// begun, or there is none (S3 API, UploadPart): the SDK would send one all the same.
    pub async fn part(&self, number: i32, bytes: Bytes) -> Result<CompletedPart, StoreError> {
        let request = self
            .bucket
            .client
            .upload_part()
            .bucket(&*self.bucket.name)
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .set_checksum_algorithm(self.checked.then_some(ChecksumAlgorithm::Crc32))
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(if self.checked {
                patient()
            } else {
                patient().request_checksum_calculation(WhenRequired)
            });
        let request = if self.bucket.unsigned { request.disable_payload_signing() } else { request };
        let sent = request.send().await.map_err(|cause| self.bucket.error("UploadPart", &self.key, cause))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .build())
    }

    /// Takes one part from another object of the same bucket, without moving its bytes through here:
    /// [`Fault::Precondition`] if that has become another.
    pub async fn part_copy(&self, number: i32, source: Source<'_>) -> Result<CompletedPart, StoreError> {
        let Source { key, size, range, if_match } = source;
        let request = self
            .bucket
            .client
            .upload_part_copy()
            .bucket(&*self.bucket.name)
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .copy_source(self.bucket.source(key))
            // Of 5 MiB or less only all can be had, and not by a range (S3 API, UploadPartCopy).
            .set_copy_source_range((range != (0..size)).then(|| range_header(&range)))
            .set_copy_source_if_match(if_match.map(str::to_owned))
            .customize()
            .config_override(patient());
        let sent = request.send().await.map_err(|cause| self.bucket.error("UploadPartCopy", &self.key, cause))?;
        let copied = sent.copy_part_result;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(copied.as_ref().and_then(|part| part.e_tag.clone()))
            .set_checksum_crc32(copied.and_then(|part| part.checksum_crc32))
            .build())
    }

    /// Makes the object appear and returns its ETag. `parts` are in the order of their numbers.
    pub async fn complete(&self, parts: Vec<CompletedPart>, put: Put<'_>) -> Result<String, StoreError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self
            .bucket
            .client
            .complete_multipart_upload()
            .bucket(&*self.bucket.name)
            .key(&self.key)
            .upload_id(&self.id)
            .set_checksum_type(self.checked.then_some(ChecksumType::FullObject))
            .multipart_upload(parts)
            .set_if_none_match(put.if_absent.then(|| "*".to_owned()))
            .set_if_match(put.if_match.map(str::to_owned))
            .customize()
            .config_override(patient());
        let sent = request.send().await;
        let done = sent.map_err(|cause| self.bucket.error("CompleteMultipartUpload", &self.key, cause))?;
        Ok(done.e_tag.unwrap_or_default())
    }

    /// Gives up; the parts are freed.
    pub async fn abort(self) -> Result<(), StoreError> {
        let request = self.bucket.client.abort_multipart_upload().bucket(&*self.bucket.name).key(&self.key);
        let sent = request.upload_id(&self.id).send().await;
        sent.map(drop).map_err(|cause| self.bucket.error("AbortMultipartUpload", &self.key, cause))
    }
}
