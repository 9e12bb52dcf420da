//! Pictures that compress as photographs do.

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Quality of the JPEGs, as cameras have it.
const QUALITY: u8 = 88;

/// A JPEG of about so many bytes.
pub(crate) fn of_about(bytes: usize) -> Bytes {
    let mut width = 800.0;
    // Twice, as headers and edges do not grow with the rest.
    for _ in 0..3 {
        let made = jpeg(width as u32).len();
        width *= (bytes as f64 / made as f64).sqrt();
    }
    jpeg(width as u32).into()
}

/// The same picture as another file: a number in a comment.
pub(crate) fn another(jpeg: &Bytes, number: u64) -> Bytes {
    let comment = format!("number {number:08}");
    let length = u16::try_from(comment.len() + 2).expect("a short comment").to_be_bytes();
    let segment = [&[0xff, 0xfe], &length[..], comment.as_bytes()].concat();
    [&jpeg[..2], &segment, &jpeg[2..]].concat().into()
}

/// Soft shapes with the grain of a sensor.
fn jpeg(width: u32) -> Vec<u8> {
    let height = width * 3 / 4;
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    for y in 0..height {
        for x in 0..width {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            let grain = (noise >> 56) as f64 / 16.0 - 8.0;
            let (x, y) = (f64::from(x) / 60.0, f64::from(y) / 60.0);
            for phase in [0.0, 1.3, 2.9] {
                let value = 128.0 + 60.0 * (x + phase).sin() * (y * 0.7).cos() + 40.0 * (x * 0.31 + y + phase).sin();
                pixels.push((value + grain).clamp(0.0, 255.0) as u8);
            }
        }
    }
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).expect("a JPEG");
    bytes
}
