//! Checksums of a body: what the client claims, and what was received.
//!
//! MD5 (the ETag) and CRC-32 are computed for every body; the other algorithms only when the client
//! sent one. A claim that does not hold is `BadDigest`, and then nothing is stored.
//!
//! MD5 costs more than everything else that happens to a large body. A client that does not want to know it says so
//! ([`OPAQUE`]); the ETag is then random, and has a dash like that of an object made of parts, so that nobody takes
//! it for an MD5.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName};
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::Checksum as _;
use s3s::dto::Checksum;
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};

/// The checksum headers, in the order of [`Claims::values`].
const HEADERS: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];
const CRC32: usize = 0;

/// A header of ours, which the client in the process sends: the ETag need not be the MD5.
pub(super) const OPAQUE: HeaderName = HeaderName::from_static("x-pannier-opaque-etag");

/// What the client says the body's checksums are.
#[derive(Default)]
pub(super) struct Claims {
    md5: Option<[u8; 16]>,
    /// Whether the ETag need not be the MD5.
    opaque: bool,
    /// Base64, by position in [`HEADERS`].
    values: [Option<String>; 5],
    /// Which of [`HEADERS`] are promised to follow the body.
    promised: [bool; 5],
    trailers: Option<TrailingHeaders>,
}

/// The checksums of a body while it is received.
pub(super) struct Digester {
    md5: Option<Md5>,
    crc32: crc32fast::Hasher,
    others: ChecksumHasher,
}

/// The checksums of a received body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digests {
    /// `None` if it was not wanted.
    pub(super) md5: Option<[u8; 16]>,
    pub(super) crc32: u32,
}

impl Claims {
    /// `values` are the fields of the request in the order crc32, crc32c, crc64nvme, sha1, sha256.
    ///
    /// # Errors
    /// `InvalidDigest` for a Content-MD5 that is not 16 bytes of base64.
    pub(super) fn new(
        content_md5: Option<&str>,
        values: [Option<String>; 5],
        headers: &HeaderMap,
        trailers: Option<TrailingHeaders>,
    ) -> S3Result<Self> {
        let md5 = content_md5.map(|text| decode_md5(text).ok_or_else(invalid_digest)).transpose()?;
        let promised = trailers.as_ref().map_or([false; 5], |_| promised_trailers(headers));
        Ok(Self { md5, opaque: headers.contains_key(OPAQUE), values, promised, trailers })
    }

    pub(super) fn digester(&self) -> Digester {
        let wanted = |index: usize| self.values[index].is_some() || self.promised[index];
        Digester {
            md5: (!self.opaque || self.md5.is_some()).then(Md5::new),
            crc32: crc32fast::Hasher::new(),
            others: ChecksumHasher {
                crc32: None,
                crc32c: wanted(1).then(s3s::crypto::Crc32c::new),
                crc64nvme: wanted(2).then(s3s::crypto::Crc64Nvme::new),
                sha1: wanted(3).then(s3s::crypto::Sha1::new),
                sha256: wanted(4).then(s3s::crypto::Sha256::new),
            },
        }
    }

    /// Compares every claim, those in the trailers too, now that the body has ended.
    ///
    /// # Errors
    /// `BadDigest`; `InvalidRequest` when a promised trailer did not come.
    pub(super) fn verify(mut self, digester: Digester) -> S3Result<Digests> {
        self.read_trailers()?;
        let md5 = digester.md5.map(|md5| md5.finalize().into());
        let digests = Digests { md5, crc32: digester.crc32.finalize() };
        let found = found_values(digests.crc32, digester.others.finalize());
        if self.md5.is_some() && self.md5 != digests.md5 {
            return Err(bad_digest("Content-MD5"));
        }
        for (index, claim) in self.values.iter().enumerate() {
            if claim.is_some() && *claim != found[index] {
                return Err(bad_digest(HEADERS[index]));
            }
        }
        Ok(digests)
    }

    fn read_trailers(&mut self) -> S3Result<()> {
        for (index, header) in HEADERS.iter().enumerate().filter(|(index, _)| self.promised[*index]) {
            let read = |trailers: &HeaderMap| Some(trailers.get(*header)?.to_str().ok()?.trim().to_owned());
            let value = self.trailers.as_ref().and_then(|trailers| trailers.read(read)).flatten();
            self.values[index] =
                Some(value.ok_or_else(|| s3_error!(InvalidRequest, "The trailer {header} is missing"))?);
        }
        Ok(())
    }
}

impl Digester {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        self.crc32.update(bytes);
        self.others.update(bytes);
    }
}

impl Digests {
    pub(super) fn etag(&self) -> String {
        match self.md5 {
            Some(md5) => shared::hex(&md5),
            None => format!("{}-1", shared::hex(&shared::random::<16>())),
        }
    }
}

/// The CRC of two bodies put together, from their CRCs.
pub(super) fn combine_crc32(first: u32, second: u32, second_len: u64) -> u32 {
    let mut crc = crc32fast::Hasher::new_with_initial_len(first, 0);
    crc.combine(&crc32fast::Hasher::new_with_initial_len(second, second_len));
    crc.finalize()
}

/// A CRC as S3 writes it: base64 of four bytes, most significant first.
pub(super) fn crc32_text(crc32: u32) -> String {
    BASE64.encode(crc32.to_be_bytes())
}

fn promised_trailers(headers: &HeaderMap) -> [bool; 5] {
    let text = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok()).unwrap_or_default();
    HEADERS.map(|header| text.split(',').any(|name| name.trim().eq_ignore_ascii_case(header)))
}

fn found_values(crc32: u32, others: Checksum) -> [Option<String>; 5] {
    let mut found =
        [None, others.checksum_crc32c, others.checksum_crc64nvme, others.checksum_sha1, others.checksum_sha256];
    found[CRC32] = Some(crc32_text(crc32));
    found
}

fn decode_md5(text: &str) -> Option<[u8; 16]> {
    BASE64.decode(text.trim()).ok()?.try_into().ok()
}

fn invalid_digest() -> S3Error {
    s3_error!(InvalidDigest, "The Content-MD5 you specified is not valid.")
}

fn bad_digest(which: &str) -> S3Error {
    s3_error!(BadDigest, "The {which} you specified did not match what we received.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims(values: [Option<String>; 5]) -> Claims {
        Claims { values, ..Claims::default() }
    }

    fn verify(claims: Claims, body: &[u8]) -> S3Result<Digests> {
        let mut digester = claims.digester();
        digester.update(body);
        claims.verify(digester)
    }

    #[test]
    fn known_checksums_of_123456789_hold_and_others_do_not() {
        let values = |crc32: &str| {
            [
                Some(crc32.to_owned()),
                Some("4waSgw==".to_owned()),
                Some("rosUhgp5mIg=".to_owned()),
                Some("98O8HYCOBHMq32eZZczDTKeuNEE=".to_owned()),
                Some("FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=".to_owned()),
            ]
        };
        let digests = verify(claims(values("y/Q5Jg==")), b"123456789").unwrap();
        assert_eq!(digests.crc32, 0xCBF4_3926);
        assert_eq!(digests.etag(), "25f9e794323b453885f5181f1b624d0b");
        assert!(verify(claims(values("y/Q5Jw==")), b"123456789").is_err());
        for index in 1..5 {
            let mut one = [const { None }; 5];
            one[index] = values("")[index].clone();
            assert!(verify(claims(one), b"another body").is_err(), "{}", HEADERS[index]);
        }
    }

    #[test]
    fn content_md5_is_checked() {
        let claim = |text| Claims::new(Some(text), [const { None }; 5], &HeaderMap::new(), None);
        assert!(claim("not base64").is_err());
        assert!(verify(claim("JfnnlDI7RTiF9RgfG2JNCw==").unwrap(), b"123456789").is_ok());
        assert!(verify(claim("JfnnlDI7RTiF9RgfG2JNCw==").unwrap(), b"12345678").is_err());
    }

    proptest! {
        #[test]
        fn combined_crcs_are_the_crc_of_the_whole(first: Vec<u8>, second: Vec<u8>) {
            let whole = [first.as_slice(), second.as_slice()].concat();
            let combined = combine_crc32(crc32fast::hash(&first), crc32fast::hash(&second), second.len() as u64);
            prop_assert_eq!(combined, crc32fast::hash(&whole));
        }
    }
}
