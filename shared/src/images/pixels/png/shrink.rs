//! The cheap first step of a variant, row by row: blocks of pixels become one, so that a large picture is never in
//! memory as a whole.

use crate::images::pixels::raster::Raster;

/// The most pixels of a block's side: a block's sum of 8-bit samples by 8-bit alpha fits in 32 bits.
const MAX_SIDE: u32 = 64;

/// A picture that comes in rows.
pub(super) struct Shrink {
    width: u32,
    height: u32,
    channels: usize,
    /// The side of a block.
    side: u32,
    /// For each block of the row of blocks at hand: its samples, weighted by alpha, and its weights.
    sums: Vec<u32>,
    rows: u32,
    data: Vec<u8>,
}

impl Shrink {
    /// For a picture of `size` that is to become `target`: what remains is at least twice as wide.
    pub(super) fn new(size: (u32, u32), target: (u32, u32), channels: usize) -> Self {
        let side = (size.0 / (2 * target.0)).min(size.1 / (2 * target.1)).clamp(1, MAX_SIDE);
        // The blocks at the right and the lower edge may be narrower; they count as whole ones.
        let (width, height) = (size.0.div_ceil(side), size.1.div_ceil(side));
        let sums = if side > 1 { vec![0; width as usize * (channels + 1)] } else { Vec::new() };
        let data = Vec::with_capacity(width as usize * height as usize * channels);
        Self { width, height, channels, side, sums, rows: 0, data }
    }

    /// Takes the next row.
    pub(super) fn push(&mut self, row: &[u8]) {
        if self.side == 1 {
            self.data.extend_from_slice(row);
            return;
        }
        let has_alpha = self.channels.is_multiple_of(2);
        let colours = self.channels - usize::from(has_alpha);
        let blocks = row.chunks(self.side as usize * self.channels);
        for (sums, block) in self.sums.chunks_exact_mut(self.channels + 1).zip(blocks) {
            for pixel in block.chunks_exact(self.channels) {
                let alpha = if has_alpha { u32::from(pixel[colours]) } else { 1 };
                for (sum, sample) in sums.iter_mut().zip(&pixel[..colours]) {
                    *sum += u32::from(*sample) * alpha;
                }
                sums[colours] += alpha;
                if has_alpha {
                    sums[self.channels] += 1;
                }
            }
        }
        self.rows += 1;
        if self.rows == self.side {
            self.flush();
        }
    }

    /// What is left.
    pub(super) fn finish(mut self) -> Raster {
        if self.rows > 0 {
            self.flush();
        }
        Raster { width: self.width, height: self.height, channels: self.channels, data: self.data }
    }

    fn flush(&mut self) {
        let has_alpha = self.channels.is_multiple_of(2);
        let colours = self.channels - usize::from(has_alpha);
        for sums in self.sums.chunks_exact(self.channels + 1) {
            let weight = sums[colours];
            self.data.extend(sums[..colours].iter().map(|sum| mean(*sum, weight)));
            if has_alpha {
                self.data.push(mean(weight, sums[self.channels]));
            }
        }
        self.sums.fill(0);
        self.rows = 0;
    }
}

fn mean(sum: u32, weight: u32) -> u8 {
    let weight = weight.max(1);
    u8::try_from((sum + weight / 2) / weight).unwrap_or(u8::MAX)
}
