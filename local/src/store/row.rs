//! What one object, upload or part is in the index, and how its row is written.
//!
//! A listing reads only [`Object`] rows; where the bytes are ([`Body`]) is a row of its own, so that a
//! page of a thousand keys never touches a thousand bodies. An object row never holds a body and a
//! body row never holds a name.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Bodies up to this size live in the index itself; larger ones are blob files.
pub(super) const INLINE_LIMIT: usize = 64 * 1024;

const INLINE_TAG: u8 = 0;
const CHUNKS_TAG: u8 = 1;
const CHUNK_BYTES: usize = 28;

/// The metadata of one object: everything HEAD and a listing tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    /// Length of the body in bytes.
    pub(super) size: u64,
    /// Without quotes: hex MD5, or `md5-of-md5s-N` for a multipart object.
    pub(super) etag: String,
    /// CRC-32 (IEEE) of the whole body.
    pub(super) crc32: u32,
    /// Milliseconds since the Unix epoch.
    pub(super) modified: i64,
    /// Number of parts it was completed from, 0 for a plain PUT.
    #[serde(default)]
    pub(super) parts: u32,
    #[serde(default)]
    pub(super) headers: Headers,
}

/// The headers and user metadata that come back as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    /// Seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
}

/// A multipart upload that has not been completed or aborted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    /// Milliseconds since the Unix epoch.
    pub(super) initiated: i64,
    pub(super) headers: Headers,
}

/// One uploaded part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) size: u64,
    /// Hex MD5 of the part.
    pub(super) etag: String,
    pub(super) crc32: u32,
    /// Milliseconds since the Unix epoch.
    pub(super) modified: i64,
    pub(super) chunks: Vec<Chunk>,
}

/// A run of bytes inside a blob file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) blob: u64,
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Which part of a multipart object it belongs to, from 1; 0 in a plain object.
    #[serde(default)]
    pub(super) part: u32,
}

/// Where the bytes of an object are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// In the index.
    Inline(Bytes),
    /// In blob files, in this order.
    Chunks(Vec<Chunk>),
}

/// A row that does not read back: the index was written by something else.
#[derive(Debug)]
pub(super) struct BadRow;

impl Object {
    pub(super) fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, BadRow> {
        from_json(row)
    }
}

impl Upload {
    pub(super) fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, BadRow> {
        from_json(row)
    }
}

impl Part {
    pub(super) fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, BadRow> {
        from_json(row)
    }
}

impl Body {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Inline(bytes) => [&[INLINE_TAG], bytes.as_ref()].concat(),
            Self::Chunks(chunks) => {
                let mut row = Vec::with_capacity(1 + chunks.len() * CHUNK_BYTES);
                row.push(CHUNKS_TAG);
                chunks.iter().for_each(|chunk| chunk.append_to(&mut row));
                row
            }
        }
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, BadRow> {
        match row.split_first() {
            Some((&INLINE_TAG, bytes)) => Ok(Self::Inline(Bytes::copy_from_slice(bytes))),
            Some((&CHUNKS_TAG, chunks)) if chunks.len().is_multiple_of(CHUNK_BYTES) => {
                Ok(Self::Chunks(chunks.chunks_exact(CHUNK_BYTES).filter_map(Chunk::read).collect()))
            }
            _ => Err(BadRow),
        }
    }

    /// The blob files it refers to, once for every reference.
    pub(super) fn blobs(&self) -> impl Iterator<Item = u64> {
        let chunks = match self {
            Self::Inline(_) => &[][..],
            Self::Chunks(chunks) => chunks,
        };
        chunks.iter().map(|chunk| chunk.blob)
    }
}

impl Chunk {
    fn append_to(&self, row: &mut Vec<u8>) {
        row.extend(self.blob.to_le_bytes());
        row.extend(self.offset.to_le_bytes());
        row.extend(self.len.to_le_bytes());
        row.extend(self.part.to_le_bytes());
    }

    fn read(row: &[u8]) -> Option<Self> {
        let (blob, rest) = row.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (part, _) = rest.split_first_chunk()?;
        Some(Self {
            blob: u64::from_le_bytes(*blob),
            offset: u64::from_le_bytes(*offset),
            len: u64::from_le_bytes(*len),
            part: u32::from_le_bytes(*part),
        })
    }
}

/// The chunks that hold the bytes `start..end` of the concatenation of `chunks`.
pub(super) fn slice_chunks(chunks: &[Chunk], start: u64, end: u64) -> Vec<Chunk> {
    let mut position = 0;
    let mut slice = Vec::new();
    for chunk in chunks {
        let (from, to) = (start.max(position), end.min(position + chunk.len));
        if from < to {
            slice.push(Chunk { offset: chunk.offset + (from - position), len: to - from, ..*chunk });
        }
        position += chunk.len;
    }
    slice
}

/// Serialising these plain structs to memory has no way to fail; an empty row would be refused on read.
fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn from_json<'a, T: Deserialize<'a>>(row: &'a [u8]) -> Result<T, BadRow> {
    serde_json::from_slice(row).map_err(|_| BadRow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(blob: u64, offset: u64, len: u64) -> Chunk {
        Chunk { blob, offset, len, part: 1 }
    }

    #[test]
    fn bodies_read_back() {
        for body in [
            Body::Inline(Bytes::new()),
            Body::Inline(Bytes::from_static(b"abc")),
            Body::Chunks(vec![]),
            Body::Chunks(vec![chunk(1, 2, 3), chunk(u64::MAX, 0, 9)]),
        ] {
            assert_eq!(Body::decode(&body.encode()).unwrap(), body);
        }
        assert!(Body::decode(b"").is_err());
        assert!(Body::decode(&[CHUNKS_TAG, 1, 2, 3]).is_err());
    }

    #[test]
    fn a_slice_of_chunks_is_the_slice_of_their_bytes() {
        let chunks = [chunk(1, 10, 5), chunk(2, 0, 3), chunk(3, 7, 4)];
        let address = |chunks: &[Chunk]| -> Vec<(u64, u64)> {
            chunks.iter().flat_map(|c| (c.offset..c.offset + c.len).map(|o| (c.blob, o))).collect()
        };
        let whole = address(&chunks);
        for start in 0..=12 {
            for end in start..=12 {
                let slice = address(&slice_chunks(&chunks, start as u64, end as u64));
                assert_eq!(slice, whole[start..end]);
            }
        }
    }
}
