//! The cheap first step of a variant, row by row: blocks of pixels become one, so that a large picture is never in
//! memory as a whole.

use crate::images::pixels::raster::Raster;

/// The most pixels of a block's side: a block's sum of 8-bit samples by 8-bit alpha fits in 32 bits.
const MAX_SIDE: u32 = 64;

/// A picture that comes in rows.
pub(super) struct Shrink {
    small: Raster,
    /// The rows of the picture, and how many came.
    height: u32,
    rows: u32,
    /// Where the blocks of a row end, in bytes; empty when blocks are single pixels.
    ends: Vec<usize>,
    /// For each block of the row of blocks at hand: its samples, weighted by alpha, the alphas, and the pixels.
    sums: Vec<u32>,
}

impl Shrink {
    /// For a picture of `size` that is to become `target`: what remains is at least twice as large.
    pub(super) fn new(size: (u32, u32), target: (u32, u32), channels: usize) -> Self {
        let side = (size.0 / (2 * target.0)).min(size.1 / (2 * target.1)).clamp(1, MAX_SIDE);
        // Blocks that differ by a pixel rather than a narrow one at the edge, which would count as a whole one.
        let (width, height) = (size.0 / side, size.1 / side);
        // Two sides within the limits, multiplied, fit in 32 bits.
        let end = |block: u32| ((block + 1) * size.0 / width) as usize * channels;
        let ends: Vec<usize> = if side == 1 { Vec::new() } else { (0..width).map(end).collect() };
        let sums = vec![0; ends.len() * (channels + 2)];
        let data = Vec::with_capacity(width as usize * height as usize * channels);
        Self { small: Raster { width, height, channels, data }, height: size.1, rows: 0, ends, sums }
    }

    /// Takes the next row.
    pub(super) fn push(&mut self, row: &[u8]) {
        if self.ends.is_empty() {
            self.small.data.extend_from_slice(row);
            return;
        }
        let channels = self.small.channels;
        let mut start = 0;
        for (sums, end) in self.sums.chunks_exact_mut(channels + 2).zip(&self.ends) {
            add(sums, row.get(start..*end).unwrap_or_default(), channels);
            start = *end;
        }
        self.rows += 1;
        let done = self.rows * self.small.height / self.height;
        if done as usize * self.ends.len() * channels > self.small.data.len() {
            self.flush();
        }
    }

    /// What is left.
    pub(super) fn finish(self) -> Raster {
        self.small
    }

    /// Ends a row of blocks.
    fn flush(&mut self) {
        let channels = self.small.channels;
        let colours = colours(channels);
        for sums in self.sums.chunks_exact(channels + 2) {
            let (alpha, pixels) = (sums[channels], sums[channels + 1]);
            self.small.data.extend(sums[..colours].iter().map(|sum| mean(*sum, alpha)));
            if colours < channels {
                self.small.data.push(mean(alpha, pixels));
            }
        }
        self.sums.fill(0);
    }
}

/// Adds pixels to the sums of their block.
fn add(sums: &mut [u32], pixels: &[u8], channels: usize) {
    let colours = colours(channels);
    for pixel in pixels.chunks_exact(channels) {
        let alpha = if colours < channels { u32::from(pixel[colours]) } else { 1 };
        for (sum, sample) in sums.iter_mut().zip(&pixel[..colours]) {
            *sum += u32::from(*sample) * alpha;
        }
        sums[channels] += alpha;
        sums[channels + 1] += 1;
    }
}

/// The channels that are not alpha.
fn colours(channels: usize) -> usize {
    if channels.is_multiple_of(2) { channels - 1 } else { channels }
}

fn mean(sum: u32, weight: u32) -> u8 {
    let weight = weight.max(1);
    u8::try_from((sum + weight / 2) / weight).unwrap_or(u8::MAX)
}
