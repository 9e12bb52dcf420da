//! Images to judge: made here, so that what is in them is known to the byte.

use std::borrow::Cow;
use std::io::{Cursor, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use shared::images::pixels::Format;
use zune_core::bytestream::ZCursor;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The size of most of them: wider than [`THUMBNAIL`], and neither side a multiple of anything.
pub(crate) const SIZE: (u16, u16) = (67, 45);

/// The width that their thumbnails are asked for.
pub(crate) const THUMBNAIL: u32 = 32;

/// A picture with smooth parts and edges; `channels` samples a pixel.
pub(crate) fn pixels((width, height): (u16, u16), channels: u32) -> Vec<u8> {
    let samples = (0..u32::from(height)).flat_map(move |y| {
        (0..u32::from(width)).flat_map(move |x| {
            (0..channels)
                .map(move |c| if (x / 9 + y / 7) % 2 == 0 { (x * 3 + c * 60) % 256 } else { (y * 5 + c * 20) % 256 })
        })
    });
    samples.map(|sample| u8::try_from(sample).unwrap()).collect()
}

/// A baseline JPEG of RGB pixels as `image` writes it: JFIF and nothing else.
pub(crate) fn jpeg(size: (u16, u16)) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .write_image(&pixels(size, 3), size.0.into(), size.1.into(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// One segment of a JPEG.
pub(crate) fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length[..], payload].concat()
}

/// `bytes` of a JPEG with `more` after its first two.
pub(crate) fn with_segments(bytes: &[u8], more: &[u8]) -> Bytes {
    Bytes::from([&bytes[..2], more, &bytes[2..]].concat())
}

/// A JPEG of exactly so many bytes: comments fill it up.
pub(crate) fn padded(jpeg: &[u8], size: usize) -> Bytes {
    let (mut comments, mut left) = (Vec::new(), size - jpeg.len());
    while left > 0 {
        // What is left has room for another comment, or there is none.
        let payload = if left > 65_000 { 60_000 } else { left - 4 };
        comments.extend(segment(0xfe, &vec![b'x'; payload]));
        left -= payload + 4;
    }
    let bytes = with_segments(jpeg, &comments);
    assert_eq!(bytes.len(), size);
    bytes
}

/// A PNG of that colour and depth.
pub(crate) fn png((width, height): (u16, u16), colour: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width.into(), height.into());
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette((0..=255_u8).flat_map(|i| [i, 255 - i, i / 2]).collect::<Vec<u8>>());
    }
    let bits = usize::from(width) * colour.samples() * depth as usize;
    let row = bits.div_ceil(8);
    let data: Vec<u8> = pixels((width, height), 8).into_iter().take(row * usize::from(height)).collect();
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    bytes
}

/// An RGB PNG.
pub(crate) fn rgb_png() -> Vec<u8> {
    png(SIZE, png::ColorType::Rgb, png::BitDepth::Eight)
}

/// One chunk of a PNG.
pub(crate) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat()
}

/// `bytes` of a PNG with `more` after its header.
pub(crate) fn with_chunks(bytes: &[u8], more: &[u8]) -> Bytes {
    Bytes::from([&bytes[..33], more, &bytes[33..]].concat())
}

/// A PNG of these chunks and an end.
pub(crate) fn png_of(chunks: &[Vec<u8>]) -> Bytes {
    Bytes::from([b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat(), chunk(b"IEND", &[])].concat())
}

/// The data of an IHDR.
pub(crate) fn header(width: u32, height: u32, depth: u8, colour: u8, interlaced: bool) -> Vec<u8> {
    let rest = [depth, colour, 0, 0, u8::from(interlaced)];
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &rest].concat()
}

/// `length` zeros, and how they are deflated.
pub(crate) fn zeros(length: usize) -> Vec<u8> {
    deflated(&vec![0; length])
}

/// A zlib stream of them.
pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A GIF of that many frames, repeated without end.
pub(crate) fn gif((width, height): (u16, u16), frames: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let palette: Vec<u8> = (0..=255_u8).flat_map(|i| [i, 255 - i, i / 2]).collect();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &palette).unwrap();
    encoder.set_repeat(gif::Repeat::Infinite).unwrap();
    for number in 0..frames {
        let buffer =
            pixels((width, height), 1).into_iter().map(|index| index.wrapping_add(number.wrapping_mul(16))).collect();
        let frame = gif::Frame { width, height, delay: 7, buffer: Cow::Owned(buffer), ..gif::Frame::default() };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

/// The same of one colour, which takes few bytes however large it is.
pub(crate) fn flat_gif((width, height): (u16, u16), frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[9; 6]).unwrap();
    let buffer = vec![0; usize::from(width) * usize::from(height)];
    let mut frame = gif::Frame { width, height, buffer: buffer.into(), ..gif::Frame::default() };
    frame.make_lzw_pre_encoded();
    frame.dispose = gif::DisposalMethod::Previous;
    for _ in 0..frames {
        encoder.write_lzw_pre_encoded_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

/// `bytes` of a GIF with `more` after its screen and colours.
pub(crate) fn with_blocks(bytes: &[u8], more: &[u8]) -> Bytes {
    let start = 13 + if bytes[10] & 0x80 == 0 { 0 } else { 3 << ((bytes[10] & 7) + 1) };
    Bytes::from([&bytes[..start], more, &bytes[start..]].concat())
}

/// One extension of a GIF.
pub(crate) fn extension(label: u8, blocks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![b'!', label];
    for block in blocks {
        bytes.push(u8::try_from(block.len()).unwrap());
        bytes.extend_from_slice(block);
    }
    bytes.push(0);
    bytes
}

/// Exif data with an orientation, a maker note and a place.
pub(crate) fn exif(orientation: u16) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value].concat()
    };
    let [low, high] = orientation.to_le_bytes();
    let entries = [
        entry(0x010f, 2, 4, *b"Cam\0"),
        entry(0x0112, 3, 1, [low, high, 0, 0]),
        entry(0x8825, 4, 1, 62_u32.to_le_bytes()),
        entry(0x927c, 7, 4, *b"note"),
    ];
    let place = [&1_u16.to_le_bytes()[..], &entry(1, 2, 2, *b"N\0\0\0"), &[0; 4], b"GPS-48.2081,16.3738"].concat();
    [&b"II*\0\x08\0\0\0\x04\0"[..], &entries.concat(), &[0; 4], &place].concat()
}

/// A colour profile of that length: its header is right, its tags are nothing.
pub(crate) fn profile(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|index| u8::try_from(index * 7 % 251).unwrap()).collect();
    bytes[..4].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    bytes[36..40].copy_from_slice(b"acsp");
    bytes
}

/// The rows of a grey PNG, each after its filter byte.
pub(crate) fn plain_grey((width, height): (u16, u16)) -> Vec<u8> {
    pixels((width, height), 1).chunks(width.into()).flat_map(|row| [&[0], row].concat()).collect()
}

/// The same pixels in the seven passes of Adam7.
pub(crate) fn interlaced_grey((width, height): (u16, u16)) -> Vec<u8> {
    let (across, down) = (usize::from(width), usize::from(height));
    let all = pixels((width, height), 1);
    let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let row = |y: usize, x: usize, step: usize| -> Vec<u8> {
        let samples = (x..across).step_by(step).map(|x| all[y * across + x]);
        std::iter::once(0).chain(samples).collect()
    };
    let rows = passes.into_iter().flat_map(|(x, y, dx, dy)| (y..down).step_by(dy).map(move |y| (y, x, dx)));
    rows.flat_map(|(y, x, dx)| row(y, x, dx)).collect()
}

/// The bytes of such passes for pixels of that many bytes.
pub(crate) fn interlaced_length((width, height): (usize, usize), bytes: usize) -> usize {
    let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let length = |(x, y, dx, dy): (usize, usize, usize, usize)| {
        (1 + (width - x).div_ceil(dx) * bytes) * (height - y).div_ceil(dy)
    };
    passes.into_iter().map(length).sum()
}

/// An animated PNG of that many frames; with the highest bit set, the last of them has too little data.
pub(crate) fn apng((width, height): (u16, u16), frames: u8) -> Bytes {
    let (count, broken) = (frames & 0x7f, frames & 0x80 != 0);
    let data = deflated(&plain_grey((width, height)));
    let control = |sequence: u32| {
        let size = [u32::from(width), u32::from(height), 0, 0].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[&sequence.to_be_bytes()[..], &size, &[0, 1, 0, 10, 0, 0]].concat())
    };
    let mut chunks = vec![
        chunk(b"IHDR", &header(width.into(), height.into(), 8, 0, false)),
        chunk(b"acTL", &[0, 0, 0, count, 0, 0, 0, 0]),
        control(0),
        chunk(b"IDAT", &data),
    ];
    for number in 1..u32::from(count) {
        chunks.push(control(number * 2 - 1));
        let short = broken && number + 1 == u32::from(count);
        let data = if short { deflated(&[0; 50]) } else { data.clone() };
        chunks.push(chunk(b"fdAT", &[&(number * 2).to_be_bytes()[..], &data].concat()));
    }
    png_of(&chunks)
}

/// The pixels that a decoder finds, width and height: all frames of a GIF in their own sizes, the default picture
/// of a PNG with what its header says of them; `None` when it finds something wrong.
pub(crate) fn decoded(bytes: &[u8]) -> Option<(Vec<u8>, usize, usize)> {
    match Format::of_content(bytes)? {
        Format::Jpeg => {
            let options = DecoderOptions::default().set_strict_mode(true).set_max_width(16_384).set_max_height(16_384);
            let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
            let data = decoder.decode().ok()?;
            let (width, height) = decoder.dimensions()?;
            Some((data, width, height))
        }
        Format::Png => {
            let mut decoder = png::Decoder::new(Cursor::new(bytes));
            decoder.set_transformations(png::Transformations::normalize_to_color8());
            let mut reader = decoder.read_info().ok()?;
            let mut data = vec![0; reader.output_buffer_size()?];
            let info = reader.next_frame(&mut data).ok()?;
            Some((data, info.width as usize, info.height as usize))
        }
        Format::Gif => {
            let mut options = gif::DecodeOptions::new();
            options.set_color_output(gif::ColorOutput::RGBA);
            let mut decoder = options.read_info(bytes).ok()?;
            let mut data = Vec::new();
            while let Some(frame) = decoder.read_next_frame().ok()? {
                data.extend_from_slice(&frame.buffer);
            }
            Some((data, decoder.width().into(), decoder.height().into()))
        }
    }
}
