//! What is agreed when an upload is created. It never changes.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::BusinessId;
use crate::error::Error;
use crate::random_name;
use crate::storage::upload_key::CELLS_LIMIT;
use crate::storage::{Creation, Item, Key, Storage, UploadKey};

/// The largest file: the largest object of a store (S3 user guide), 5 TiB.
pub const SIZE_LIMIT: u64 = 5 << 40;

/// The least size of a cell, in bytes. A cell becomes a part of the object, and those have at least 5 MiB.
const CELL_MINIMUM: u64 = 8 << 20;

/// Cells are multiples of this.
const CELL_STEP: u64 = 4 << 20;

/// The size of a cell where the length is not known: 10,000 of them are 625 GiB.
const CELL_UNKNOWN: u64 = 64 << 20;

/// What was agreed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Bytes in all, if known from the start.
    pub size: Option<u64>,
    /// Bytes in a cell.
    pub cell: u64,
    /// The MD5 of the whole, in lower-case hex, if there is one to verify.
    pub md5: Option<String>,
    /// The key of the finished object; `files/{id}` if there is none.
    pub destination: Option<String>,
    /// `Content-Type` of the finished object.
    pub content_type: Option<String>,
    /// The finished uploads that this one joins, in order; empty for one that takes bytes.
    pub joins: Vec<String>,
    /// Where a client finds it again: see [`super::resume`].
    pub name: Option<String>,
    /// When, in seconds since 1970.
    pub created: u64,
    /// Through which door it came, and what only that door needs.
    pub origin: Origin,
}

/// What only one door needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "door", rename_all = "snake_case")]
pub enum Origin {
    /// The block protocol.
    Block {
        /// Who is called back.
        business: BusinessId,
        /// `userId`
        user: String,
        /// `storePath`
        store_path: String,
        /// `fileName`
        file_name: String,
        /// `feedBackParameter`
        feedback: Value,
    },
    /// tus.
    Tus {
        /// `Upload-Metadata`, as it was sent.
        metadata: Option<String>,
        /// Whether it is to be joined with others; it is not a file of its own then.
        partial: bool,
        /// `Upload-Concat`, as it was sent.
        concat: Option<String>,
    },
    /// The IETF draft.
    Draft {
        /// The file's name, if one was given.
        file_name: Option<String>,
    },
}

/// An upload that exists.
#[derive(Clone)]
pub struct Upload {
    /// Identifies it.
    pub id: String,
    /// What was agreed.
    pub task: Task,
    pub(super) storage: Storage,
}

impl Task {
    /// A task with everything optional left out.
    ///
    /// # Errors
    /// 413 beyond [`SIZE_LIMIT`].
    pub fn new(size: Option<u64>, origin: Origin) -> Result<Self, Error> {
        if size.is_some_and(|size| size > SIZE_LIMIT) {
            return Err(Error::new(crate::error::Kind::TooLarge, "A file has at most 5 TiB."));
        }
        Ok(Self {
            size,
            cell: cell_size(size),
            md5: None,
            destination: None,
            content_type: None,
            joins: Vec::new(),
            name: None,
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            origin,
        })
    }

    /// Whether its id is a number that can be guessed, so that knowing it permits nothing.
    pub(super) fn is_numbered(&self) -> bool {
        matches!(self.origin, Origin::Block { .. })
    }

    /// The most bytes that fit, where the length is not known.
    pub fn capacity(&self) -> u64 {
        self.size.unwrap_or(CELLS_LIMIT * self.cell)
    }

    /// The bytes of a cell of a file of `size`, or of any size.
    pub(super) fn cell_range(&self, cell: u64, size: Option<u64>) -> Range<u64> {
        let start = cell * self.cell;
        start..(start + self.cell).min(size.unwrap_or(u64::MAX))
    }

    /// How many cells a file of `size` has.
    pub(super) fn cells(&self, size: u64) -> u64 {
        size.div_ceil(self.cell)
    }
}

/// At most [`CELLS_LIMIT`] cells, whatever the size.
fn cell_size(size: Option<u64>) -> u64 {
    match size {
        Some(size) => size.div_ceil(CELLS_LIMIT).next_multiple_of(CELL_STEP).max(CELL_MINIMUM),
        None => CELL_UNKNOWN,
    }
}

impl Upload {
    /// Creates an upload, unless there is one of that id: then `None`.
    pub async fn create(storage: &Storage, id: &str, task: Task) -> Result<Option<Self>, Error> {
        let upload = Self { id: id.to_owned(), task, storage: storage.clone() };
        match storage.main.create(&upload.key(Item::Task), &upload.task).await? {
            Creation::Made => Ok(Some(upload)),
            Creation::Existed => Ok(None),
        }
    }

    /// Creates an upload under an id that nobody can guess.
    pub async fn begin(storage: &Storage, task: Task) -> Result<Self, Error> {
        let made = Self::create(storage, &random_name(), task).await?;
        made.ok_or_else(|| Error::internal("create upload", "128 random bits came twice"))
    }

    /// An upload by its id; `None` if there is none.
    pub async fn open(storage: &Storage, id: &str) -> Result<Option<Self>, Error> {
        if !is_id(id) {
            return Ok(None);
        }
        let key = Key::Upload(UploadKey { id, item: Item::Task });
        let task = storage.main.read(&key).await?;
        Ok(task.map(|task| Self { id: id.to_owned(), task: task.value, storage: storage.clone() }))
    }

    pub(super) fn key<'a>(&'a self, item: Item<'a>) -> Key<'a> {
        Key::Upload(UploadKey { id: &self.id, item })
    }

    /// The key of the finished object.
    pub fn destination(&self) -> String {
        self.task.destination.clone().unwrap_or_else(|| Key::File(&self.id).to_string())
    }
}

/// Whether it can be the id of an upload.
pub(super) fn is_id(id: &str) -> bool {
    crate::is_id(id, 64)
}

#[cfg(test)]
mod tests {
    use super::{CELL_MINIMUM, CELLS_LIMIT, SIZE_LIMIT, cell_size};

    #[test]
    fn no_file_has_more_cells_than_an_object_has_parts() {
        for size in [0, 1, CELL_MINIMUM, 100 << 30, SIZE_LIMIT - 1, SIZE_LIMIT] {
            let cell = cell_size(Some(size));
            assert!(size.div_ceil(cell) <= CELLS_LIMIT && cell >= CELL_MINIMUM, "{size}: {cell}");
        }
        assert_eq!(cell_size(Some(1 << 30)), 8 << 20);
    }
}
