//! PNG: the walk over the chunks, the decoding by rows, and variants.

mod animation;
mod chunks;
mod data;
mod shrink;

use std::io::Cursor;

use bytes::Bytes;
use png::{BitDepth, Decoder, Encoder, InterlaceInfo, Reader, Transformations};

pub(super) use self::chunks::SIGNATURE;
use self::chunks::{Animated, Cleaned};
use self::shrink::Shrink;
use super::raster::{self, Raster};
use super::{Format, Picture, Refusal, damaged, unless_same};

type Rows<'a> = Reader<Cursor<&'a [u8]>>;

/// Judges and cleans. An animation that cannot be decoded to its end, or only past the limits, is reduced to the
/// picture that every PNG has, which is what older viewers show of it anyway.
pub(super) fn examine(bytes: &Bytes, thumbnail_width: u32) -> Result<Picture, Refusal> {
    let data = chunks::data_length(bytes)?;
    let mut cleaned = chunks::clean(bytes, Animated::Keep, data)?;
    let (width, height) = cleaned.displayed();
    let wanted = (width > thumbnail_width).then_some(thumbnail_width);
    let (pixels, frames) = decode(&cleaned, wanted)?;
    if frames.is_err() {
        cleaned = chunks::clean(bytes, Animated::Drop, data)?;
    }
    let thumbnail = wanted.map(|wanted| smaller(&cleaned, pixels, wanted)).transpose()?;
    Ok(Picture { format: Format::Png, bytes: unless_same(cleaned.bytes, bytes), width, height, thumbnail })
}

/// Makes a variant of the picture; an animation's variants stand still.
pub(super) fn resize(bytes: &[u8], width: u32) -> Result<Bytes, Refusal> {
    let cleaned = chunks::clean(bytes, Animated::Drop, u64::MAX)?;
    let (pixels, _) = decode(&cleaned, Some(width))?;
    smaller(&cleaned, pixels, width)
}

/// Decodes all of it: the picture, shrunk for a variant `wanted` pixels across (nothing is kept without one), and
/// whether the frames of an animation are sound.
fn decode(cleaned: &Cleaned, wanted: Option<u32>) -> Result<(Raster, Result<(), Refusal>), Refusal> {
    let mut decoder = Decoder::new(Cursor::new(&cleaned.bytes[..]));
    // They were verified when the chunks were walked over and the data measured.
    decoder.ignore_checksums(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    // Neither is used, and both may inflate to a thousand times their size.
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_ignore_text_chunk(true);
    let mut rows = decoder.read_info().map_err(damaged)?;
    let raster = picture(&mut rows, cleaned, wanted)?;
    let frames = frames(&mut rows);
    Ok((raster, frames))
}

fn picture(rows: &mut Rows<'_>, cleaned: &Cleaned, wanted: Option<u32>) -> Result<Raster, Refusal> {
    let channels = rows.output_color_type().0.samples();
    let size = (cleaned.width, cleaned.height);
    let Some(wanted) = wanted else {
        while rows.next_row().map_err(damaged)?.is_some() {}
        return Ok(Raster { width: 0, height: 0, channels, data: Vec::new() });
    };
    if rows.info().interlaced {
        return interlaced(rows, size, channels);
    }
    let target = cleaned.orientation.turned(raster::variant(cleaned.displayed(), wanted));
    let mut shrink = Shrink::new(size, target, channels);
    while let Some(row) = rows.next_row().map_err(damaged)? {
        shrink.push(row.data());
    }
    Ok(shrink.finish())
}

/// Interlaced pictures need all of their pixels at once.
fn interlaced(rows: &mut Rows<'_>, (width, height): (u32, u32), channels: usize) -> Result<Raster, Refusal> {
    let stride = width as usize * channels;
    let bits = u8::try_from(channels * 8).unwrap_or(u8::MAX);
    let mut data = vec![0; stride * height as usize];
    while let Some(row) = rows.next_interlaced_row().map_err(damaged)? {
        if let InterlaceInfo::Adam7(pass) = row.interlace() {
            png::expand_interlaced_row(&mut data, stride, row.data(), pass, bits);
        }
    }
    Ok(Raster { width, height, channels, data })
}

/// Decodes what follows the picture: the frames of an animation, which were counted before.
fn frames(rows: &mut Rows<'_>) -> Result<(), Refusal> {
    let Some(animation) = rows.info().animation_control else { return Ok(()) };
    let among_them = usize::from(rows.info().frame_control.is_some());
    for _ in among_them..animation.num_frames as usize {
        rows.next_frame_info().map_err(damaged)?;
        while rows.next_row().map_err(damaged)?.is_some() {}
    }
    rows.finish().map_err(damaged)
}

/// A variant with the pixels turned upright; how their colours are meant is said in the same words.
fn smaller(cleaned: &Cleaned, mut pixels: Raster, width: u32) -> Result<Bytes, Refusal> {
    let size = cleaned.orientation.turned(raster::variant(cleaned.displayed(), width));
    let small = cleaned.orientation.apply(pixels.scaled(size)?);
    let mut encoded = Vec::new();
    let mut encoder = Encoder::new(&mut encoded, small.width, small.height);
    encoder.set_color(match small.channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(damaged)?;
    writer.write_image_data(&small.data).map_err(damaged)?;
    writer.finish().map_err(damaged)?;
    let (header, rest) = encoded.split_at(chunks::HEADER);
    Ok(Bytes::from([header, &cleaned.colours, rest].concat()))
}
