//! What is there of one cell.

use std::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::ranges::Ranges;
use super::task::Upload;
use crate::error::{BoxError, Error};
use crate::storage::upload_key::parse;
use crate::storage::{Fetch, Item, Key};

/// The most pieces of one cell that are kept apart. A client that leaves more gaps than this is refused.
pub(super) const PIECES_LIMIT: usize = 65_536;

/// Bytes of one row of a pack's table: start and length, 32 bits each, little-endian.
const ROW: usize = 8;

/// What is there of one cell.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// All of it, as one object.
    pub(super) full: bool,
    /// Pieces of it, in the order of their keys.
    pub(super) fragments: Vec<Fragment>,
}

/// Some bytes of a cell, in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Where they belong; positions count from the start of the cell.
    pub(super) range: Range<u64>,
    /// The object.
    pub(super) key: String,
    /// Where in the object they begin.
    pub(super) offset: u64,
}

impl Contents {
    /// What is missing of a cell of `length` bytes.
    pub(super) fn missing(&self, length: u64) -> Ranges {
        Ranges::union(self.fragments.iter().map(|fragment| fragment.range.clone())).missing_of(0..length)
    }

    /// The keys of its pieces, each once.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.fragments.iter().map(|fragment| fragment.key.clone()).collect();
        keys.dedup();
        keys
    }

    /// Takes in what a listing shows. A pack has its pieces in its table, which is read.
    async fn note(&mut self, upload: &Upload, key: String) -> Result<(), BoxError> {
        match parse(&key) {
            Some(Item::Full(_)) => self.full = true,
            Some(Item::Fragment { start, length, .. }) => {
                self.fragments.push(Fragment { range: start..start + length, key, offset: 0 });
            }
            Some(Item::Pack { count, .. }) => self.fragments.extend(read_table(upload, &key, count).await?),
            _ => {}
        }
        Ok(())
    }
}

impl Upload {
    /// What is there of a cell.
    pub(super) async fn look(&self, cell: u64) -> Result<Contents, Error> {
        for _ in 0..LOOKS {
            if let Some(contents) = self.look_once(cell).await? {
                return Ok(contents);
            }
        }
        Err(Error::unavailable("The upload changes too quickly."))
    }

    /// `None` if a pack went away between the listing and its reading: others have merged it.
    async fn look_once(&self, cell: u64) -> Result<Option<Contents>, Error> {
        let mut contents = Contents::default();
        let mut pages = self.storage.main.list(&self.key(Item::Cell(cell)));
        while let Some(page) = pages.next().await? {
            for object in page {
                if contents.note(self, object.key).await.is_err() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(contents))
    }
}

/// How often a cell is looked at that changes meanwhile.
const LOOKS: u32 = 8;

async fn read_table(upload: &Upload, key: &str, count: usize) -> Result<Vec<Fragment>, BoxError> {
    if count > PIECES_LIMIT {
        return Err("a pack has too many pieces".into());
    }
    let head = (count * ROW) as u64;
    let fetch = Fetch { range: Some(0..head), ..Fetch::default() };
    let table = upload.storage.main.get(&Key::Listed(key), fetch).await?.bytes().await?;
    let mut table = &table[..];
    let mut offset = head;
    let mut pieces = Vec::with_capacity(count);
    while table.len() >= ROW {
        let (start, length) = (u64::from(table.get_u32_le()), u64::from(table.get_u32_le()));
        pieces.push(Fragment { range: start..start + length, key: key.to_owned(), offset });
        offset += length;
    }
    Ok(pieces)
}

/// A pack's bytes: the table, then the pieces.
pub(super) fn pack(pieces: &[(Range<u64>, Vec<Bytes>)]) -> Result<Bytes, Error> {
    let too_far = |cause| Error::internal("pack a cell", cause);
    let mut bytes = BytesMut::with_capacity(pieces.len() * ROW);
    for (range, _) in pieces {
        bytes.put_u32_le(u32::try_from(range.start).map_err(too_far)?);
        bytes.put_u32_le(u32::try_from(range.end - range.start).map_err(too_far)?);
    }
    for content in pieces.iter().flat_map(|(_, content)| content) {
        bytes.extend_from_slice(content);
    }
    Ok(bytes.freeze())
}
