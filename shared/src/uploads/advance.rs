//! Carrying the digest on over cells that are full.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::digest::Digest;
use super::fill::Filled;
use super::standing::Standing;
use super::task::Upload;
use super::write::ATTEMPTS;
use crate::error::{BoxError, Error};
use crate::storage::upload_key::parse;
use crate::storage::{Fetch, Item};

/// How long a request reads on in cells that others have filled, while more are to come.
const READ_ON: Duration = Duration::from_millis(300);

/// What is being worked on in this process. It only saves work: whoever finds it here leaves it to the other.
static BUSY: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// How far the digest came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Over all cells.
    End,
    /// To a cell that is not full.
    Gap,
    /// Not to the end, though every cell is full: time ran out.
    Late,
    /// Another request of this process is at it.
    Busy,
}

impl Upload {
    /// Carries the digest on: a moment while cells are missing, until `deadline` once all are full.
    pub(super) async fn advance(&self, standing: &mut Standing, deadline: Instant) -> Result<Reach, Error> {
        loop {
            let Some(claim) = Claim::take(self.id.clone()) else { return Ok(Reach::Busy) };
            let reach = self.read_on(standing, deadline.min(Instant::now() + READ_ON)).await?;
            // Before the last look, or the one who fills the last cell just now would leave it to us.
            drop(claim);
            if reach == Reach::End {
                return Ok(reach);
            }
            if !self.all_full(standing).await? {
                return Ok(Reach::Gap);
            }
            if Instant::now() >= deadline {
                return Ok(Reach::Late);
            }
        }
    }

    async fn read_on(&self, standing: &mut Standing, until: Instant) -> Result<Reach, Error> {
        let count = standing.size.map(|size| self.task.cells(size));
        let mut failures = 0;
        loop {
            let cell = standing.digest.cells;
            if count == Some(cell) {
                return Ok(Reach::End);
            }
            if Instant::now() >= until {
                return Ok(Reach::Late);
            }
            let contents = self.look(cell).await?;
            let range = self.task.cell_range(cell, standing.size);
            let length = range.end - range.start;
            let mut digest = standing.digest.clone();
            if contents.full {
                let read = self.read_cell(cell, length, &mut digest).await;
                read.map_err(|cause| Error::unavailable("Storage does not answer.").caused_by(cause))?;
                digest = digest.cell_done();
            } else if contents.missing(length).is_empty() {
                // Whoever brought the last byte did not live to see it.
                match self.fill(cell, length, &contents, None, Some(digest)).await {
                    Ok(Filled::Made(Some(made))) => digest = made,
                    Ok(Filled::Made(None) | Filled::Existed) => continue,
                    Err(error) if failures + 1 >= ATTEMPTS => return Err(error.into()),
                    // Others have filled it or merged its fragments meanwhile: look again.
                    Err(_) => {
                        failures += 1;
                        continue;
                    }
                }
            } else {
                return Ok(Reach::Gap);
            }
            self.filled(standing, Some(digest), contents.keys()).await?;
        }
    }

    async fn read_cell(&self, cell: u64, length: u64, digest: &mut Digest) -> Result<(), BoxError> {
        let fetched = self.storage.main.get(&self.key(Item::Full(cell)), Fetch::default()).await?;
        if fetched.length != length {
            return Err("a cell is not of its length".into());
        }
        fetched.read(|frame| digest.update(frame)).await
    }

    /// Whether every cell from the digest on is full.
    pub(super) async fn all_full(&self, standing: &Standing) -> Result<bool, Error> {
        let Some(count) = standing.size.map(|size| self.task.cells(size)) else { return Ok(false) };
        let mut next = standing.digest.cells;
        let after = self.key(Item::Cell(next));
        let mut pages = self.storage.main.list_after(&self.key(Item::Cells), &after);
        while next < count
            && let Some(page) = pages.next().await?
        {
            for object in page {
                match parse(&object.key) {
                    Some(Item::Full(cell)) if cell == next => next += 1,
                    Some(Item::Full(_)) => return Ok(false),
                    _ => {}
                }
            }
        }
        Ok(next == count)
    }
}

/// Work that nobody else in this process does meanwhile.
pub(super) struct Claim(String);

impl Claim {
    /// `None` if somebody does it.
    pub(super) fn take(work: String) -> Option<Self> {
        BUSY.lock().unwrap_or_else(PoisonError::into_inner).insert(work.clone()).then(|| Self(work))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        BUSY.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}
