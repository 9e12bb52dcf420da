//! What all entries together must be, before the first of them is written.

use super::directory::Entry;
use super::end::Directory;
use super::{DAMAGED, refuse, shown};
use crate::error::Error;
use crate::storage::Key;

/// The most bytes of all entries together, unpacked.
pub const TOTAL_LIMIT: u64 = 64 * 1024 * 1024 * 1024;

/// How many times larger than packed an archive may become. Text gets to 20, a bomb to 1,000.
pub const RATIO_LIMIT: u64 = 200;

/// Up to this many bytes unpacked nobody asks for the ratio.
pub const RATIO_FLOOR: u64 = 64 * 1024 * 1024;

/// The longest key of an object, in bytes (S3's own limit).
const KEY_LIMIT: usize = 1024;

/// A local header without its name (APPNOTE 4.3.7).
const LOCAL_HEADER: u64 = 30;

/// Checks the entries, and puts them in the order in which the archive holds their contents.
pub(super) fn check(mut entries: Vec<Entry>, directory: &Directory, folder: &Key<'_>) -> Result<Vec<Entry>, Error> {
    names(&mut entries, folder.to_string().len())?;
    sizes(&entries)?;
    entries.sort_unstable_by_key(|entry| entry.offset);
    places(&entries, directory.range.start)?;
    Ok(entries)
}

/// Each name is the name of one thing, and short enough below a prefix of this length.
fn names(entries: &mut [Entry], prefix: usize) -> Result<(), Error> {
    if let Some(entry) = entries.iter().find(|entry| prefix + entry.name.len() > KEY_LIMIT) {
        return Err(refuse(format!("Entry {}: its name is too long.", shown(entry.name.as_bytes()))));
    }
    // With the slash before all other characters, what lies in a folder follows upon its name. (A name
    // has no byte 0.)
    let order =
        |entry: &Entry, at: usize| entry.name.as_bytes().get(at).map(|byte| if *byte == b'/' { 0 } else { *byte });
    entries.sort_unstable_by(|one, other| {
        let differs = one.name.bytes().zip(other.name.bytes()).position(|(one, other)| one != other);
        let at = differs.unwrap_or_else(|| one.name.len().min(other.name.len()));
        order(one, at).cmp(&order(other, at))
    });
    for pair in entries.windows(2) {
        let (one, other) = (&*pair[0].name, &*pair[1].name);
        if one == other {
            return Err(refuse(format!("Entry {}: it is there twice.", shown(one.as_bytes()))));
        }
        if other.strip_prefix(one).is_some_and(|rest| rest.starts_with('/')) {
            return Err(refuse(format!("Entry {}: it is a folder and a file.", shown(one.as_bytes()))));
        }
    }
    Ok(())
}

/// Unpacked, it is of a size that its packed size explains.
fn sizes(entries: &[Entry]) -> Result<(), Error> {
    // Neither sum overflows: sizes are bounded; packed sizes are checked against the file by `places`.
    let size: u64 = entries.iter().map(|entry| entry.size).sum();
    let compressed = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.compressed));
    if size > TOTAL_LIMIT {
        return Err(refuse("This ZIP archive is larger than 64 GiB when it is unpacked."));
    }
    if size > RATIO_FLOOR && size / RATIO_LIMIT > compressed {
        return Err(refuse(format!(
            "This ZIP archive becomes more than {RATIO_LIMIT} times larger when it is unpacked."
        )));
    }
    Ok(())
}

/// Sorted by their places, the entries begin with the file, and none reaches into the next: two that
/// share bytes are how a small file becomes a large one.
fn places(entries: &[Entry], end: u64) -> Result<(), Error> {
    if entries.first().is_none_or(|first| first.offset != 0) {
        return Err(refuse("This ZIP archive has something before its beginning."));
    }
    let ends = entries.iter().skip(1).map(|next| next.offset).chain([end]);
    for (entry, end) in entries.iter().zip(ends) {
        let header = LOCAL_HEADER + entry.name.len() as u64;
        let own_end = entry.compressed.checked_add(header).and_then(|length| entry.offset.checked_add(length));
        if own_end.ok_or_else(|| refuse(DAMAGED))? > end {
            return Err(refuse(format!("Entry {}: it reaches into another.", shown(entry.name.as_bytes()))));
        }
    }
    Ok(())
}
