//! Decoded pixels, eight bits a sample, and how they become fewer.

use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

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
    /// The same picture in another size. Its own pixels stay as they are: that they might be written to makes their type
    /// that of the steps in between, and the code for another one is 1 MB of a function.
    pub(super) fn scaled(&mut self, (width, height): (u32, u32)) -> Result<Self, Refusal> {
        // By type: asked by a value, it has the code for all thirteen.
        let scaled = match self.channels {
            1 => self.resized::<U8>(width, height),
            2 => self.resized::<U8x2>(width, height),
            3 => self.resized::<U8x3>(width, height),
            _ => self.resized::<U8x4>(width, height),
        };
        Ok(Self { width, height, channels: self.channels, data: scaled? })
    }

    fn resized<P: PixelTrait>(&mut self, width: u32, height: u32) -> Result<Vec<u8>, Refusal> {
        let mut data = vec![0; width as usize * height as usize * P::size()];
        let source = TypedImage::<P>::from_buffer(self.width, self.height, &mut self.data).map_err(damaged)?;
        let mut scaled = TypedImage::<P>::from_buffer(width, height, &mut data).map_err(damaged)?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::SuperSampling(FilterType::CatmullRom, SUPERSAMPLING));
        Resizer::new().resize_typed(&source, &mut scaled, &options).map_err(damaged)?;
        Ok(data)
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
