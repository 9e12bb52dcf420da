//! The list of entries (APPNOTE 4.3.12): what each is, or why it is not taken.

use bytes::Buf;

use super::super::names;
use super::{DAMAGED, refuse, shown};
use crate::error::Error;

/// The most bytes of one entry: one object of the store.
pub const ENTRY_LIMIT: u64 = 5 * 1024 * 1024 * 1024;

/// The longest name between two slashes, in bytes; file systems, and stores that keep objects in
/// one, take no longer.
const SEGMENT_LIMIT: usize = 255;

const RECORD_SIGNATURE: u32 = 0x0201_4b50;
const MAX32: u64 = 0xFFFF_FFFF;

/// Bits 0, 6 and 13: encrypted, strongly, or with its header masked (4.4.4).
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

/// Bit 5: a patch to another file.
const FLAG_PATCH: u16 = 1 << 5;

/// The upper half of the external attributes is a Unix mode: its type of file.
const TYPE: u32 = 0o170_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_FOLDER: u32 = 0o040_000;

/// The extra field of sizes that do not fit (4.5.3).
const ZIP64: u16 = 1;

/// How the content of an entry is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored = 0,
    Deflate = 8,
}

/// An entry that may be unpacked.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Relative, and safe by the rules of [`names`]; a folder's ends in `/`.
    pub(super) name: Box<str>,
    pub(super) method: Method,
    pub(super) crc32: u32,
    /// Its bytes in the archive.
    pub(super) compressed: u64,
    /// Its bytes unpacked; at most [`ENTRY_LIMIT`].
    pub(super) size: u64,
    /// Where its header begins in the archive.
    pub(super) offset: u64,
}

impl Entry {
    pub(super) fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }
}

/// Reads exactly `count` entries out of exactly these bytes.
pub(super) fn parse(mut bytes: &[u8], count: u64) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let record = Record::read(&mut bytes).ok_or_else(|| refuse(DAMAGED))?;
        entries.push(record.entry()?);
    }
    if bytes.is_empty() { Ok(entries) } else { Err(refuse(DAMAGED)) }
}

/// A record as it stands there.
struct Record<'a> {
    flags: u16,
    method: u16,
    crc32: u32,
    compressed: u64,
    size: u64,
    disk: u16,
    attributes: u32,
    offset: u64,
    name: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes one off the front. The sizes and the offset are the real ones, wherever they stand.
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        (bytes.try_get_u32_le().ok()? == RECORD_SIGNATURE).then_some(())?;
        // Versions made by and needed.
        bytes.try_get_u32_le().ok()?;
        let (flags, method) = (bytes.try_get_u16_le().ok()?, bytes.try_get_u16_le().ok()?);
        // Date and time: an object has its own.
        bytes.try_get_u32_le().ok()?;
        let crc32 = bytes.try_get_u32_le().ok()?;
        let (mut compressed, mut size) = (bytes.try_get_u32_le().ok()?.into(), bytes.try_get_u32_le().ok()?.into());
        let (name_length, extra_length) = (bytes.try_get_u16_le().ok()?, bytes.try_get_u16_le().ok()?);
        let (comment_length, disk) = (bytes.try_get_u16_le().ok()?, bytes.try_get_u16_le().ok()?);
        bytes.try_get_u16_le().ok()?;
        let attributes = bytes.try_get_u32_le().ok()?;
        let mut offset = bytes.try_get_u32_le().ok()?.into();
        let name = bytes.split_off(..name_length.into())?;
        let mut zip64 = zip64(bytes.split_off(..extra_length.into())?);
        bytes.split_off(..comment_length.into())?;
        // In this order, and only those that do not fit above.
        for field in [&mut size, &mut compressed, &mut offset] {
            if *field == MAX32 {
                *field = zip64.try_get_u64_le().ok()?;
            }
        }
        Some(Self { flags, method, crc32, compressed, size, disk, attributes, offset, name })
    }

    fn entry(&self) -> Result<Entry, Error> {
        let no = |why: &str| Err(refuse(format!("Entry {}: {why}", shown(self.name))));
        let name = match std::str::from_utf8(self.name) {
            Ok(name) if !names::is_safe(name) => return no("its name could lead out of the folder."),
            Ok(name) if name.split('/').any(|segment| segment.len() > SEGMENT_LIMIT) => {
                return no("its name is too long.");
            }
            Ok(name) => name,
            Err(_) => return no("its name is not UTF-8."),
        };
        if self.flags & FLAGS_ENCRYPTED != 0 {
            return no("it is encrypted.");
        }
        let method = match self.method {
            0 => Method::Stored,
            8 => Method::Deflate,
            99 => return no("it is encrypted."),
            _ => return no("it is compressed by another method than deflate."),
        };
        let kind = (self.attributes >> 16) & TYPE;
        let is_folder = name.ends_with('/');
        if self.flags & FLAG_PATCH != 0 || !matches!(kind, 0 | TYPE_FILE | TYPE_FOLDER) {
            return no("it is a link or another special file.");
        }
        if kind == TYPE_FOLDER && !is_folder || is_folder && self.size > 0 {
            return no("it is a folder and a file.");
        }
        if self.size > ENTRY_LIMIT {
            return no("it is larger than 5 GiB.");
        }
        if self.disk != 0 && self.disk != u16::MAX {
            return no("it is in another file.");
        }
        if method == Method::Stored && self.size != self.compressed {
            return no("its sizes contradict each other.");
        }
        let Self { crc32, compressed, size, offset, .. } = *self;
        Ok(Entry { name: name.into(), method, crc32, compressed, size, offset })
    }
}

/// The zip64 field among the extra fields; empty if there is none. What follows a field that is longer
/// than the rest is padding.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while let (Ok(id), Ok(length)) = (extra.try_get_u16_le(), extra.try_get_u16_le()) {
        match extra.split_off(..length.into()) {
            Some(field) if id == ZIP64 => return field,
            Some(_) => {}
            None => break,
        }
    }
    &[]
}
