//! Decoded pixels, eight bits a sample, and how they become fewer.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::{Refusal, damaged};

/// How far the cheap first step goes, which only picks pixels: to this many times the wanted size. With two, thin
/// lines break; four costs a millisecond more.
const SUPERSAMPLING: u8 = 4;

/// Pixels in rows from the top, without padding.
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Samples a pixel: grey, grey and alpha, RGB, RGBA.
    pub(super) channels: usize,
    pub(super) data: Vec<u8>,
}

impl Raster {
    /// The same picture in another size.
    pub(super) fn scaled(&self, (width, height): (u32, u32)) -> Result<Self, Refusal> {
        let kind = match self.channels {
            1 => PixelType::U8,
            2 => PixelType::U8x2,
            3 => PixelType::U8x3,
            _ => PixelType::U8x4,
        };
        let source = ImageRef::new(self.width, self.height, &self.data, kind).map_err(damaged)?;
        let mut scaled = Image::new(width, height, kind);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::SuperSampling(FilterType::CatmullRom, SUPERSAMPLING));
        Resizer::new().resize(&source, &mut scaled, &options).map_err(damaged)?;
        Ok(Self { width, height, channels: self.channels, data: scaled.into_vec() })
    }
}

/// The size of a variant `width` pixels across; the picture's own when that is not wider.
pub(super) fn variant((own_width, own_height): (u32, u32), width: u32) -> (u32, u32) {
    let width = width.max(1);
    if own_width <= width {
        return (own_width, own_height);
    }
    let height = (u64::from(own_height) * u64::from(width) + u64::from(own_width) / 2) / u64::from(own_width);
    (width, u32::try_from(height).unwrap_or(own_height).max(1))
}
