//! The keys of uploads.
//!
//! | key | object |
//! |---|---|
//! | `uploads/{id}/task` | what was agreed when it was created; never changes |
//! | `uploads/{id}/c/end` | how it ended; the one decision, made by whoever creates it |
//! | `uploads/{id}/c/done` | all that follows from its end has happened |
//! | `uploads/{id}/c/gone` | its finished file was deleted |
//! | `uploads/{id}/c/length` | its length, where that was not known at first |
//! | `uploads/{id}/c/joins` | empty: it joins others, and ends when they have |
//! | `uploads/{id}/c/kept` | empty: its record stays as long as its file |
//! | `uploads/{id}/c/completing` | empty: the multipart upload may have been completed |
//! | `uploads/{id}/c/publish` | the multipart upload that makes the file |
//! | `uploads/{id}/c/handoff` | a worker is to finish it |
//! | `uploads/{id}/c/state-{seq}-{word}` | empty: paused, or not any more; the last one counts |
//! | `uploads/{id}/c/h-{99999 - n}-{digest}` | empty: the digest of its first n cells; the furthest is listed first |
//! | `uploads/{id}/x/{cell}/full` | all bytes of a cell |
//! | `uploads/{id}/x/{cell}/b-{start}-{length}-{nonce}` | some bytes of it; `start` counts from the cell's |
//! | `uploads/{id}/x/{cell}/p-{count}-{nonce}` | many pieces of it in one object, behind a table of `count` rows |
//! | `uploads/{id}/in/{nonce}` | bytes that are not checked yet |
//! | `upload-names/{name}/{seq}` | which upload a client means that applies again for the same |
//! | `files/{id}` | a finished file that has no other place |

use std::fmt;

/// The most cells of an upload: the most parts of an object.
pub const CELLS_LIMIT: u64 = 10_000;

/// Cells are numbered downwards in the keys of digests.
const LAST: u64 = 99_999;

/// An object of one upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadKey<'a> {
    /// The upload: 1-64 of `A-Z a-z 0-9 _ -`.
    pub id: &'a str,
    /// What of it.
    pub item: Item<'a>,
}

/// What of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// Prefix: everything.
    All,
    /// The agreement.
    Task,
    /// Prefix: everything that tells where it stands.
    Control,
    /// How it ended.
    End,
    /// Everything that follows from its end has happened.
    Done,
    /// Its file was deleted.
    Gone,
    /// Its length, told late.
    Length,
    /// It joins others.
    Joins,
    /// Its record stays as long as its file.
    Kept,
    /// Its multipart upload may have been completed.
    Completing,
    /// The multipart upload that makes its file.
    Publish,
    /// A worker is to finish it.
    Handoff,
    /// A change of its state.
    State {
        /// Counts the changes, from 1.
        seq: u32,
        /// `pause` or `upload`.
        word: &'a str,
    },
    /// The digest of its first cells.
    Digest {
        /// How many.
        cells: u64,
        /// In a form that fits a key.
        digest: &'a str,
    },
    /// Prefix: all cells.
    Cells,
    /// Prefix: one cell.
    Cell(u64),
    /// All bytes of a cell.
    Full(u64),
    /// Some bytes of a cell.
    Fragment {
        /// Which cell.
        cell: u64,
        /// The first byte, counted from the cell's first.
        start: u64,
        /// How many.
        length: u64,
        /// Tells apart what was sent twice.
        nonce: &'a str,
    },
    /// Many pieces of a cell.
    Pack {
        /// Which cell.
        cell: u64,
        /// How many pieces.
        count: usize,
        /// Tells packs apart.
        nonce: &'a str,
    },
    /// Prefix: all bytes that are not checked yet.
    Incomings,
    /// Bytes not checked yet.
    Incoming(&'a str),
}

impl fmt::Display for UploadKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uploads/{}/", self.id)?;
        match self.item {
            Item::All => Ok(()),
            Item::Task => f.write_str("task"),
            Item::Control => f.write_str("c/"),
            Item::End => f.write_str("c/end"),
            Item::Done => f.write_str("c/done"),
            Item::Gone => f.write_str("c/gone"),
            Item::Length => f.write_str("c/length"),
            Item::Joins => f.write_str("c/joins"),
            Item::Kept => f.write_str("c/kept"),
            Item::Completing => f.write_str("c/completing"),
            Item::Publish => f.write_str("c/publish"),
            Item::Handoff => f.write_str("c/handoff"),
            Item::State { seq, word } => write!(f, "c/state-{seq:06}-{word}"),
            Item::Digest { cells, digest } => write!(f, "c/h-{:05}-{digest}", LAST.saturating_sub(cells)),
            Item::Cells => f.write_str("x/"),
            Item::Cell(cell) => write!(f, "x/{cell:05}/"),
            Item::Full(cell) => write!(f, "x/{cell:05}/full"),
            Item::Fragment { cell, start, length, nonce } => write!(f, "x/{cell:05}/b-{start:010}-{length}-{nonce}"),
            Item::Pack { cell, count, nonce } => write!(f, "x/{cell:05}/p-{count}-{nonce}"),
            Item::Incomings => f.write_str("in/"),
            Item::Incoming(nonce) => write!(f, "in/{nonce}"),
        }
    }
}

/// The upload that a key belongs to, and the rest of the key; `None` for any other key.
pub fn split(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix("uploads/")?.split_once('/')
}

/// Reads the key of an object of a known upload back. Prefixes are no objects.
pub fn parse(key: &str) -> Option<Item<'_>> {
    match split(key)?.1 {
        "task" => Some(Item::Task),
        rest => match rest.split_once('/')? {
            ("c", name) => control(name),
            ("x", rest) => {
                let (cell, name) = rest.split_once('/')?;
                in_cell(cell.parse().ok()?, name)
            }
            ("in", nonce) => Some(Item::Incoming(nonce)),
            _ => None,
        },
    }
}

fn control(name: &str) -> Option<Item<'_>> {
    match name {
        "end" => return Some(Item::End),
        "done" => return Some(Item::Done),
        "gone" => return Some(Item::Gone),
        "length" => return Some(Item::Length),
        "joins" => return Some(Item::Joins),
        "kept" => return Some(Item::Kept),
        "completing" => return Some(Item::Completing),
        "publish" => return Some(Item::Publish),
        "handoff" => return Some(Item::Handoff),
        _ => {}
    }
    let (kind, rest) = name.split_once('-')?;
    let (number, rest) = rest.split_once('-')?;
    match kind {
        "h" => Some(Item::Digest { cells: LAST.checked_sub(number.parse().ok()?)?, digest: rest }),
        "state" => Some(Item::State { seq: number.parse().ok()?, word: rest }),
        _ => None,
    }
}

fn in_cell(cell: u64, name: &str) -> Option<Item<'_>> {
    if name == "full" {
        return Some(Item::Full(cell));
    }
    let (kind, rest) = name.split_once('-')?;
    let (number, rest) = rest.split_once('-')?;
    match kind {
        "b" => {
            let (length, nonce) = rest.split_once('-')?;
            Some(Item::Fragment { cell, start: number.parse().ok()?, length: length.parse().ok()?, nonce })
        }
        "p" => Some(Item::Pack { cell, count: number.parse().ok()?, nonce: rest }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Item, UploadKey, parse, split};

    #[test]
    fn every_object_reads_back() {
        let items = [
            Item::Task,
            Item::End,
            Item::Done,
            Item::Gone,
            Item::Length,
            Item::Joins,
            Item::Kept,
            Item::Completing,
            Item::Publish,
            Item::Handoff,
            Item::State { seq: 12, word: "pause" },
            Item::Digest { cells: 10_000, digest: "00c0ffee-AB_-x" },
            Item::Full(9_999),
            Item::Fragment { cell: 7, start: 1 << 20, length: 4_194_304, nonce: "a-b_" },
            Item::Pack { cell: 0, count: 64, nonce: "n-" },
            Item::Incoming("x"),
        ];
        for item in items {
            let key = UploadKey { id: "a-b_C", item }.to_string();
            assert_eq!(parse(&key), Some(item), "{key}");
            assert_eq!(split(&key).map(|(id, _)| id), Some("a-b_C"));
        }
        for other in ["uploads/a", "files/a", "uploads/a/c/", "uploads/a/x/1/b-1-2", "uploads/a/c/h-1"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_further_digest_is_listed_first() {
        let key = |cells| UploadKey { id: "u", item: Item::Digest { cells, digest: "d" } }.to_string();
        assert!(key(10) < key(9) && key(10_000) < key(0));
    }
}
