//! From many colours to 256.

use gif::Frame;

use super::side;
use crate::images::pixels::Refusal;
use crate::images::pixels::raster::{self, Raster};

/// How fast colours are chosen, of 1 to 30: every tenth pixel is looked at.
const SPEED: i32 = 10;

/// From here on a pixel counts as opaque: a GIF knows no degrees.
const OPAQUE: u8 = 128;

/// The most pixels for each of which the nearest colour is looked for; that costs a second. A larger
/// picture's colours are those of a smaller one, and looked up in a table.
const MAX_PIXELS: usize = 4_000_000;

/// How wide the smaller one is at most, in pixels.
const MAX_WIDTH: u32 = 240;

/// The bits of a sample by which the table is entered.
const BITS: u32 = 5;

/// A frame of at most 256 colours.
pub(super) fn quantized(raster: &mut Raster) -> Result<Frame<'static>, Refusal> {
    for pixel in raster.data.chunks_exact_mut(4) {
        if pixel[3] < OPAQUE {
            pixel.fill(0);
        }
    }
    let (width, height) = (side(raster.width)?, side(raster.height)?);
    if raster.data.len() <= 4 * MAX_PIXELS {
        return Ok(Frame::from_rgba_speed(width, height, &mut raster.data, SPEED));
    }
    let size = raster::variant((raster.width, raster.height), MAX_WIDTH);
    let chosen = quantized(&mut raster.scaled(size)?)?;
    let palette = chosen.palette.unwrap_or_default();
    let indices = looked_up(raster, &palette, chosen.transparent);
    Ok(Frame::from_palette_pixels(width, height, indices, palette, chosen.transparent))
}

/// The index of each pixel's colour: that nearest to the first pixel with the same leading bits.
fn looked_up(raster: &Raster, palette: &[u8], transparent: Option<u8>) -> Vec<u8> {
    let mut table = vec![None; 1 << (3 * BITS)];
    let index = |pixel: &[u8]| {
        if let Some(transparent) = transparent.filter(|_| pixel[3] == 0) {
            return transparent;
        }
        let leading = |sample: u8| usize::from(sample >> (8 - BITS));
        let entry = leading(pixel[0]) << (2 * BITS) | leading(pixel[1]) << BITS | leading(pixel[2]);
        *table[entry].get_or_insert_with(|| nearest(pixel, palette, transparent))
    };
    raster.data.chunks_exact(4).map(index).collect()
}

fn nearest(pixel: &[u8], palette: &[u8], transparent: Option<u8>) -> u8 {
    let far = |colour: &[u8]| colour.iter().zip(pixel).map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum();
    let opaque = (0..=u8::MAX).zip(palette.chunks_exact(3)).filter(|(index, _)| Some(*index) != transparent);
    opaque.min_by_key(|(_, colour)| -> u32 { far(colour) }).map_or(0, |(index, _)| index)
}
