//! The S3 operations, one file each, and the few conversions they share.

pub(super) mod abort_upload;
pub(super) mod buckets;
pub(super) mod complete_upload;
pub(super) mod copy_object;
pub(super) mod create_upload;
pub(super) mod delete_objects;
pub(super) mod get_object;
pub(super) mod list_objects;
pub(super) mod list_parts;
pub(super) mod list_uploads;
pub(super) mod object_attributes;
pub(super) mod put_object;
pub(super) mod upload_part;
pub(super) mod upload_part_copy;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{ChecksumAlgorithm, ChecksumType, CopySource, ETag, EncodingType, Metadata, Timestamp};
use s3s::{S3Error, S3Result, s3_error};

use super::row::Headers;

/// Bytes of names and values of user metadata, as on AWS.
const METADATA_LIMIT: usize = 2 * 1024;
/// Bytes of a key, as on AWS.
const KEY_LIMIT: usize = 1024;
/// What `encoding-type=url` leaves as it is.
const UNENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// The header fields of a request that creates an object.
pub(super) struct HeaderFields {
    pub(super) content_type: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) metadata: Option<Metadata>,
}

impl HeaderFields {
    /// # Errors
    /// `MetadataTooLarge`.
    pub(super) fn into_headers(self) -> S3Result<Headers> {
        let metadata = self.metadata.unwrap_or_default();
        if metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > METADATA_LIMIT {
            return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
        }
        Ok(Headers {
            content_type: self.content_type,
            content_disposition: self.content_disposition,
            content_encoding: self.content_encoding.and_then(without_aws_chunked),
            content_language: self.content_language,
            cache_control: self.cache_control,
            expires: self.expires.map(|time| time::OffsetDateTime::from(time).unix_timestamp()),
            metadata: metadata.into_iter().collect(),
        })
    }
}

/// `aws-chunked` is how the request was sent, not what the object is.
fn without_aws_chunked(encoding: String) -> Option<String> {
    let codings = encoding.split(',').map(str::trim).filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked"));
    Some(codings.collect::<Vec<_>>().join(",")).filter(|encoding| !encoding.is_empty())
}

/// # Errors
/// `KeyTooLongError`; the router checks keys in paths, this is for those in bodies and forms.
pub(super) fn check_key(key: &str) -> S3Result<()> {
    match key.len() {
        0 => Err(s3_error!(InvalidArgument, "The key is empty")),
        1..=KEY_LIMIT => Ok(()),
        _ => Err(s3_error!(KeyTooLongError, "Your key is too long")),
    }
}

pub(super) fn etag(value: &str) -> ETag {
    ETag::Strong(value.to_owned())
}

/// A time from milliseconds since the Unix epoch.
pub(super) fn timestamp(milliseconds: i64) -> Timestamp {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
    time.unwrap_or(time::OffsetDateTime::UNIX_EPOCH).into()
}

/// A size as the protocol library writes it; no object comes near the limit.
pub(super) fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn full_object() -> ChecksumType {
    ChecksumType::from_static(ChecksumType::FULL_OBJECT)
}

pub(super) fn crc32_algorithm() -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(ChecksumAlgorithm::CRC32)
}

/// The bucket and key that a copy reads.
pub(super) fn copy_source(source: &CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket { bucket, key, version_id: None } => Ok((bucket.to_string(), key.to_string())),
        _ => Err(s3_error!(NotImplemented, "Only a bucket and key without a version can be copied from")),
    }
}

/// Keys as the client asked for them: percent-encoded with `encoding-type=url`.
#[derive(Clone, Copy)]
pub(super) struct KeyEncoding(bool);

impl KeyEncoding {
    pub(super) fn new(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self(false)),
            Some(EncodingType::URL) => Ok(Self(true)),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    pub(super) fn encode(self, key: &str) -> String {
        if self.0 { utf8_percent_encode(key, UNENCODED).to_string() } else { key.to_owned() }
    }
}

/// A number of a request between 0 and the page limit; absent means the limit.
pub(super) fn page_limit(asked: Option<i32>, limit: usize) -> S3Result<usize> {
    let asked = asked.map(usize::try_from).transpose();
    let asked = asked.map_err(|_| s3_error!(InvalidArgument, "The number of entries cannot be negative"))?;
    Ok(asked.unwrap_or(limit).min(limit))
}

/// # Errors
/// `InvalidArgument` outside 1 to 10,000.
pub(super) fn part_number(number: i32) -> S3Result<u32> {
    let number = u32::try_from(number).ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(bad_part_number)
}

fn bad_part_number() -> S3Error {
    s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoding_keeps_slashes_and_nothing_doubtful() {
        let encoding = KeyEncoding(true);
        assert_eq!(encoding.encode("a b+c/d%2Fé\n~-_."), "a%20b%2Bc/d%252F%C3%A9%0A~-_.");
    }

    #[test]
    fn the_transfer_coding_is_not_stored() {
        assert_eq!(without_aws_chunked("aws-chunked".into()), None);
        assert_eq!(without_aws_chunked("aws-chunked, gzip".into()).unwrap(), "gzip");
        assert_eq!(without_aws_chunked("gzip".into()).unwrap(), "gzip");
    }
}
