//! Listings, a page at a time.

use std::time::SystemTime;

use super::bucket::{Bucket, system_time};
use super::fault::StoreError;

/// What a listing shows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The whole key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// The entity tag, with its quotes.
    pub etag: String,
    /// Last modification.
    pub modified: SystemTime,
    /// Whether the store says it holds a CRC-32 of it.
    pub has_crc32: bool,
}

/// The pages of one listing; at most 1,000 objects each.
pub struct Pages {
    bucket: Bucket,
    prefix: String,
    after: Option<String>,
    most: Option<i32>,
    next: Next,
}

enum Next {
    First,
    Token(String),
    End,
}

impl Pages {
    pub(super) fn new(bucket: Bucket, prefix: String, after: Option<String>) -> Self {
        Self { bucket, prefix, after, most: None, next: Next::First }
    }

    /// The same, with at most `most` objects on a page.
    #[must_use]
    pub fn of_at_most(self, most: u16) -> Self {
        Self { most: Some(most.into()), ..self }
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        let token = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::Token(token) => Some(token),
            Next::End => return Ok(None),
        };
        let bucket = &self.bucket;
        let request = bucket.client.list_objects_v2().bucket(&*bucket.name).prefix(&self.prefix);
        let sent = request
            .set_start_after(self.after.clone())
            .set_max_keys(self.most)
            .set_continuation_token(token)
            .send()
            .await;
        let page = sent.map_err(|cause| bucket.error("ListObjectsV2", &self.prefix, cause))?;
        if let Some(token) = page.next_continuation_token.filter(|_| page.is_truncated == Some(true)) {
            self.next = Next::Token(token);
        }
        Ok(Some(page.contents.unwrap_or_default().into_iter().map(listed).collect()))
    }
}

fn listed(object: aws_sdk_s3::types::Object) -> Listed {
    let algorithms = object.checksum_algorithm.unwrap_or_default();
    Listed {
        size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        modified: system_time(object.last_modified.as_ref()),
        key: object.key.unwrap_or_default(),
        etag: object.e_tag.unwrap_or_default(),
        has_crc32: algorithms.contains(&aws_sdk_s3::types::ChecksumAlgorithm::Crc32),
    }
}
