//! The chunks of a PNG file (PNG, third edition, 5 and 11), kept or dropped.
//!
//! Kept: what decoders need, how the colours are meant, the size of a pixel, the frames of an animation, the
//! orientation. Dropped: text, time, all other chunks, and what follows the end: of the file, of the picture's data,
//! of the last frame.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::animation::Animation;
use super::data::{self, Layout};
use crate::images::pixels::icc::{self, MAX_PROFILE};
use crate::images::pixels::orientation::Orientation;
use crate::images::pixels::{Refusal, check_dimensions, damaged};

/// The first bytes of every file.
pub(in crate::images::pixels) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The bytes of the signature and the header chunk.
pub(super) const HEADER: usize = 8 + 12 + 13;

/// The longest name of a colour profile.
const MAX_NAME: usize = 79;

/// The name of those whose own is not one.
const NAME: [u8; 3] = *b"icc";

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

/// The type of colour that is looked up in a palette.
const INDEXED: u8 = 3;

/// What becomes of an animation's chunks.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Animated {
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

/// How many bytes of the joined data chunks are the picture: its zlib stream, which is inflated for that.
///
/// # Errors
/// For data that do not make exactly the picture that the header tells of.
pub(super) fn data_length(bytes: &[u8]) -> Result<u64, Refusal> {
    let mut rest = &bytes[SIGNATURE.len()..];
    let header = Header::read(&Chunk::first(&mut rest)?)?;
    let mut parts = Vec::new();
    loop {
        match Chunk::first(&mut rest)? {
            Chunk { kind: b"IEND", .. } => break,
            Chunk { kind: b"IDAT", data, .. } => parts.push(data),
            _ => {}
        }
    }
    data::length(&parts, header.layout.bytes(header.width, header.height))
}

/// Walks to the end of the image and keeps what is to be kept; of its data not more than `data` bytes, and an
/// animation only if it is sound.
///
/// # Errors
/// For anything but one whole picture within the limits, and for any chunk whose checksum is wrong, dropped or not.
pub(super) fn clean(bytes: &[u8], animated: Animated, data: u64) -> Result<Cleaned, Refusal> {
    match walk(bytes, animated, data)? {
        (cleaned, true) => Ok(cleaned),
        (_, false) => Ok(walk(bytes, Animated::Drop, data)?.0),
    }
}

/// What is kept, and whether its animation, if any, is sound.
fn walk(bytes: &[u8], animated: Animated, data: u64) -> Result<(Cleaned, bool), Refusal> {
    let mut rest = &bytes[SIGNATURE.len()..];
    let first = Chunk::first(&mut rest)?;
    let header = Header::read(&first)?;
    let (width, height) = (header.width, header.height);
    let mut cleaner = Cleaner::new(bytes.len(), header, animated, data)?;
    cleaner.keep(&first);
    loop {
        let chunk = Chunk::first(&mut rest)?;
        if chunk.kind == b"IEND" {
            break;
        }
        cleaner.take(&chunk)?;
    }
    append(&mut cleaner.bytes, *b"IEND", &[]);
    let Cleaner { bytes, orientation, colours, animation, sound, .. } = cleaner;
    let sound = sound && animation.finish().is_ok();
    let orientation = orientation.unwrap_or(Orientation::UPRIGHT);
    Ok((Cleaned { bytes, width, height, orientation, colours }, sound))
}

/// What the first chunk says.
struct Header {
    width: u32,
    height: u32,
    indexed: bool,
    layout: Layout,
}

impl Header {
    fn read(chunk: &Chunk<'_>) -> Result<Self, Refusal> {
        let (b"IHDR", &[w3, w2, w1, w0, h3, h2, h1, h0, ref rest @ ..]) = (chunk.kind, chunk.data) else {
            return Err(damaged("no header"));
        };
        let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
        check_dimensions(width, height)?;
        let rest: [u8; 5] = rest.try_into().map_err(|_| damaged("a header of another length"))?;
        Ok(Self { width, height, indexed: rest[1] == INDEXED, layout: Layout::new(rest)? })
    }
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
struct Cleaner<'a> {
    bytes: Vec<u8>,
    colours: Vec<u8>,
    indexed: bool,
    /// What is left of the picture's data.
    data: u64,
    animated: Animated,
    animation: Animation<'a>,
    /// Whether nothing is wrong with the animation yet.
    sound: bool,
    /// Which chunks are there already.
    seen: Vec<[u8; 4]>,
    orientation: Option<Orientation>,
}

impl<'a> Cleaner<'a> {
    fn new(length: usize, header: Header, animated: Animated, data: u64) -> Result<Self, Refusal> {
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&SIGNATURE);
        let Header { width, height, indexed, layout } = header;
        let animation = Animation::new(layout, width, height)?;
        let (colours, seen) = (Vec::new(), Vec::new());
        Ok(Self { bytes, colours, indexed, data, animated, animation, sound: true, seen, orientation: None })
    }

    fn take(&mut self, chunk: &Chunk<'a>) -> Result<(), Refusal> {
        match chunk.kind {
            b"IHDR" => return Err(damaged("a second header")),
            b"IDAT" => self.data(chunk),
            b"iCCP" if !self.is_there(chunk) => self.profile(chunk),
            b"eXIf" if !self.is_there(chunk) => self.exif(chunk.data),
            b"acTL" | b"fcTL" | b"fdAT" => self.animation(chunk),
            // Elsewhere it only suggests colours to displays that have few.
            b"PLTE" if !self.indexed => {}
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

    /// Keeps the chunk as far as the picture's data go.
    fn data(&mut self, chunk: &Chunk<'_>) {
        self.animation.picture();
        let length = chunk.data.len() as u64;
        if self.data > 0 && length <= self.data {
            self.keep(chunk);
        } else if self.data > 0 {
            let rest = usize::try_from(self.data).unwrap_or(usize::MAX);
            append(&mut self.bytes, *b"IDAT", chunk.data.get(..rest).unwrap_or(chunk.data));
        }
        self.data = self.data.saturating_sub(length);
    }

    fn animation(&mut self, chunk: &Chunk<'a>) {
        if self.animated == Animated::Drop || !self.sound {
            return;
        }
        match self.animation.keeps(chunk.kind, chunk.data) {
            Ok(true) => self.keep(chunk),
            Ok(false) => {}
            Err(_) => self.sound = false,
        }
    }

    fn profile(&mut self, chunk: &Chunk<'_>) {
        let Some(name) = profile_name(chunk.data) else { return };
        let start = self.bytes.len();
        if is_printable(&chunk.data[..name]) {
            self.keep(chunk);
        } else {
            let data = [&NAME[..name.min(NAME.len())], &chunk.data[name..]].concat();
            append(&mut self.bytes, *b"iCCP", &data);
        }
        self.colours.extend_from_slice(&self.bytes[start..]);
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

/// The length of a colour profile's name, if the chunk holds one within the bound and nothing else; it is never
/// inflated past the bound.
fn profile_name(data: &[u8]) -> Option<usize> {
    let name = data.iter().take(MAX_NAME + 1).position(|byte| *byte == 0).filter(|name| *name > 0)?;
    let compressed = data.get(name + 1..)?.strip_prefix(&[0])?;
    let mut profile = Vec::new();
    let mut inflating = ZlibDecoder::new(compressed);
    inflating.by_ref().take(MAX_PROFILE as u64 + 1).read_to_end(&mut profile).ok()?;
    let all_of_it = inflating.total_in() == compressed.len() as u64;
    (all_of_it && icc::is_profile(&profile)).then_some(name)
}

/// Whether these are characters of Latin-1 that can be seen, and spaces.
fn is_printable(name: &[u8]) -> bool {
    name.iter().all(|byte| matches!(byte, 0x20..=0x7e | 0xa1..=0xff))
}
