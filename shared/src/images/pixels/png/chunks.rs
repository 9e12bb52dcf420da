//! The chunks of a PNG file (PNG, third edition, 5 and 11), kept or dropped.
//!
//! Kept: what decoders need, how the colours are meant, the size of a pixel, the frames of an animation, the
//! orientation. Dropped: text, time, all other chunks, and what follows the end.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::images::pixels::icc::{self, MAX_PROFILE};
use crate::images::pixels::orientation::Orientation;
use crate::images::pixels::{Refusal, check_dimensions, damaged};

/// The first bytes of every file.
pub(in crate::images::pixels) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The bytes of the signature and the header chunk.
pub(super) const HEADER: usize = 8 + 12 + 13;

/// The longest name of a colour profile.
const MAX_NAME: usize = 79;

/// Chunks that may stand there once, and their lengths: in a longer one something else is kept.
const ONCE: [(&[u8; 4], std::ops::RangeInclusive<usize>); 9] = [
    (b"PLTE", 3..=768),
    (b"tRNS", 1..=256),
    (b"gAMA", 4..=4),
    (b"cHRM", 32..=32),
    (b"sRGB", 1..=1),
    (b"sBIT", 1..=4),
    (b"bKGD", 1..=6),
    (b"pHYs", 9..=9),
    (b"cICP", 4..=4),
];

/// Those of them that say how colours are meant; a variant needs them, too.
const COLOURS: [&[u8; 4]; 4] = [b"gAMA", b"cHRM", b"sRGB", b"cICP"];

/// What becomes of an animation's chunks.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Animation {
    Keep,
    Drop,
}

/// A file of kept chunks, and what they say.
pub(super) struct Cleaned {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    /// The chunks that say how colours are meant, as they are in the file.
    pub(super) colours: Vec<u8>,
}

impl Cleaned {
    /// Width and height as displayed.
    pub(super) fn displayed(&self) -> (u32, u32) {
        self.orientation.turned((self.width, self.height))
    }
}

/// Walks to the end of the image and keeps what is to be kept; an animation only if it is announced once.
///
/// # Errors
/// For anything but one whole picture within the limits, and for any chunk whose checksum is wrong, dropped or not.
pub(super) fn clean(bytes: &[u8], animation: Animation) -> Result<Cleaned, Refusal> {
    match walk(bytes, animation)? {
        (cleaned, true) => Ok(cleaned),
        (_, false) => Ok(walk(bytes, Animation::Drop)?.0),
    }
}

/// What is kept, and whether its animation, if any, is announced once.
fn walk(bytes: &[u8], animation: Animation) -> Result<(Cleaned, bool), Refusal> {
    let mut rest = &bytes[SIGNATURE.len()..];
    let header = Chunk::first(&mut rest)?;
    let (b"IHDR", [w3, w2, w1, w0, h3, h2, h1, h0, _, _, _, _, _]) = (header.kind, header.data) else {
        return Err(damaged("no header"));
    };
    let (width, height) = (u32::from_be_bytes([*w3, *w2, *w1, *w0]), u32::from_be_bytes([*h3, *h2, *h1, *h0]));
    check_dimensions(width, height)?;
    let mut cleaner = Cleaner::new(bytes.len(), animation);
    cleaner.keep(&header);
    loop {
        let chunk = Chunk::first(&mut rest)?;
        if chunk.kind == b"IEND" {
            break;
        }
        cleaner.take(&chunk)?;
    }
    append(&mut cleaner.bytes, *b"IEND", &[]);
    let announced = cleaner.announced == usize::from(cleaner.animated);
    let Cleaner { bytes, orientation, colours, .. } = cleaner;
    let orientation = orientation.unwrap_or(Orientation::UPRIGHT);
    Ok((Cleaned { bytes, width, height, orientation, colours }, announced))
}

/// One chunk.
struct Chunk<'a> {
    kind: &'a [u8; 4],
    data: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Takes the first one off `rest`.
    fn first(rest: &mut &'a [u8]) -> Result<Self, Refusal> {
        let too_short = || damaged("no end of image");
        let length = u32::from_be_bytes(*rest.first_chunk().ok_or_else(too_short)?) as usize;
        let end = length.checked_add(12).ok_or_else(too_short)?;
        let whole = rest.get(..end).ok_or_else(too_short)?;
        let (kind, data) = whole[4..end - 4].split_first_chunk().ok_or_else(too_short)?;
        if crc32fast::hash(&whole[4..end - 4]).to_be_bytes() != whole[end - 4..] {
            return Err(damaged(format_args!("wrong checksum of {}", kind.escape_ascii())));
        }
        *rest = &rest[end..];
        Ok(Self { kind, data, whole })
    }
}

/// Puts the kept chunks together.
struct Cleaner {
    bytes: Vec<u8>,
    colours: Vec<u8>,
    animation: Animation,
    /// How often an animation is announced, and whether there is any chunk of one.
    announced: usize,
    animated: bool,
    /// Which chunks are there already.
    seen: Vec<[u8; 4]>,
    orientation: Option<Orientation>,
}

impl Cleaner {
    fn new(length: usize, animation: Animation) -> Self {
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&SIGNATURE);
        let (colours, seen) = (Vec::new(), Vec::new());
        Self { bytes, colours, animation, announced: 0, animated: false, seen, orientation: None }
    }

    fn take(&mut self, chunk: &Chunk<'_>) -> Result<(), Refusal> {
        match chunk.kind {
            b"IHDR" => return Err(damaged("a second header")),
            b"IDAT" => self.keep(chunk),
            b"iCCP" if !self.is_there(chunk) && is_colour_profile(chunk.data) => {
                self.keep(chunk);
                self.colours.extend_from_slice(chunk.whole);
            }
            b"eXIf" if !self.is_there(chunk) => self.exif(chunk.data),
            b"acTL" | b"fcTL" | b"fdAT" if self.animation == Animation::Drop => {}
            kind @ (b"acTL" | b"fcTL" | b"fdAT") => {
                self.announced += usize::from(kind == b"acTL");
                self.animated = true;
                self.keep(chunk);
            }
            kind => {
                let known = ONCE.iter().find(|(known, _)| *known == kind);
                if known.is_some_and(|(_, lengths)| lengths.contains(&chunk.data.len())) && !self.is_there(chunk) {
                    self.keep(chunk);
                    if COLOURS.contains(&kind) {
                        self.colours.extend_from_slice(chunk.whole);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a chunk of this kind was met before.
    fn is_there(&mut self, chunk: &Chunk<'_>) -> bool {
        let there = self.seen.contains(chunk.kind);
        if !there {
            self.seen.push(*chunk.kind);
        }
        there
    }

    fn exif(&mut self, tiff: &[u8]) {
        if let Some(orientation) = Orientation::read(tiff) {
            self.orientation = Some(orientation);
            append(&mut self.bytes, *b"eXIf", &orientation.tiff());
        }
    }

    fn keep(&mut self, chunk: &Chunk<'_>) {
        self.bytes.extend_from_slice(chunk.whole);
    }
}

fn append(bytes: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    let start = bytes.len();
    bytes.extend_from_slice(&kind);
    bytes.extend_from_slice(data);
    let crc32 = crc32fast::hash(&bytes[start..]);
    bytes.extend_from_slice(&crc32.to_be_bytes());
}

/// Whether the chunk holds a colour profile within the bound and nothing else; it is never inflated past the bound.
fn is_colour_profile(data: &[u8]) -> bool {
    let Some(name) = data.iter().take(MAX_NAME + 1).position(|byte| *byte == 0) else { return false };
    let Some((0, compressed)) = data.get(name + 1..).and_then(|rest| rest.split_first().map(|(m, c)| (*m, c))) else {
        return false;
    };
    let mut profile = Vec::new();
    let mut inflating = ZlibDecoder::new(compressed);
    let read = inflating.by_ref().take(MAX_PROFILE as u64 + 1).read_to_end(&mut profile);
    let all_of_it = inflating.total_in() == compressed.len() as u64;
    name > 0 && read.is_ok() && all_of_it && icc::is_profile(&profile)
}
