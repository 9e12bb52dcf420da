//! What is done to an image's bytes: judged, cleaned, made smaller. Bytes in, bytes out; no store, no clock.
//!
//! An upload is taken apart by a walker of ours that keeps what is on a list of segments, chunks or blocks, and the
//! rest is gone: places, names, comments, second pictures, whatever follows the end. What is left is decoded whole,
//! within limits, so that what is published is exactly what was judged. Compressed pixels are copied as they are, and
//! end where the picture does.
//!
//! Two things are published that nobody looked at. In a JPEG, what lies between the last code of a scan and the next
//! marker: the decoder does not tell where it stopped. And in any format, what an encoder can say in more ways than
//! one, such as how a stream is cut into blocks, or pixels that a later scan or frame covers.
//!
//! What always holds:
//! - Nothing is inflated or decoded before its size is known to be within the limits beside this.
//! - A cleaned image is accepted again and comes out unchanged; it is never longer than what came in.
//! - An image that holds nothing to remove comes out byte for byte.
//! - A thumbnail has the format of its picture: it is what [`resize`] makes of the cleaned bytes.
//!
//! What may never happen: a panic. All of it is blocking work for the processor, to be kept off async threads.

mod gif;
mod icc;
mod jpeg;
mod orientation;
mod png;
mod raster;

use bytes::Bytes;

/// The longest side, in pixels: that of the largest camera sensors, and what browsers still show.
pub const MAX_SIDE: u32 = 16_384;

/// The most pixels of a still picture. Measured at this size, judging takes at most 370 MB: a progressive JPEG in
/// colour 365 MB, an animated GIF 250 MB, others less. The widest variant of a GIF takes 580 MB.
pub const MAX_PIXELS: u64 = 40_000_000;

/// The most pixels of all frames of an animation together: what it costs to decode it once.
pub const MAX_FRAME_PIXELS: u64 = 50_000_000;

/// The most frames of an animation: each costs a decoder its set-up, however small it is.
pub const MAX_FRAMES: usize = 10_000;

/// What an image is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// ITU-T T.81 in a JFIF or Exif file.
    Jpeg,
    /// Portable Network Graphics, third edition; animated ones too.
    Png,
    /// GIF 87a and 89a.
    Gif,
}

impl Format {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Gif];

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
        }
    }

    /// The extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
        }
    }

    /// The format that a file with this extension, without the dot and in any case, says it is.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "gif" => Some(Self::Gif),
            _ => None,
        }
    }

    /// The format that the first bytes say this is.
    pub fn of_content(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(&png::SIGNATURE) {
            Some(Self::Png)
        } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            Some(Self::Gif)
        } else {
            None
        }
    }
}

/// An image that was accepted.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it is, by its content.
    pub format: Format,
    /// The cleaned image; the very bytes that came in when there was nothing to remove.
    pub bytes: Bytes,
    /// Pixels across, as displayed: after its orientation.
    pub width: u32,
    /// Pixels down, as displayed.
    pub height: u32,
    /// A smaller one in the same format; `None` when the picture is not wider than was asked.
    pub thumbnail: Option<Bytes>,
}

/// Why an image is not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It is none of the formats.
    Type,
    /// It cannot be decoded to its end, or only past a limit. The words are for the log only.
    Damaged(String),
}

/// Judges an image, cleans it, and makes a thumbnail of at most `thumbnail_width` pixels across.
///
/// # Errors
/// Its [`Refusal`].
pub fn examine(bytes: &Bytes, thumbnail_width: u32) -> Result<Picture, Refusal> {
    match Format::of_content(bytes).ok_or(Refusal::Type)? {
        Format::Jpeg => jpeg::examine(bytes, thumbnail_width),
        Format::Png => png::examine(bytes, thumbnail_width),
        Format::Gif => gif::examine(bytes, thumbnail_width),
    }
}

/// Makes a variant of a cleaned image, `width` pixels across as displayed and in the same format; never wider than
/// the image itself.
///
/// # Errors
/// A [`Refusal`], for bytes that [`examine`] did not give.
pub fn resize(bytes: &[u8], width: u32) -> Result<Bytes, Refusal> {
    match Format::of_content(bytes).ok_or(Refusal::Type)? {
        Format::Jpeg => jpeg::resize(bytes, width),
        Format::Png => png::resize(bytes, width),
        Format::Gif => gif::resize(bytes, width),
    }
}

fn damaged(why: impl std::fmt::Display) -> Refusal {
    Refusal::Damaged(why.to_string())
}

/// Refuses dimensions of zero or past the limits.
fn check_dimensions(width: u32, height: u32) -> Result<(), Refusal> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(damaged(format_args!("{width} x {height} pixels")));
    }
    Ok(())
}

/// What the frames of an animation have used up.
#[derive(Default)]
struct Frames {
    count: usize,
    pixels: u64,
}

impl Frames {
    /// Counts one more frame in.
    fn add(&mut self, width: u32, height: u32) -> Result<(), Refusal> {
        check_dimensions(width, height)?;
        self.count += 1;
        self.pixels += u64::from(width) * u64::from(height);
        if self.count > MAX_FRAMES || self.pixels > MAX_FRAME_PIXELS {
            return Err(damaged(format_args!("{} frames of {} pixels", self.count, self.pixels)));
        }
        Ok(())
    }
}

/// `kept` when something was removed, `bytes` themselves otherwise: no second copy of most uploads.
fn unless_same(kept: Vec<u8>, bytes: &Bytes) -> Bytes {
    if kept == **bytes { bytes.clone() } else { Bytes::from(kept) }
}
