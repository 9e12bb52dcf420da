//! A ZIP archive is a layout that can be computed: from names and sizes alone every offset is known
//! before a byte of content is read. Pure; no I/O.
//!
//! Field values follow APPNOTE.TXT 6.3.10; section numbers below are its own. What is chosen:
//! - names are UTF-8 and say so (4.4.4, bit 11); times are the object's, in UTC (4.4.6) and as an
//!   extended timestamp (4.5.3, 0x5455), never the clock's, so that equal folders give equal bytes;
//! - content is stored (method 0). Where a large object's CRC-32 is not known when its header goes out,
//!   it is sent as deflate in stored blocks (RFC 1951, 3.2.4) with a data descriptor (4.3.9): its
//!   length is as predictable, and unlike "stored with descriptor" a reader of a stream can tell where
//!   it ends. No such stream is 2^32-1 bytes long: see `Member::ends_in_empty_block`;
//! - zip64 records (4.3.14, 4.3.15, 4.5.3) exactly where a field does not fit. A central record whose
//!   offset does not fit has its sizes there too: see `Member::record_zip64`.
//!
//! What may never happen: a length here that differs by a byte from what is written here.

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use time::OffsetDateTime;

/// The value that says "look into the zip64 field" (4.4.8): the first that does not fit.
const MAX32: u64 = 0xFFFF_FFFF;
/// The same for the number of entries (4.4.21).
const MAX16: u64 = 0xFFFF;

const LOCAL_HEADER: u64 = 30;
const CENTRAL_HEADER: u64 = 46;
const END: u64 = 22;
const END_ZIP64: u64 = 56 + 20;
const TIMESTAMP: u64 = 9;
const ZIP64_EXTRA_HEADER: u64 = 4;

/// The content bytes of one stored deflate block, and what its header adds.
pub(super) const BLOCK: u64 = 65_535;
const BLOCK_HEADER: u64 = 5;

/// Bit 3: sizes and CRC-32 follow the content. Bit 11: names are UTF-8.
const FLAG_DESCRIPTOR: u64 = 1 << 3;
const FLAG_UTF8: u64 = 1 << 11;

const MADE_BY_UNIX: u64 = 3 << 8;
const MODE_FILE: u64 = 0o100_644;
const MODE_DIRECTORY: u64 = 0o040_755;
const ATTRIBUTE_DIRECTORY: u64 = 0x10;

/// How the content of an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is; its CRC-32 is in the header before it.
    Stored,
    /// In stored deflate blocks, its CRC-32 in a descriptor after it.
    Blocks,
}

/// What the layout needs to know of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The name inside the archive; a directory's ends in `/`. At most 65,535 bytes (4.4.10).
    pub name: &'a str,
    /// Bytes of content.
    pub size: u64,
    /// Last modification, in seconds since 1970.
    pub modified: u64,
    /// How its content is written.
    pub form: Form,
}

/// Where everything is.
#[derive(Debug)]
pub struct Layout {
    /// Of each entry's local header.
    offsets: Vec<u64>,
    directory: Range<u64>,
    total: u64,
}

/// One stretch of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An entry's local header.
    Header(usize),
    /// An entry's content, in its form.
    Content(usize),
    /// An entry's data descriptor.
    Descriptor(usize),
    /// An entry's record in the central directory.
    Record(usize),
    /// The end records.
    End,
}

/// A [`Part`], or some of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which stretch.
    pub part: Part,
    /// Which bytes of it; not empty.
    pub bytes: Range<u64>,
    /// Whether that is all of it.
    pub whole: bool,
}

impl Member<'_> {
    /// The content's bytes inside the archive.
    pub fn content_length(&self) -> u64 {
        match self.form {
            Form::Stored => self.size,
            Form::Blocks => self.full_blocks_length() + if self.ends_in_empty_block() { BLOCK_HEADER } else { 0 },
        }
    }

    fn full_blocks_length(&self) -> u64 {
        self.size + BLOCK_HEADER * self.size.div_ceil(BLOCK)
    }

    /// Whether its deflate stream ends in a block without content.
    ///
    /// That of no content is nothing else. The other is that of 4,294,639,630 bytes, whose length would
    /// be exactly 2^32-1: the one that needs zip64 (4.4.8), and so 8-byte sizes in the descriptor
    /// (4.3.9.2), while `java.util.zip.ZipInputStream` of JDK 17 expects those only beyond it and loses
    /// its place (that of JDK 25 does not). APPNOTE is on our side, but five bytes more and all readers are.
    pub(super) fn ends_in_empty_block(&self) -> bool {
        self.form == Form::Blocks && (self.size == 0 || self.full_blocks_length() == MAX32)
    }

    /// Whether its sizes need zip64 fields. Content is never shorter than `size`.
    fn is_large(&self) -> bool {
        self.content_length() >= MAX32
    }

    fn name_length(&self) -> u64 {
        self.name.len() as u64
    }

    pub(super) fn header_length(&self) -> u64 {
        let zip64 = if self.is_large() { ZIP64_EXTRA_HEADER + 16 } else { 0 };
        LOCAL_HEADER + self.name_length() + TIMESTAMP + zip64
    }

    /// 4.3.9: signature, CRC-32 and two sizes, which are 8 bytes each in zip64.
    fn descriptor_length(&self) -> u64 {
        match self.form {
            Form::Stored => 0,
            Form::Blocks if self.is_large() => 24,
            Form::Blocks => 16,
        }
    }

    /// The zip64 fields of its central record, in bytes: sizes, or sizes and offset.
    ///
    /// An offset alone would do (4.5.3), but does not for all readers. UnZip 6.00 takes the size of the
    /// entry before for this one's, and if that is exactly 2^32-1 looks for a size that is not there;
    /// async_zip 0.0.19 always looks for both. Go's writer puts them there too, so every reader knows it.
    fn record_zip64(&self, offset: u64) -> u64 {
        if offset >= MAX32 {
            24
        } else if self.is_large() {
            16
        } else {
            0
        }
    }

    fn record_length(&self, offset: u64) -> u64 {
        let zip64 = self.record_zip64(offset);
        let extra = if zip64 > 0 { ZIP64_EXTRA_HEADER + zip64 } else { 0 };
        CENTRAL_HEADER + self.name_length() + TIMESTAMP + extra
    }

    fn is_directory(&self) -> bool {
        self.name.ends_with('/')
    }

    /// 4.4.3: 2.0 covers directories and deflate, 4.5 is zip64.
    fn version_needed(&self, zip64: bool) -> u64 {
        if zip64 { 45 } else { 20 }
    }

    fn flags(&self) -> u64 {
        match self.form {
            Form::Stored => FLAG_UTF8,
            Form::Blocks => FLAG_UTF8 | FLAG_DESCRIPTOR,
        }
    }

    /// Version, flags, method, time and date: what a local header and a central record share (4.3.7, 4.3.12).
    fn write_common(&self, zip64: bool, out: &mut BytesMut) {
        put16(out, self.version_needed(zip64));
        put16(out, self.flags());
        put16(out, if self.form == Form::Blocks { 8 } else { 0 });
        let (time, date) = dos_time(self.modified);
        put16(out, time);
        put16(out, date);
    }

    fn write_timestamp(&self, out: &mut BytesMut) {
        put16(out, 0x5455);
        put16(out, 5);
        out.put_u8(1);
        put32(out, self.modified.min(0x7FFF_FFFF));
    }

    /// 4.3.7. `crc32` is ignored where a descriptor carries it.
    pub(super) fn write_header(&self, crc32: u32, out: &mut BytesMut) {
        let (large, late) = (self.is_large(), self.form == Form::Blocks);
        put32(out, 0x0403_4B50);
        self.write_common(large, out);
        put32(out, if late { 0 } else { u64::from(crc32) });
        // 4.4.4: with bit 3 the sizes are zero here, 4.4.8: with zip64 they are in the extra field.
        let size = |size| {
            if large {
                MAX32
            } else if late {
                0
            } else {
                size
            }
        };
        put32(out, size(self.content_length()));
        put32(out, size(self.size));
        put16(out, self.name_length());
        put16(out, self.header_length() - LOCAL_HEADER - self.name_length());
        out.extend_from_slice(self.name.as_bytes());
        self.write_timestamp(out);
        if large {
            put16(out, 1);
            put16(out, 16);
            put64(out, if late { 0 } else { self.size });
            put64(out, if late { 0 } else { self.content_length() });
        }
    }

    /// 4.3.9
    pub(super) fn write_descriptor(&self, crc32: u32, out: &mut BytesMut) {
        put32(out, 0x0807_4B50);
        put32(out, crc32.into());
        if self.is_large() {
            put64(out, self.content_length());
            put64(out, self.size);
        } else {
            put32(out, self.content_length());
            put32(out, self.size);
        }
    }

    /// 4.3.12
    fn write_record(&self, crc32: u32, offset: u64, out: &mut BytesMut) {
        let zip64 = self.record_zip64(offset);
        put32(out, 0x0201_4B50);
        put16(out, MADE_BY_UNIX | self.version_needed(zip64 > 0));
        self.write_common(zip64 > 0, out);
        put32(out, crc32.into());
        put32(out, if zip64 > 0 { MAX32 } else { self.content_length() });
        put32(out, if zip64 > 0 { MAX32 } else { self.size });
        put16(out, self.name_length());
        put16(out, self.record_length(offset) - CENTRAL_HEADER - self.name_length());
        // Comment length, disk, internal attributes.
        out.extend_from_slice(&[0; 6]);
        put32(
            out,
            match self.is_directory() {
                true => MODE_DIRECTORY << 16 | ATTRIBUTE_DIRECTORY,
                false => MODE_FILE << 16,
            },
        );
        put32(out, offset.min(MAX32));
        out.extend_from_slice(self.name.as_bytes());
        self.write_timestamp(out);
        if zip64 > 0 {
            put16(out, 1);
            put16(out, zip64);
            put64(out, self.size);
            put64(out, self.content_length());
            if offset >= MAX32 {
                put64(out, offset);
            }
        }
    }
}

impl Layout {
    /// Computes the layout of the members, in their order.
    pub fn new<'a>(members: impl Iterator<Item = Member<'a>>) -> Self {
        let (mut at, mut directory, mut offsets) = (0, 0, Vec::with_capacity(members.size_hint().0));
        for member in members {
            offsets.push(at);
            directory += member.record_length(at);
            at += member.header_length() + member.content_length() + member.descriptor_length();
        }
        offsets.shrink_to_fit();
        let zip64 = offsets.len() as u64 >= MAX16 || at >= MAX32 || directory >= MAX32;
        let total = at + directory + END + if zip64 { END_ZIP64 } else { 0 };
        Self { offsets, directory: at..at + directory, total }
    }

    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Where an entry's local header is.
    pub(super) fn offset(&self, index: usize) -> u64 {
        self.offsets[index]
    }

    /// The first entry that a byte at `position` could belong to.
    fn entry_at(&self, position: u64) -> usize {
        self.offsets.partition_point(|offset| *offset <= position).saturating_sub(1)
    }

    /// 4.3.14, 4.3.15, 4.3.16
    fn write_end(&self, out: &mut BytesMut) {
        let (entries, offset) = (self.offsets.len() as u64, self.directory.start);
        let size = self.directory.end - offset;
        if self.total - self.directory.end > END {
            put32(out, 0x0606_4B50);
            put64(out, 44);
            put16(out, MADE_BY_UNIX | 45);
            put16(out, 45);
            out.extend_from_slice(&[0; 8]);
            put64(out, entries);
            put64(out, entries);
            put64(out, size);
            put64(out, offset);
            put32(out, 0x0706_4B50);
            put32(out, 0);
            put64(out, self.directory.end);
            put32(out, 1);
        }
        put32(out, 0x0605_4B50);
        out.extend_from_slice(&[0; 4]);
        put16(out, entries.min(MAX16));
        put16(out, entries.min(MAX16));
        put32(out, size.min(MAX32));
        put32(out, offset.min(MAX32));
        put16(out, 0);
    }
}

/// The pieces of a range of an archive, in order, made one by one.
///
/// `member` gives the entry of an index; it must be the one that the layout was computed from.
pub struct Pieces {
    /// What comes next and where it starts.
    next: Option<(Part, u64)>,
    range: Range<u64>,
}

impl Pieces {
    /// The pieces of `range`, which lies inside the archive.
    pub fn new(layout: &Layout, range: Range<u64>) -> Self {
        let entries = layout.offsets.len();
        let first = if range.start >= layout.directory.end || entries == 0 {
            (Part::End, layout.directory.end)
        } else if range.start >= layout.directory.start {
            (Part::Record(0), layout.directory.start)
        } else {
            let index = layout.entry_at(range.start);
            (Part::Header(index), layout.offset(index))
        };
        Self { next: Some(first), range }
    }

    /// The next piece.
    pub fn next<'a>(&mut self, layout: &Layout, member: impl Fn(usize) -> Member<'a>) -> Option<Piece> {
        loop {
            let (part, start) = self.next?;
            if start >= self.range.end {
                return None;
            }
            let length = match part {
                Part::Header(index) => member(index).header_length(),
                Part::Content(index) => member(index).content_length(),
                Part::Descriptor(index) => member(index).descriptor_length(),
                Part::Record(index) => member(index).record_length(layout.offset(index)),
                Part::End => layout.total - layout.directory.end,
            };
            self.next = following(part, layout.offsets.len()).map(|part| (part, start + length));
            let bytes = self.range.start.saturating_sub(start)..length.min(self.range.end - start);
            if bytes.start < bytes.end {
                return Some(Piece { part, whole: bytes == (0..length), bytes });
            }
        }
    }
}

fn following(part: Part, entries: usize) -> Option<Part> {
    match part {
        Part::Header(index) => Some(Part::Content(index)),
        Part::Content(index) => Some(Part::Descriptor(index)),
        Part::Descriptor(index) if index + 1 < entries => Some(Part::Header(index + 1)),
        Part::Descriptor(_) => Some(Part::Record(0)),
        Part::Record(index) if index + 1 < entries => Some(Part::Record(index + 1)),
        Part::Record(_) => Some(Part::End),
        Part::End => None,
    }
}

/// Writes the bytes of a part that is not content. `member` and `crc32` are the entry's; the end has none.
pub(super) fn write(part: Part, layout: &Layout, entry: Option<(Member<'_>, u32)>, out: &mut BytesMut) {
    match (part, entry) {
        (Part::Header(_), Some((member, crc32))) => member.write_header(crc32, out),
        (Part::Descriptor(_), Some((member, crc32))) => member.write_descriptor(crc32, out),
        (Part::Record(index), Some((member, crc32))) => member.write_record(crc32, layout.offset(index), out),
        (Part::End, _) => layout.write_end(out),
        (part, _) => unreachable!("{part:?} is not made here"),
    }
}

/// The header of the stored deflate block that holds `length` bytes (RFC 1951, 3.2.4).
pub(super) fn block_header(length: u16, last: bool) -> [u8; 5] {
    let [low, high] = length.to_le_bytes();
    [u8::from(last), low, high, !low, !high]
}

/// MS-DOS time and date of a moment in UTC, from 1980 to 2107 (4.4.6).
fn dos_time(modified: u64) -> (u64, u64) {
    const FIRST: i64 = 315_532_800; // 1980-01-01T00:00:00Z
    const LAST: i64 = 4_354_819_198; // 2107-12-31T23:59:58Z
    let seconds = i64::try_from(modified).unwrap_or(LAST).clamp(FIRST, LAST);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = moment.to_hms();
    let time = (u64::from(hour) << 11) | (u64::from(minute) << 5) | (u64::from(second) / 2);
    let year = u64::try_from(moment.year() - 1980).unwrap_or(0);
    (time, year << 9 | u64::from(u8::from(moment.month())) << 5 | u64::from(moment.day()))
}

/// Callers pass what fits: a length checked at its source, or a value cut to the field's width.
fn put16(out: &mut BytesMut, value: u64) {
    out.put_u16_le(u16::try_from(value).unwrap_or(u16::MAX));
}

fn put32(out: &mut BytesMut, value: u64) {
    out.put_u32_le(u32::try_from(value).unwrap_or(u32::MAX));
}

fn put64(out: &mut BytesMut, value: u64) {
    out.put_u64_le(value);
}
