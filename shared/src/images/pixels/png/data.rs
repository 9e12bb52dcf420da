//! The data of a picture (PNG, third edition, 7.2, 8 and 10.1): one zlib stream over several chunks, which makes
//! exactly the bytes of the picture.

use flate2::{Decompress, FlushDecompress, Status};

use crate::images::pixels::{Refusal, damaged};

/// How much is inflated at once, in bytes; none of it is held.
const PIECE: usize = 64 * 1024;

/// Where the seven passes of an interlaced picture begin and how far their pixels are apart: x, y.
const PASSES: [([u32; 2], [u32; 2]); 7] = [
    ([0, 0], [8, 8]),
    ([4, 0], [8, 8]),
    ([0, 4], [4, 8]),
    ([2, 0], [4, 4]),
    ([0, 2], [2, 4]),
    ([1, 0], [2, 2]),
    ([0, 1], [1, 2]),
];

/// How pixels are laid out.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// The bits of a pixel.
    bits: u64,
    interlaced: bool,
}

impl Layout {
    /// By the last five fields of a header.
    pub(super) fn new([depth, colour, _, _, interlaced]: [u8; 5]) -> Result<Self, Refusal> {
        let samples = match colour {
            0 | 3 => 1,
            4 => 2,
            2 => 3,
            6 => 4,
            other => return Err(damaged(format_args!("colours of type {other}"))),
        };
        Ok(Self { bits: samples * u64::from(depth), interlaced: interlaced != 0 })
    }

    /// The bytes of a picture within the limits: each row, or that of a pass, begins with a byte for its filter.
    pub(super) fn bytes(self, width: u32, height: u32) -> u64 {
        let rows = |across: u32, down: u32| match across {
            0 => 0,
            _ => (1 + (u64::from(across) * self.bits).div_ceil(8)) * u64::from(down),
        };
        if !self.interlaced {
            return rows(width, height);
        }
        let count = |side: u32, start: u32, step: u32| side.saturating_sub(start).div_ceil(step);
        PASSES.iter().map(|(start, step)| rows(count(width, start[0], step[0]), count(height, start[1], step[1]))).sum()
    }
}

/// How many bytes of the joined parts are the stream that makes `expected` bytes; what follows is not part of it.
///
/// # Errors
/// For a stream that is damaged, has no end, or makes less or more: it is inflated no further than that.
pub(super) fn length(parts: &[&[u8]], expected: u64) -> Result<u64, Refusal> {
    let mut inflating = Decompress::new(true);
    let mut room = vec![0; PIECE];
    for part in parts {
        let mut rest = *part;
        loop {
            let (taken, made) = (inflating.total_in(), inflating.total_out());
            let status = inflating.decompress(rest, &mut room, FlushDecompress::None).map_err(damaged)?;
            let (taken, made) = (inflating.total_in() - taken, inflating.total_out() - made);
            if inflating.total_out() > expected || (status == Status::StreamEnd && inflating.total_out() < expected) {
                return Err(damaged(format_args!("data of {} bytes, not {expected}", inflating.total_out())));
            }
            if status == Status::StreamEnd {
                return Ok(inflating.total_in());
            }
            rest = usize::try_from(taken).ok().and_then(|taken| rest.get(taken..)).unwrap_or_default();
            if (taken, made) == (0, 0) {
                break;
            }
        }
    }
    Err(damaged("no end of the data"))
}
