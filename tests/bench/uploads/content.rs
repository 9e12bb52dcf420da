//! What is uploaded: blocks that are the same but for their last bytes, so that a file of any length costs
//! the client the memory of one block and nothing to make.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use md5::{Digest as _, Md5};
use shared::http::{Body, body};

use crate::contents::Folder;

/// Bytes at the end of a block that are its own.
const OWN: usize = 16;

/// A file to upload.
#[derive(Clone)]
pub(crate) struct Content {
    common: Bytes,
    zeros: bool,
    /// How many blocks.
    pub(crate) blocks: u64,
    /// MD5 of the whole, in lower-case hex.
    pub(crate) md5: String,
    part_md5s: Vec<String>,
}

impl Content {
    /// Arbitrary bytes that nothing could compress. The digests are computed now, once.
    pub(crate) fn new(block: usize, blocks: u64) -> Self {
        Self::of(Folder { hash: "", count: 1, size: block }.content(0).into(), blocks, false)
    }

    /// Zeros only, as a sparse file has them.
    pub(crate) fn zeros(block: usize, blocks: u64) -> Self {
        Self::of(vec![0; block].into(), blocks, true)
    }

    fn of(block: Bytes, blocks: u64, zeros: bool) -> Self {
        let common = block.slice(..block.len() - OWN);
        let mut content = Self { common, zeros, blocks, md5: String::new(), part_md5s: Vec::new() };
        let (begun, mut whole) = (Md5::new_with_prefix(&content.common), Md5::new());
        for index in 0..blocks {
            let own = content.own(index);
            whole.update(&content.common);
            whole.update(&own);
            content.part_md5s.push(hex(&begun.clone().chain_update(&own).finalize()));
        }
        content.md5 = hex(&whole.finalize());
        content
    }

    /// Bytes of a block.
    pub(crate) fn block(&self) -> u64 {
        (self.common.len() + OWN) as u64
    }

    /// Bytes in all.
    pub(crate) fn size(&self) -> u64 {
        self.block() * self.blocks
    }

    /// MD5 of a block, in lower-case hex.
    pub(crate) fn part_md5(&self, index: u64) -> &str {
        &self.part_md5s[index as usize]
    }

    /// The two pieces of a block, which share their memory with those of every other.
    pub(crate) fn pieces(&self, index: u64) -> [Bytes; 2] {
        [self.common.clone(), self.own(index)]
    }

    /// The whole, as the body of a request, and when its last block was asked for.
    pub(crate) fn body(&self) -> (Body, Arc<OnceLock<Instant>>) {
        let (content, last) = (self.clone(), Arc::new(OnceLock::new()));
        let asked = last.clone();
        let pieces = (0..self.blocks).flat_map(move |index| {
            if index + 1 == content.blocks {
                asked.get_or_init(Instant::now);
            }
            content.pieces(index)
        });
        (body::stream(stream::iter(pieces.map(Ok))), last)
    }

    /// One block, as the body of a request.
    pub(crate) fn block_body(&self, index: u64) -> Body {
        body::stream(stream::iter(self.pieces(index).map(Ok)))
    }

    /// What is at the end of a block and nowhere else.
    pub(crate) fn own(&self, index: u64) -> Bytes {
        // An odd number keeps the products of all indices apart.
        let factor = if self.zeros { 0 } else { 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835 };
        let number = u128::from(index + 1).wrapping_mul(factor);
        Bytes::copy_from_slice(&number.to_le_bytes())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
