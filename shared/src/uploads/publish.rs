//! The object under its final key, made of the cells, or of the files that are joined.
//!
//! Everything happens in one multipart upload whose identifier is created once: many may work on it, and it can be
//! completed only once, so that one who was held up cannot replace what came later.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::standing::Standing;
use super::task::{Origin, Upload};
use crate::error::{Error, Kind};
use crate::storage::{
    Creation, Fault, Fetch, Head, Item, Key, Making, Multipart, PART_MINIMUM, PARTS_LIMIT, Part, Put, Source,
    StoreError, Versioned,
};

/// Metadata of a finished object: the upload that made it.
const MADE_BY: &str = "pannier-upload";

/// Metadata of a finished object: the MD5 of its content, as it was verified.
pub(super) const MD5: &str = "pannier-md5";

/// The least size of a part that takes more than one piece, where a file that is joined ends.
const GATHERED: u64 = 8 << 20;

/// The largest part that is copied by one request: a store that really copies needs seconds for it.
const COPIED: u64 = 512 << 20;

/// Parts on their way at once.
const AT_ONCE: usize = 8;

/// How often it is tried again because somebody else works on the multipart upload too, or has removed it.
const BEGINNINGS: u32 = 5;

/// A piece of the object: bytes of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    key: String,
    /// Of the object.
    size: u64,
    range: Range<u64>,
}

/// The multipart upload that makes the object.
#[derive(Serialize, Deserialize)]
struct Publishing {
    multipart: String,
}

/// What was published.
pub(super) struct Published {
    /// `None` if another object has taken its place since.
    pub(super) etag: Option<String>,
    pub(super) size: u64,
}

impl Upload {
    /// Makes the object appear. `None` if `deadline` passed first: what was done is found again.
    pub(super) async fn publish(&self, standing: &Standing, deadline: Instant) -> Result<Option<Published>, Error> {
        let sources = self.sources(standing).await?;
        let size = sources.iter().map(|piece| piece.range.end - piece.range.start).sum();
        let parts = plan(&sources, size);
        let (mut publishing, mut failed) = (self.publishing().await?, None);
        for _ in 0..BEGINNINGS {
            let id = &publishing.value.multipart;
            let error = match self.make(id, &parts, deadline).await {
                Ok(etag) => return Ok(etag.map(|etag| Published { etag: Some(etag), size })),
                Err(error) => error,
            };
            if error.fault == Fault::Conflict {
                // Another sends the same parts: they are listed anew.
                failed = Some(error);
                continue;
            }
            // The parts it was to be made of are gone, or it is itself: completed by another, or removed by a rule
            // of the bucket.
            if error.fault != Fault::Missing {
                return Err(error.into());
            }
            if let Some(published) = self.published(size).await? {
                return Ok(Some(published));
            }
            publishing = self.begin_again(&publishing).await?;
        }
        let error = Error::unavailable("The object could not be made.");
        Err(match failed {
            Some(cause) => error.caused_by(cause),
            None => error,
        })
    }

    /// The one multipart upload of this upload.
    async fn publishing(&self) -> Result<Versioned<Publishing>, Error> {
        let (bucket, record) = (&self.storage.main, self.key(Item::Publish));
        if let Some(read) = bucket.read(&record).await? {
            return Ok(read);
        }
        let begun = self.begin_multipart().await?;
        let publishing = Publishing { multipart: begun.id().to_owned() };
        if bucket.create(&record, &publishing).await? == Creation::Existed {
            begun.abort().await?;
        }
        bucket.read(&record).await?.ok_or_else(|| Error::new(Kind::Gone, "The upload is gone."))
    }

    async fn begin_again(&self, lost: &Versioned<Publishing>) -> Result<Versioned<Publishing>, Error> {
        let (bucket, record) = (&self.storage.main, self.key(Item::Publish));
        if self.done().await?.is_some() {
            return Err(Error::new(Kind::Gone, "The upload was finished by another request."));
        }
        let begun = self.begin_multipart().await?;
        if !bucket.replace(&record, lost, &Publishing { multipart: begun.id().to_owned() }).await? {
            begun.abort().await?;
        }
        bucket.read(&record).await?.ok_or_else(|| Error::new(Kind::Gone, "The upload is gone."))
    }

    async fn begin_multipart(&self) -> Result<Multipart, StoreError> {
        let mut metadata = vec![(MADE_BY, &*self.id)];
        metadata.extend(self.task.md5.as_deref().map(|md5| (MD5, md5)));
        let making =
            Making { content_type: self.task.content_type.as_deref(), metadata: &metadata, ..Making::default() };
        self.storage.main.multipart(&Key::Listed(&self.destination()), making).await
    }

    /// `None` if the deadline passed.
    async fn make(&self, id: &str, parts: &[Vec<Piece>], deadline: Instant) -> Result<Option<String>, StoreError> {
        let destination = self.destination();
        let multipart = &self.storage.main.resume_multipart(&Key::Listed(&destination), id.to_owned());
        let mut made = multipart.parts().await?;
        let missing = (1..=PARTS_LIMIT).zip(parts).filter(|(number, _)| !made.contains_key(number));
        // With everything of their own, or the compiler does not see that they are `Send`.
        let copies: Vec<_> = missing
            .map(|(number, pieces)| {
                let (upload, multipart, pieces) = (self.clone(), multipart.clone(), pieces.clone());
                async move { (number, upload.part(&multipart, number, &pieces).await) }
            })
            .collect();
        let mut copies = stream::iter(copies).buffer_unordered(AT_ONCE);
        while let Some((number, part)) = copies.next().await {
            made.insert(number, part?);
            if Instant::now() >= deadline && made.len() < parts.len() {
                return Ok(None);
            }
        }
        drop(copies);
        // From here on it may have been completed, whatever lies at the destination later.
        self.storage.main.put(&self.key(Item::Completing), Bytes::new(), Put::default()).await?;
        multipart.complete(made.into_values().collect(), Put::default()).await.map(Some)
    }

    async fn part(&self, multipart: &Multipart, number: i32, pieces: &[Piece]) -> Result<Part, StoreError> {
        if let [piece] = pieces {
            let (key, size, range) = (&Key::Listed(&piece.key), piece.size, piece.range.clone());
            return multipart.part_copy(number, Source { key, size, range, if_match: None }).await;
        }
        let mut bytes = Vec::new();
        for piece in pieces {
            let fetch = Fetch { range: Some(piece.range.clone()), ..Fetch::default() };
            bytes.extend_from_slice(&self.storage.main.get_bytes(&Key::Listed(&piece.key), fetch).await?);
        }
        multipart.part(number, Bytes::from(bytes)).await
    }

    /// What became of a multipart upload that is not there any more: the object, or another one that has replaced it
    /// since. `None` if it never was one.
    async fn published(&self, size: u64) -> Result<Option<Published>, Error> {
        let Some(head) = self.storage.main.head(&Key::Listed(&self.destination())).await? else { return Ok(None) };
        if made_by(&head) == Some(&self.id) && head.size == size {
            return Ok(Some(Published { etag: Some(head.etag), size }));
        }
        let completed = self.storage.main.head(&self.key(Item::Completing)).await?.is_some();
        Ok(completed.then_some(Published { etag: None, size }))
    }

    /// What the object is made of, in order.
    async fn sources(&self, standing: &Standing) -> Result<Vec<Piece>, Error> {
        let mut sources = Vec::new();
        if matches!(self.task.origin, Origin::Tus { .. }) && !self.task.joins.is_empty() {
            for object in self.parts().await? {
                let object = object.ok_or_else(|| Error::new(Kind::Gone, "A part of the upload is gone."))?;
                sources.push(Piece { key: object.key, size: object.size, range: 0..object.size });
            }
        } else {
            let size = standing.size.ok_or_else(|| Error::internal("publish", "the size is not known"))?;
            for cell in 0..self.task.cells(size) {
                let range = self.task.cell_range(cell, Some(size));
                let key = self.key(Item::Full(cell)).to_string();
                let size = range.end - range.start;
                sources.push(Piece { key, size, range: 0..size });
            }
        }
        sources.retain(|piece| !piece.range.is_empty());
        Ok(sources)
    }
}

/// The upload that made an object.
pub(super) fn made_by(head: &Head) -> Option<&str> {
    head.metadata.get(MADE_BY).map(String::as_str)
}

/// The parts: one piece that is copied, or a few small ones that are read. Only the last may be below
/// [`PART_MINIMUM`]. No piece at all is one empty part.
fn plan(sources: &[Piece], size: u64) -> Vec<Vec<Piece>> {
    let copied = COPIED.max(size.div_ceil(9_000));
    let (mut parts, mut small): (Vec<Vec<Piece>>, Vec<Piece>) = (Vec::new(), Vec::new());
    let length = |pieces: &[Piece]| pieces.iter().map(|piece| piece.range.end - piece.range.start).sum::<u64>();
    for source in sources {
        let (mut at, end) = (source.range.start, source.range.end);
        let take = |range: Range<u64>| Piece { key: source.key.clone(), size: source.size, range };
        while at < end {
            let held = length(&small);
            let left = end - at;
            if held > 0 || left < PART_MINIMUM {
                let until = at + left.min(GATHERED - held);
                small.push(take(at..until));
                at = until;
                if length(&small) >= PART_MINIMUM {
                    parts.push(std::mem::take(&mut small));
                }
                continue;
            }
            // What would be left below the least size goes with this part.
            let until = if left <= copied + PART_MINIMUM { end } else { at + copied };
            parts.push(vec![take(at..until)]);
            at = until;
        }
    }
    if !small.is_empty() || parts.is_empty() {
        parts.push(small);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{COPIED, GATHERED, PART_MINIMUM, PARTS_LIMIT, Piece, plan};

    #[test]
    fn parts_are_all_bytes_in_order_and_none_too_small() {
        let sizes = [
            vec![],
            vec![1],
            vec![8 << 20; 3],
            vec![3 << 20, 4 << 20, 1, 100 << 20, 2 << 20],
            vec![COPIED + 1, COPIED, COPIED - 1, 5],
            vec![1 << 40, 1 << 40],
            vec![1; 40],
        ];
        for sizes in sizes {
            let named = sizes.iter().enumerate();
            let sources: Vec<_> =
                named.map(|(index, size)| Piece { key: index.to_string(), size: *size, range: 0..*size }).collect();
            let size = sizes.iter().sum();
            let parts = plan(&sources, size);
            assert!(parts.len() <= usize::try_from(PARTS_LIMIT).unwrap());
            let (mut source, mut at) = (0, 0);
            for (index, part) in parts.iter().enumerate() {
                let length: u64 = part.iter().map(|piece| piece.range.end - piece.range.start).sum();
                assert!(length >= PART_MINIMUM || index + 1 == parts.len(), "{sizes:?}: {length}");
                assert!(part.len() == 1 || length <= GATHERED, "{sizes:?}: {length} in memory");
                for piece in part {
                    assert_eq!((piece.key.clone(), piece.range.start), (source.to_string(), at));
                    // Of a small object only all can be copied.
                    assert!(part.len() > 1 || piece.size > PART_MINIMUM || piece.range == (0..piece.size));
                    at = piece.range.end;
                    if at == sizes[source] {
                        (source, at) = (source + 1, 0);
                    }
                }
            }
            assert_eq!(source, sizes.len());
        }
    }
}
