//! What is there of the whole file, and what is missing.

use std::collections::HashSet;
use std::ops::Range;

use super::ranges::Ranges;
use super::standing::Standing;
use super::task::Upload;
use crate::error::{Error, Kind};
use crate::storage::Item;
use crate::storage::upload_key::parse;

impl Upload {
    /// The ranges that are missing, at most `limit` of them, in order.
    pub async fn missing(&self, standing: &Standing, limit: usize) -> Result<Vec<Range<u64>>, Error> {
        let size = standing.size.unwrap_or_else(|| self.task.capacity());
        let mut held = vec![0..standing.proven(self.task.cell)];
        let first = standing.digest.cells;
        let mut pages = self.storage.main.list_after(&self.key(Item::Cells), &self.key(Item::Cell(first)));
        let mut packed = HashSet::new();
        while let Some(page) = pages.next().await? {
            for object in page {
                match parse(&object.key) {
                    Some(Item::Full(cell)) => held.push(self.task.cell_range(cell, standing.size)),
                    Some(Item::Fragment { cell, start, length, .. }) => {
                        let from = cell * self.task.cell + start;
                        held.push(from..from + length);
                    }
                    Some(Item::Pack { cell, .. }) => {
                        packed.insert(cell);
                    }
                    _ => {}
                }
            }
        }
        for cell in packed {
            let base = cell * self.task.cell;
            let fragments = self.look(cell).await?.fragments;
            held.extend(fragments.iter().map(|piece| base + piece.range.start..base + piece.range.end));
        }
        let missing = Ranges::union(held).missing_of(0..size);
        // Once it has ended its cells are deleted: what looks missing may be what was complete a moment ago.
        if !missing.is_empty() && self.storage.main.head(&self.key(Item::End)).await?.is_some() {
            return Err(Error::new(Kind::Conflict, "The upload has just ended."));
        }
        Ok(missing.iter().take(limit).cloned().collect())
    }

    /// How many bytes are there without a gap from the start.
    pub async fn offset(&self, standing: &Standing) -> Result<u64, Error> {
        let gap = self.missing(standing, 1).await?;
        Ok(gap.first().map_or_else(|| standing.size.unwrap_or_else(|| self.task.capacity()), |gap| gap.start))
    }
}
