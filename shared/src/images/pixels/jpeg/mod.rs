//! JPEG: the walk over the segments, the decoding, and variants.

mod segments;
mod tables;

use bytes::Bytes;
use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use self::segments::{Cleaned, MAX_SCANS};
use super::raster::{self, Raster};
use super::{Format, MAX_SIDE, Picture, Refusal, damaged, unless_same};

/// The quality of variants: above it files grow faster than pictures get better.
const QUALITY: u8 = 82;

/// Judges and cleans.
pub(super) fn examine(bytes: &Bytes, thumbnail_width: u32) -> Result<Picture, Refusal> {
    let cleaned = segments::clean(bytes)?;
    let pixels = decode(&cleaned)?;
    let (width, height) = cleaned.displayed();
    let thumbnail = (width > thumbnail_width).then(|| smaller(&cleaned, pixels, thumbnail_width)).transpose()?;
    Ok(Picture { format: Format::Jpeg, bytes: unless_same(cleaned.bytes, bytes), width, height, thumbnail })
}

/// Makes a variant.
pub(super) fn resize(bytes: &[u8], width: u32) -> Result<Bytes, Refusal> {
    let cleaned = segments::clean(bytes)?;
    smaller(&cleaned, decode(&cleaned)?, width)
}

/// Decodes all of it to grey or RGB.
///
/// The decoder forgives much unless it is strict, a missing end among it, and when it is strict it refuses files
/// that are shown everywhere. So it is strict first, and a second look forgives whatever was not a missing end.
fn decode(cleaned: &Cleaned) -> Result<Raster, Refusal> {
    match decode_with(cleaned, true) {
        Err(DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_)) => Err(damaged("ends too early")),
        Err(_) => decode_with(cleaned, false).map_err(damaged),
        Ok(raster) => Ok(raster),
    }
}

fn decode_with(cleaned: &Cleaned, strict: bool) -> Result<Raster, DecodeErrors> {
    let (space, channels) = if cleaned.components == 1 { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(space);
    let data = JpegDecoder::new_with_options(ZCursor::new(&cleaned.bytes), options).decode()?;
    Ok(Raster { width: cleaned.width, height: cleaned.height, channels, data })
}

/// A variant with the pixels turned upright, and the colour profile where the pixels are still in its space.
fn smaller(cleaned: &Cleaned, mut pixels: Raster, width: u32) -> Result<Bytes, Refusal> {
    let size = cleaned.orientation.turned(raster::variant(cleaned.displayed(), width));
    let small = cleaned.orientation.apply(pixels.scaled(size)?);
    let mut encoded = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut encoded, QUALITY);
    if let Some(profile) = cleaned.profile.as_ref().filter(|_| cleaned.components <= 3) {
        // Not more than the picture deserves, but colours would be wrong without it.
        encoder.set_icc_profile(profile.clone()).map_err(damaged)?;
    }
    let colour = if small.channels == 1 { image::ExtendedColorType::L8 } else { image::ExtendedColorType::Rgb8 };
    encoder.write_image(&small.data, small.width, small.height, colour).map_err(damaged)?;
    Ok(Bytes::from(encoded))
}
