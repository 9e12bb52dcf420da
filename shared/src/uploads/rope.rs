//! Bytes that arrived in pieces and stay so: they are cut and sent on without being copied together.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Pieces below this size are copied together: a slow sender's few bytes must not each keep a read buffer.
const SMALL: usize = 16 * 1024;

/// How much room small pieces share.
const ROOM: usize = 64 * 1024;

/// Bytes in pieces.
#[derive(Clone, Debug, Default)]
pub struct Rope {
    pieces: Vec<Bytes>,
    tail: BytesMut,
    length: u64,
}

impl Rope {
    /// Adds bytes at the end.
    pub fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len() as u64;
        if bytes.len() >= SMALL {
            self.close();
            self.pieces.push(bytes);
            return;
        }
        if self.tail.len() + bytes.len() > ROOM {
            self.close();
        }
        self.tail.reserve(if self.tail.is_empty() { bytes.len().max(SMALL) } else { bytes.len() });
        self.tail.extend_from_slice(&bytes);
    }

    /// How many bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The pieces of a part; `range` must lie inside.
    pub fn slice(&self, range: Range<u64>) -> Vec<Bytes> {
        let (mut taken, mut at) = (Vec::new(), 0);
        let tail = (!self.tail.is_empty()).then(|| Bytes::copy_from_slice(&self.tail));
        for piece in self.pieces.iter().chain(&tail) {
            let end = at + piece.len() as u64;
            let (from, to) = (range.start.max(at), range.end.min(end));
            if from < to {
                taken.push(piece.slice(index(from - at)..index(to - at)));
            }
            at = end;
        }
        taken
    }

    /// All pieces.
    pub fn pieces(&self) -> Vec<Bytes> {
        self.slice(0..self.length)
    }

    fn close(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
    }
}

impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Self {
        let mut rope = Self::default();
        rope.push(bytes);
        rope
    }
}

/// Positions in memory fit the machine's word.
fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{ROOM, Rope, SMALL};

    #[test]
    fn pieces_of_any_size_are_one_sequence() {
        let sizes = [1, SMALL - 1, SMALL, 3, ROOM + 5, 0, 7, SMALL - 1, SMALL - 1, SMALL - 1, SMALL - 1, SMALL - 1, 2];
        let (mut rope, mut flat) = (Rope::default(), Vec::new());
        for (index, size) in sizes.into_iter().enumerate() {
            let bytes: Vec<u8> = (0..size).map(|at| u8::try_from((at * 7 + index) % 251).unwrap()).collect();
            flat.extend_from_slice(&bytes);
            rope.push(bytes.into());
        }
        assert_eq!(rope.len(), flat.len() as u64);
        assert_eq!(rope.pieces().concat(), flat);
        for (from, to) in [(0, 1), (5, SMALL), (SMALL - 2, ROOM), (flat.len() - 3, flat.len()), (9, 9)] {
            assert_eq!(rope.slice(from as u64..to as u64).concat(), &flat[from..to]);
        }
        assert!(Rope::from(Bytes::new()).is_empty());
    }
}
