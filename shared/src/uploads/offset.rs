//! What is there of the whole file, and what is missing.

use std::collections::HashSet;
use std::ops::Range;

use super::ranges::Ranges;
use super::standing::Standing;
use super::task::Upload;
use crate::error::Error;
use crate::storage::Item;
use crate::storage::upload_key::parse;

impl Upload {
    /// The ranges that are missing, at most `limit` of them, in order. None are where the upload has ended
    /// meanwhile: whoever finds none looks where it stands.
    pub async fn missing(&self, standing: &Standing, limit: usize) -> Result<Vec<Range<u64>>, Error> {
        let size = standing.size.unwrap_or_else(|| self.task.capacity());
        let proven = 0..standing.proven(self.task.cell);
        let mut held = Vec::from([proven]);
        let first = standing.digest.cells;
        let mut pages = self.storage.main.list_after(&self.key(Item::Cells), &self.key(Item::Cell(first)));
        // Cells to look at by themselves: their pieces are in tables, or change hands between two pages.
        let mut looked_at = HashSet::new();
        let mut last = None;
        while let Some(page) = pages.next().await? {
            looked_at.extend(last);
            last = page.last().and_then(|object| cell_of(&object.key));
            for object in page {
                match parse(&object.key) {
                    Some(Item::Full(cell)) => held.push(self.task.cell_range(cell, standing.size)),
                    Some(Item::Fragment { cell, start, length, .. }) => {
                        let from = cell * self.task.cell + start;
                        held.push(from..from + length);
                    }
                    Some(Item::Pack { cell, .. }) => {
                        looked_at.insert(cell);
                    }
                    _ => {}
                }
            }
        }
        for cell in looked_at {
            let base = cell * self.task.cell;
            let contents = self.look(cell).await?;
            // It may have become so since it was listed.
            held.extend(contents.full.then(|| self.task.cell_range(cell, standing.size)));
            held.extend(contents.fragments.iter().map(|piece| base + piece.range.start..base + piece.range.end));
        }
        let missing = Ranges::union(held).missing_of(0..size);
        // Once it has ended its cells are deleted: what looks missing may be what was complete a moment ago.
        if !missing.is_empty() && self.storage.main.head(&self.key(Item::End)).await?.is_some() {
            return Ok(Vec::new());
        }
        Ok(missing.iter().take(limit).cloned().collect())
    }

    /// How many bytes are there without a gap from the start.
    pub async fn offset(&self, standing: &Standing) -> Result<u64, Error> {
        let gap = self.missing(standing, 1).await?;
        Ok(gap.first().map_or_else(|| standing.size.unwrap_or_else(|| self.task.capacity()), |gap| gap.start))
    }
}

fn cell_of(key: &str) -> Option<u64> {
    match parse(key)? {
        Item::Full(cell) | Item::Fragment { cell, .. } | Item::Pack { cell, .. } => Some(cell),
        _ => None,
    }
}
