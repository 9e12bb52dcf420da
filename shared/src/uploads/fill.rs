//! Making the object of a cell whose bytes are all there.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::BodyDataStream;

use super::cell::{Contents, Fragment};
use super::digest::Digest;
use super::rope::Rope;
use super::task::Upload;
use crate::error::BoxError;
use crate::http::body;
use crate::storage::{Bucket, Fault, Fetch, Item, Key, Put, StoreError};

/// How much is hashed at once before other work gets its turn.
const FRAME: usize = 128 * 1024;

/// Bytes that are in memory, and where in the cell they belong.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) start: u64,
    pub(super) rope: &'a Rope,
    /// The last part of the keys under which some of them are stored by now.
    pub(super) nonce: &'a str,
}

/// What came of it.
pub(super) enum Filled {
    /// The object was made; the digest of all cells up to it, if that of the cells before was given.
    Made(Option<Digest>),
    /// It was there.
    Existed,
}

enum Segment {
    Memory(Vec<Bytes>),
    Object { key: String, range: Range<u64> },
}

impl Upload {
    /// Makes the object of a cell of `length` bytes from its fragments and from memory, which together have all
    /// of them. Bytes that are stored go before those in memory: they came first.
    pub(super) async fn fill(
        &self,
        cell: u64,
        length: u64,
        contents: &Contents,
        own: Option<Own<'_>>,
        digest: Option<Digest>,
    ) -> Result<Filled, StoreError> {
        let digest = Arc::new(Mutex::new(digest));
        let segments = plan(length, &contents.fragments, own);
        let bytes = body::stream(frames(self.storage.main.clone(), segments, digest.clone()));
        let put = Put { if_absent: true, ..Put::default() };
        match self.storage.main.put_stream(&self.key(Item::Full(cell)), bytes, length, put).await {
            Ok(_) => {
                let digest = digest.lock().unwrap_or_else(PoisonError::into_inner).take();
                Ok(Filled::Made(digest.map(Digest::cell_done)))
            }
            Err(error) if error.fault == Fault::Precondition => Ok(Filled::Existed),
            Err(error) => Err(error),
        }
    }
}

/// Which bytes come from where, in order. Where a fragment and memory overlap the fragment counts, unless it is
/// the same bytes stored; of two fragments the one that reaches further.
fn plan(length: u64, fragments: &[Fragment], own: Option<Own<'_>>) -> Vec<Segment> {
    let mut others: Vec<&Fragment> = fragments.iter().filter(|fragment| !is_own(fragment, own)).collect();
    others.sort_by_key(|fragment| fragment.range.start);
    let (mut segments, mut at, mut next) = (Vec::new(), 0, 0);
    let mut best: Option<&Fragment> = None;
    while at < length {
        while next < others.len() && others[next].range.start <= at {
            if best.is_none_or(|best| best.range.end < others[next].range.end) {
                best = Some(others[next]);
            }
            next += 1;
        }
        if let Some(fragment) = best.filter(|best| best.range.end > at) {
            let from = fragment.offset + (at - fragment.range.start);
            // The length may have been told after the fragment came.
            let end = fragment.range.end.min(length);
            let range = from..fragment.offset + (end - fragment.range.start);
            segments.push(Segment::Object { key: fragment.key.clone(), range });
            at = end;
            continue;
        }
        let until = others.get(next).map_or(length, |fragment| fragment.range.start);
        // Without memory there would be a gap here, and the object would be refused for its length.
        let Some(own) = own.filter(|own| (own.start..own.start + own.rope.len()).contains(&at)) else { break };
        let end = until.min(own.start + own.rope.len());
        segments.push(Segment::Memory(own.rope.slice(at - own.start..end - own.start)));
        at = end;
    }
    segments
}

fn is_own(fragment: &Fragment, own: Option<Own<'_>>) -> bool {
    own.is_some_and(|own| {
        let inside = own.start <= fragment.range.start && fragment.range.end <= own.start + own.rope.len();
        inside && fragment.key.ends_with(own.nonce)
    })
}

/// The bytes of the segments, taken into the digest as they pass.
fn frames(
    bucket: Bucket,
    segments: Vec<Segment>,
    digest: Arc<Mutex<Option<Digest>>>,
) -> impl futures_util::Stream<Item = Result<Bytes, BoxError>> + Send + 'static {
    let segments = stream::iter(segments).then(move |segment| open(bucket.clone(), segment));
    let pieces = segments.try_flatten().map_ok(|piece| stream::iter(split(piece).map(Ok)));
    pieces.try_flatten().inspect_ok(move |piece| {
        if let Some(digest) = digest.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            digest.update(piece);
        }
    })
}

type Pieces = stream::BoxStream<'static, Result<Bytes, BoxError>>;

async fn open(bucket: Bucket, segment: Segment) -> Result<Pieces, BoxError> {
    match segment {
        Segment::Memory(pieces) => Ok(stream::iter(pieces.into_iter().map(Ok)).boxed()),
        Segment::Object { key, range } => {
            let fetch = Fetch { range: Some(range), ..Fetch::default() };
            let fetched = bucket.get(&Key::Listed(&key), fetch).await?;
            Ok(BodyDataStream::new(fetched.body).boxed())
        }
    }
}

fn split(mut piece: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || (!piece.is_empty()).then(|| piece.split_to(piece.len().min(FRAME))))
}
