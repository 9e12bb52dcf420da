//! Keeps the number of objects of a cell within bounds: many small fragments become one pack.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bytes::Bytes;
use tracing::warn;

use super::advance::Claim;
use super::cell::{Contents, Fragment, pack};
use super::task::Upload;
use crate::error::BoxError;
use crate::random_name;
use crate::storage::upload_key::parse;
use crate::storage::{Fetch, Item, Key, Put};

/// Fragments below this size are merged; larger ones are few.
const SMALL: u64 = 256 * 1024;

/// So many small fragments are merged; fewer where a cell is small itself.
const MANY: u64 = 64;

/// For each so many bytes of a cell one more fragment may be left alone, and a few in any case.
const BYTES_A_FRAGMENT: u64 = 64 * 1024;
const FEW: u64 = 4;

/// A pack that is larger than this is left as it is.
const PACK_LIMIT: u64 = 8 << 20;

/// One merge takes no more, once it has this many bytes.
const MERGE_LIMIT: u64 = 16 << 20;

/// Where bytes belong, and the bytes.
type Piece = (Range<u64>, Vec<Bytes>);

impl Upload {
    /// Merges the small fragments of a cell once they are many. It may fail or be interrupted anywhere: the pack
    /// is written before anything is deleted, and nobody waits for it.
    pub(super) async fn merge_if_many(&self, cell: u64, contents: &Contents) {
        let small = small(&contents.fragments);
        let objects: HashSet<&str> = small.iter().map(|fragment| &*fragment.key).collect();
        let many = (self.task.cell / BYTES_A_FRAGMENT).clamp(FEW, MANY);
        if (objects.len() as u64) < many {
            return;
        }
        // Everyone who wrote a moment ago sees the same fragments: one is enough.
        let Some(_claim) = Claim::take(format!("{}/{cell}", self.id)) else { return };
        if let Err(error) = self.merge(cell, &small).await {
            // Others may have merged them a moment ago.
            warn!(upload = self.id, cell, error, "fragments were not merged");
        }
    }

    async fn merge(&self, cell: u64, small: &[&Fragment]) -> Result<(), BoxError> {
        let sources = self.whole(small).await?;
        let (mut pieces, mut at) = (Vec::<Piece>::new(), 0);
        let mut sorted = small.to_vec();
        sorted.sort_by_key(|fragment| fragment.range.start);
        for fragment in sorted.into_iter().filter(|fragment| sources.contains_key(&fragment.key)) {
            let start = at.max(fragment.range.start);
            if start >= fragment.range.end {
                continue;
            }
            let skip = fragment.offset + (start - fragment.range.start);
            let taken = skip..skip + (fragment.range.end - start);
            let source = &sources[&fragment.key];
            let content = source.slice(usize::try_from(taken.start)?..usize::try_from(taken.end)?);
            match pieces.last_mut().filter(|(range, _)| range.end == start) {
                Some((range, contents)) => {
                    range.end = fragment.range.end;
                    contents.push(content);
                }
                None => pieces.push((start..fragment.range.end, vec![content])),
            }
            at = fragment.range.end;
        }
        let nonce = random_name();
        let key = self.key(Item::Pack { cell, count: pieces.len(), nonce: &nonce });
        self.storage.main.put(&key, pack(&pieces)?, Put::default()).await?;
        let merged: Vec<String> = sources.into_keys().collect();
        Ok(self.storage.main.delete_all(&merged).await?)
    }

    /// The objects of the fragments, whole, as many as one merge takes.
    async fn whole(&self, small: &[&Fragment]) -> Result<HashMap<String, Bytes>, BoxError> {
        let (mut sources, mut taken) = (HashMap::new(), 0);
        for fragment in small {
            if taken < MERGE_LIMIT && !sources.contains_key(&fragment.key) {
                let bytes = self.storage.main.get_bytes(&Key::Listed(&fragment.key), Fetch::default()).await?;
                taken += bytes.len() as u64;
                sources.insert(fragment.key.clone(), bytes);
            }
        }
        Ok(sources)
    }
}

/// The fragments that are worth merging: those in objects that are not large.
fn small(fragments: &[Fragment]) -> Vec<&Fragment> {
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    for fragment in fragments {
        *sizes.entry(&fragment.key).or_default() += fragment.range.end - fragment.range.start;
    }
    let limit = |key| if is_pack(key) { PACK_LIMIT } else { SMALL };
    fragments.iter().filter(|fragment| sizes[&*fragment.key] < limit(&fragment.key)).collect()
}

fn is_pack(key: &str) -> bool {
    matches!(parse(key), Some(Item::Pack { .. }))
}
