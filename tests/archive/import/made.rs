//! ZIPs made by hand, right and wrong: each field is what the test says.

/// An entry: what its header, its record and its content say.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) name: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) crc32: u32,
    pub(crate) packed: Vec<u8>,
    /// What is said of the packed bytes, where it is not their number.
    pub(crate) packed_size: Option<u64>,
    pub(crate) size: u64,
    pub(crate) attributes: u32,
    /// What the header calls it, where that differs.
    pub(crate) local_name: Option<Vec<u8>>,
    /// Where the record says it is, where that is wrong.
    pub(crate) offset: Option<u64>,
    /// What the header has behind the name.
    pub(crate) local_extra: Vec<u8>,
    /// Whether the record keeps its offset in a zip64 field: in that alone, as common programs do.
    pub(crate) zip64: bool,
}

/// A stored file.
pub(crate) fn stored(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Made {
    let content = content.as_ref();
    Made {
        name: name.as_ref().to_vec(),
        method: 0,
        flags: 0,
        crc32: crc32fast::hash(content),
        packed: content.to_vec(),
        packed_size: None,
        size: content.len() as u64,
        attributes: 0o100_644 << 16,
        local_name: None,
        offset: None,
        local_extra: Vec::new(),
        zip64: false,
    }
}

/// The same content in one stored deflate block, with a descriptor behind it.
pub(crate) fn deflated(name: &str, content: &[u8]) -> Made {
    let length = u16::try_from(content.len()).expect("one block");
    let packed = [&[1], &length.to_le_bytes()[..], &(!length).to_le_bytes()[..], content].concat();
    Made { method: 8, flags: 1 << 3, packed, ..stored(name, content) }
}

/// The archive of these entries.
pub(crate) fn zip(entries: &[Made]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut records = Vec::new();
    for entry in entries {
        let offset = entry.offset.unwrap_or(zip.len() as u64);
        record(&mut records, entry, offset);
        header(&mut zip, entry);
    }
    let (count, start) = (entries.len() as u64, zip.len() as u64);
    zip.extend_from_slice(&records);
    if entries.iter().any(|entry| entry.zip64) {
        end_zip64(&mut zip, count, records.len() as u64, start);
        end(&mut zip, u64::MAX, u64::MAX, u64::MAX);
    } else {
        end(&mut zip, count, records.len() as u64, start);
    }
    zip
}

fn header(zip: &mut Vec<u8>, entry: &Made) {
    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    zip.extend_from_slice(b"PK\x03\x04\x14\x00");
    put16(zip, entry.flags.into());
    put16(zip, entry.method.into());
    put32(zip, 0);
    let late = entry.flags & 1 << 3 != 0;
    for value in [entry.crc32.into(), entry.packed_size(), entry.size] {
        put32(zip, if late { 0 } else { value });
    }
    put16(zip, name.len() as u64);
    put16(zip, entry.local_extra.len() as u64);
    zip.extend_from_slice(name);
    zip.extend_from_slice(&entry.local_extra);
    zip.extend_from_slice(&entry.packed);
    if late {
        zip.extend_from_slice(b"PK\x07\x08");
        for value in [entry.crc32.into(), entry.packed_size(), entry.size] {
            put32(zip, value);
        }
    }
}

fn record(records: &mut Vec<u8>, entry: &Made, offset: u64) {
    let large = |value: u64| value >= u64::from(u32::MAX);
    let mut extra = Vec::new();
    for (value, moved) in
        [(entry.size, large(entry.size)), (entry.packed_size(), large(entry.packed_size())), (offset, entry.zip64)]
    {
        if moved {
            extra.extend_from_slice(&value.to_le_bytes());
        }
    }
    records.extend_from_slice(b"PK\x01\x02\x2d\x03\x2d\x00");
    put16(records, entry.flags.into());
    put16(records, entry.method.into());
    put32(records, 0);
    put32(records, entry.crc32.into());
    put32(records, entry.packed_size());
    put32(records, entry.size);
    put16(records, entry.name.len() as u64);
    put16(records, if extra.is_empty() { 0 } else { 4 + extra.len() as u64 });
    records.extend_from_slice(&[0; 6]);
    put32(records, entry.attributes.into());
    put32(records, if entry.zip64 { u64::MAX } else { offset });
    records.extend_from_slice(&entry.name);
    if !extra.is_empty() {
        put16(records, 1);
        put16(records, extra.len() as u64);
        records.extend_from_slice(&extra);
    }
}

/// The end record alone.
pub(crate) fn end(zip: &mut Vec<u8>, entries: u64, size: u64, offset: u64) {
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    put16(zip, entries);
    put16(zip, entries);
    put32(zip, size);
    put32(zip, offset);
    put16(zip, 0);
}

/// The zip64 end record, and the locator that leads to it.
pub(crate) fn end_zip64(zip: &mut Vec<u8>, entries: u64, size: u64, offset: u64) {
    let at = zip.len() as u64;
    zip.extend_from_slice(b"PK\x06\x06");
    zip.extend_from_slice(&44_u64.to_le_bytes());
    zip.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [entries, entries, size, offset] {
        zip.extend_from_slice(&value.to_le_bytes());
    }
    zip.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    zip.extend_from_slice(&at.to_le_bytes());
    put32(zip, 1);
}

impl Made {
    fn packed_size(&self) -> u64 {
        self.packed_size.unwrap_or(self.packed.len() as u64)
    }
}

/// What does not fit is all ones: "look into the zip64 field".
fn put16(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
}
