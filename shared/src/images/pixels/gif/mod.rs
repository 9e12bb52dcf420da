//! GIF: the walk over the blocks, the decoding of every frame, and variants.

mod blocks;
mod canvas;
mod lzw;
mod quantized;

use std::num::NonZeroU64;

use bytes::Bytes;
use gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Encoder, Frame, MemoryLimit};

use self::blocks::Cleaned;
use self::canvas::Canvas;
use self::quantized::quantized;
use super::raster;
use super::{Format, MAX_FRAME_PIXELS, MAX_PIXELS, Picture, Refusal, damaged, unless_same};

/// The most pixels of all frames of an animated variant together: choosing colours for each frame anew costs a
/// second for this many. What would have more is made a still of its first frame.
const MAX_VARIANT_PIXELS: u64 = 4_000_000;

/// Judges and cleans.
pub(super) fn examine(bytes: &Bytes, thumbnail_width: u32) -> Result<Picture, Refusal> {
    let cleaned = blocks::clean(bytes)?;
    let (width, height) = (cleaned.width, cleaned.height);
    let wanted = (width > thumbnail_width).then_some(thumbnail_width);
    let thumbnail = decode(&cleaned, wanted)?;
    Ok(Picture { format: Format::Gif, bytes: unless_same(cleaned.bytes, bytes), width, height, thumbnail })
}

/// Makes a variant: animated within the budget, else the first frame.
pub(super) fn resize(bytes: &[u8], width: u32) -> Result<Bytes, Refusal> {
    decode(&blocks::clean(bytes)?, Some(width))?.ok_or_else(|| damaged("no frames"))
}

/// Decodes every frame, and makes a variant `wanted` pixels across on the way.
fn decode(cleaned: &Cleaned, wanted: Option<u32>) -> Result<Option<Bytes>, Refusal> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(NonZeroU64::new(MAX_PIXELS).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(&cleaned.bytes[..]).map_err(damaged)?;
    let mut variant = wanted.map(|wanted| Variant::new(cleaned, wanted, &decoder)).transpose()?;
    let mut indices = Vec::new();
    while let Some(frame) = decoder.next_frame_info().map_err(damaged)? {
        let frame = frame.clone();
        indices.resize(usize::from(frame.width) * usize::from(frame.height), 0);
        decoder.read_into_buffer(&mut indices).map_err(damaged)?;
        if let Some(variant) = &mut variant {
            variant.add(&frame, &indices, decoder.palette().unwrap_or_default())?;
        }
    }
    variant.map(Variant::finish).transpose()
}

/// A smaller GIF in the making.
struct Variant {
    canvas: Canvas,
    encoder: Encoder<Vec<u8>>,
    size: (u32, u32),
    animated: bool,
    /// The frames drawn, and those of the picture.
    frames: usize,
    expected: usize,
}

impl Variant {
    fn new(cleaned: &Cleaned, wanted: u32, decoder: &Decoder<&[u8]>) -> Result<Self, Refusal> {
        let own = (cleaned.width, cleaned.height);
        let size = raster::variant(own, wanted);
        let area = |size: (u32, u32)| u64::from(size.0) * u64::from(size.1) * cleaned.frames as u64;
        // Every frame is scaled as a whole, however little of it changes: that is bounded, too.
        let animated = cleaned.frames > 1 && area(size) <= MAX_VARIANT_PIXELS && area(own) <= MAX_FRAME_PIXELS;
        let mut encoder = Encoder::new(Vec::new(), side(size.0)?, side(size.1)?, &[]).map_err(damaged)?;
        if animated && cleaned.loops {
            encoder.set_repeat(decoder.repeat()).map_err(damaged)?;
        }
        Ok(Self { canvas: Canvas::new(own), encoder, size, animated, frames: 0, expected: cleaned.frames })
    }

    fn add(&mut self, frame: &Frame<'_>, indices: &[u8], palette: &[u8]) -> Result<(), Refusal> {
        if self.frames > 0 && !self.animated {
            return Ok(());
        }
        self.frames += 1;
        // Nothing is drawn after a still or the last frame.
        let more = self.animated && self.frames < self.expected;
        if more {
            self.canvas.remember(frame);
        }
        self.canvas.draw(frame, indices, palette);
        let mut small = self.canvas.raster.scaled(self.size)?;
        if !more {
            self.canvas.raster.data = Vec::new();
        }
        let mut small = quantized(&mut small)?;
        small.delay = frame.delay;
        small.dispose = DisposalMethod::Background;
        self.encoder.write_frame(&small).map_err(damaged)?;
        if more {
            self.canvas.dispose(frame);
        }
        Ok(())
    }

    fn finish(self) -> Result<Bytes, Refusal> {
        if self.frames == 0 {
            return Err(damaged("no frames"));
        }
        self.encoder.into_inner().map(Bytes::from).map_err(damaged)
    }
}

fn side(pixels: u32) -> Result<u16, Refusal> {
    u16::try_from(pixels).map_err(damaged)
}
