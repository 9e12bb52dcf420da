//! Where the list of entries is: the records at the end of a ZIP (APPNOTE 4.3.14 to 4.3.16).
//!
//! Nothing may be in doubt: exactly one end record reaches the end of the file, what is said twice is
//! said the same, and the list ends where the records begin. So no two readers see two archives in one.

use std::ops::Range;

use bytes::Buf;

use super::source::Source;
use super::{DAMAGED, refuse};
use crate::error::Error;

/// The most entries of one import.
pub const ENTRIES_LIMIT: u64 = 100_000;

/// The longest list of entries, in bytes: it is held in memory. 335 a piece for the most entries.
pub const DIRECTORY_LIMIT: u64 = 32 * 1024 * 1024;

const END: u64 = 22;
const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const COMMENT_LIMIT: u64 = 0xFFFF;
const LOCATOR: u64 = 20;
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
const END_ZIP64: u64 = 56;
const END_ZIP64_SIGNATURE: u32 = 0x0606_4b50;

/// "Look into the zip64 record" (4.4.1.4).
const MAX16: u64 = 0xFFFF;
const MAX32: u64 = 0xFFFF_FFFF;

/// Where the list is, and how long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    /// Its bytes; at most [`DIRECTORY_LIMIT`].
    pub(super) range: Range<u64>,
    /// Its entries; 1 to [`ENTRIES_LIMIT`].
    pub(super) entries: u64,
}

/// Finds the list, or says why this is no ZIP that could be unpacked.
pub(super) async fn find(source: &Source) -> Result<Directory, Error> {
    let start = source.size.saturating_sub(LOCATOR + END + COMMENT_LIMIT);
    let tail = source.read(start..source.size).await?;
    let at = locate(&tail)?;
    let mut said = Said::read(&tail[at..]).ok_or_else(|| refuse(DAMAGED))?;
    let mut records = start + at as u64;
    if let Some(record_at) = at.checked_sub(usize::try_from(LOCATOR).unwrap_or(0)).and_then(|at| locator(&tail[at..])) {
        let fits = record_at.checked_add(END_ZIP64 + LOCATOR).is_some_and(|end| end <= records);
        if !fits {
            return Err(refuse(DAMAGED));
        }
        let record = source.read(record_at..record_at + END_ZIP64).await?;
        let large = Said::read_zip64(&record, records - LOCATOR - record_at).ok_or_else(|| refuse(DAMAGED))?;
        said = said.combined(&large).ok_or_else(|| refuse(DAMAGED))?;
        records = record_at;
    }
    said.directory(records)
}

/// The end record in the last bytes of the file. A comment may hold one that reaches the end as well:
/// then readers differ, and the file is refused.
fn locate(tail: &[u8]) -> Result<usize, Error> {
    let end = usize::try_from(END).unwrap_or(0);
    let candidates = tail.windows(end).enumerate().filter(|(at, record)| {
        let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
        record.starts_with(&END_SIGNATURE) && at + end + comment == tail.len()
    });
    let candidates: Vec<usize> = candidates.map(|(at, _)| at).collect();
    match candidates[..] {
        [] => Err(refuse("This is not a ZIP archive.")),
        [at] => Ok(at),
        _ => Err(refuse("This ZIP archive has two ends.")),
    }
}

/// Where the zip64 record is, if this is its locator.
fn locator(mut bytes: &[u8]) -> Option<u64> {
    let signature = bytes.try_get_u32_le().ok()?;
    bytes.try_get_u32_le().ok()?;
    (signature == LOCATOR_SIGNATURE).then_some(())?;
    bytes.try_get_u64_le().ok()
}

/// What an end record says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    disk: u64,
    directory_disk: u64,
    entries_here: u64,
    entries: u64,
    size: u64,
    offset: u64,
}

impl Said {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        bytes.try_get_u32_le().ok()?;
        Some(Self {
            disk: bytes.try_get_u16_le().ok()?.into(),
            directory_disk: bytes.try_get_u16_le().ok()?.into(),
            entries_here: bytes.try_get_u16_le().ok()?.into(),
            entries: bytes.try_get_u16_le().ok()?.into(),
            size: bytes.try_get_u32_le().ok()?.into(),
            offset: bytes.try_get_u32_le().ok()?.into(),
        })
    }

    /// The zip64 record, which with all it may hold takes `length` bytes.
    fn read_zip64(mut bytes: &[u8], length: u64) -> Option<Self> {
        let signature = bytes.try_get_u32_le().ok()?;
        let rest = bytes.try_get_u64_le().ok()?;
        (signature == END_ZIP64_SIGNATURE && rest.checked_add(12)? == length).then_some(())?;
        bytes.try_get_u32_le().ok()?;
        Some(Self {
            disk: bytes.try_get_u32_le().ok()?.into(),
            directory_disk: bytes.try_get_u32_le().ok()?.into(),
            entries_here: bytes.try_get_u64_le().ok()?,
            entries: bytes.try_get_u64_le().ok()?,
            size: bytes.try_get_u64_le().ok()?,
            offset: bytes.try_get_u64_le().ok()?,
        })
    }

    /// Both records as one; `None` if they contradict each other.
    fn combined(&self, large: &Self) -> Option<Self> {
        let both = |small: u64, large: u64, max: u64| (small == max || small == large).then_some(large);
        Some(Self {
            disk: both(self.disk, large.disk, MAX16)?,
            directory_disk: both(self.directory_disk, large.directory_disk, MAX16)?,
            entries_here: both(self.entries_here, large.entries_here, MAX16)?,
            entries: both(self.entries, large.entries, MAX16)?,
            size: both(self.size, large.size, MAX32)?,
            offset: both(self.offset, large.offset, MAX32)?,
        })
    }

    /// The list that ends where the `records` begin.
    fn directory(&self, records: u64) -> Result<Directory, Error> {
        if self.disk != 0 || self.directory_disk != 0 || self.entries_here != self.entries {
            return Err(refuse("This ZIP archive is split into several files."));
        }
        if self.entries > ENTRIES_LIMIT {
            return Err(refuse(format!("This ZIP archive has more than {ENTRIES_LIMIT} entries.")));
        }
        if self.size > DIRECTORY_LIMIT {
            return Err(refuse("The names in this ZIP archive are too long for their number."));
        }
        match self.offset.checked_add(self.size) {
            Some(end) if end == records => {}
            Some(end) if end < records => return Err(refuse("This ZIP archive has something before its beginning.")),
            _ => return Err(refuse(DAMAGED)),
        }
        if self.entries == 0 {
            return Err(refuse("This ZIP archive is empty."));
        }
        Ok(Directory { range: self.offset..records, entries: self.entries })
    }
}
