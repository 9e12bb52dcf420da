//! Bytes that arrive.

use bytes::Bytes;

use super::cell::{PIECES_LIMIT, pack};
use super::digest::Digest;
use super::fill::{Filled, Own};
use super::ranges::Ranges;
use super::rope::Rope;
use super::standing::Standing;
use super::task::Upload;
use crate::error::{Error, Kind};
use crate::random_name;
use crate::storage::{Item, Put, StoreError};

/// How often the making of a cell is tried when others change it meanwhile, or the store fails.
pub(super) const ATTEMPTS: u32 = 4;

/// How many pieces are stored as one object each, at most, for one piece of a request.
const APART: usize = 4;

impl Upload {
    /// Stores `bytes`, which belong at `start`. When this returns they are safe, or bytes that came before them
    /// are; `standing` is brought up to date as far as the digest went along. Returns whether a cell that they lie in is
    /// full now, so that something may be due.
    ///
    /// # Errors
    /// 416 beyond the end. 503 if the store failed: what was stored by then stays and does no harm.
    pub async fn write(&self, standing: &mut Standing, start: u64, bytes: &Rope) -> Result<bool, Error> {
        let end = start.checked_add(bytes.len());
        let limit = standing.size.unwrap_or_else(|| self.task.capacity());
        let end = end
            .filter(|end| *end <= limit)
            .ok_or_else(|| Error::new(Kind::RangeNotSatisfiable, "The bytes reach beyond the end of the file."))?;
        let (mut at, mut full) = (start, false);
        while at < end {
            let cell = at / self.task.cell;
            let range = self.task.cell_range(cell, standing.size);
            let until = end.min(range.end);
            let part = part(bytes, at - start, until - start);
            full |= self.write_cell(standing, cell, (at - range.start, &part)).await?;
            at = until;
        }
        Ok(full)
    }

    async fn write_cell(&self, standing: &mut Standing, cell: u64, (start, rope): (u64, &Rope)) -> Result<bool, Error> {
        let range = self.task.cell_range(cell, standing.size);
        let length = range.end - range.start;
        let nonce = random_name();
        let own = Own { start, rope, nonce: &nonce };
        let mut failures = 0;
        loop {
            let contents = self.look(cell).await?;
            if contents.full {
                return Ok(true);
            }
            let missing = contents.missing(length);
            let fresh = missing.within(&(start..start + rope.len()));
            if fresh == missing {
                let digest = (standing.digest.cells == cell).then(|| standing.digest.clone());
                match self.fill(cell, length, &contents, Some(own), digest).await {
                    Ok(Filled::Made(digest)) => {
                        self.filled(standing, digest, contents.keys()).await?;
                        return Ok(true);
                    }
                    Ok(Filled::Existed) => {
                        self.filled(standing, None, contents.keys()).await?;
                        return Ok(true);
                    }
                    Err(error) if failures + 1 >= ATTEMPTS => {
                        return Err(Error::unavailable("The upload changes too quickly.").caused_by(error));
                    }
                    // A fragment that others have merged: look again.
                    Err(_) => failures += 1,
                }
            } else if fresh.is_empty() {
                self.merge_if_many(cell, &contents).await;
                return Ok(false);
            } else {
                if contents.fragments.len() + fresh.len() > PIECES_LIMIT {
                    return Err(Error::new(Kind::TooManyRequests, "Too many gaps: send what lies between first."));
                }
                self.stage(cell, own, &fresh).await?;
            }
        }
    }

    /// Stores pieces of a cell. What is acknowledged afterwards is found by a listing.
    async fn stage(&self, cell: u64, own: Own<'_>, fresh: &Ranges) -> Result<(), Error> {
        let piece = |range: &std::ops::Range<u64>| own.rope.slice(range.start - own.start..range.end - own.start);
        if fresh.len() > APART {
            let pieces: Vec<_> = fresh.iter().map(|range| (range.clone(), piece(range))).collect();
            let item = Item::Pack { cell, count: pieces.len(), nonce: own.nonce };
            self.storage.main.put(&self.key(item), pack(&pieces)?, Put::default()).await?;
            return Ok(());
        }
        for range in fresh {
            let length = range.end - range.start;
            let item = Item::Fragment { cell, start: range.start, length, nonce: own.nonce };
            self.put_pieces(item, piece(range), length).await?;
        }
        Ok(())
    }

    async fn put_pieces(&self, item: Item<'_>, mut pieces: Vec<Bytes>, length: u64) -> Result<(), StoreError> {
        let key = self.key(item);
        if pieces.len() == 1 {
            return self.storage.main.put(&key, pieces.remove(0), Put::default()).await.map(drop);
        }
        let body = crate::http::body::stream(futures_util::stream::iter(pieces.into_iter().map(Ok)));
        self.storage.main.put_stream(&key, body, length, Put::default()).await.map(drop)
    }

    /// A cell is full: the digest that goes so far is kept for all to find, and what nobody needs any more goes: its
    /// fragments, and the digests before.
    pub(super) async fn filled(
        &self,
        standing: &mut Standing,
        digest: Option<Digest>,
        fragments: Vec<String>,
    ) -> Result<(), Error> {
        let mut obsolete = fragments;
        if let Some(digest) = digest {
            let text = digest.text();
            let key = self.key(Item::Digest { cells: digest.cells, digest: &text });
            self.storage.main.put(&key, Bytes::new(), Put::default()).await?;
            standing.digest = digest;
            obsolete.append(&mut std::mem::replace(&mut standing.outdated, vec![key.to_string()]));
        }
        // They would go with the upload: nothing is lost if that fails.
        if let Err(error) = self.storage.main.delete_all(&obsolete).await {
            tracing::warn!(upload = self.id, %error, "fragments stay");
        }
        Ok(())
    }
}

fn part(rope: &Rope, from: u64, to: u64) -> Rope {
    if from == 0 && to == rope.len() {
        return rope.clone();
    }
    let mut part = Rope::default();
    rope.slice(from..to).into_iter().for_each(|piece| part.push(piece));
    part
}
