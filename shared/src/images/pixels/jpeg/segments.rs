//! The segments of a JPEG file (ITU-T T.81, annex B), kept or dropped.
//!
//! Kept: what decoders need, the JFIF density, Adobe's transform, a colour profile, the orientation. Dropped: all
//! other application segments, comments, fill bytes, tables that no scan can read, whatever lies between segments or
//! after the end.
//!
//! Coded data are copied up to the next marker: what an encoder put behind their last code is not told from them.

use std::ops::Range;

use memchr::memchr;

use super::tables::Places;
use crate::images::pixels::icc::{self, MAX_PROFILE};
use crate::images::pixels::orientation::Orientation;
use crate::images::pixels::{Refusal, check_dimensions, damaged};

/// The most scans: ten times those of a progressive file as encoders write it.
pub(super) const MAX_SCANS: usize = 100;

/// The most pixels of all scans together, because each scan may visit every pixel: ten scans of the largest picture
/// are common, and 25 are allowed.
const MAX_SCANNED: u64 = 1_000_000_000;

/// The most samples of all components together: a decoder may have to keep each one's coefficient, of two bytes,
/// until the last scan. That is [`MAX_PIXELS`](super::super::MAX_PIXELS) in colour, and fewer for print.
const MAX_SAMPLES: u64 = 120_000_000;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;

const EXIF: &[u8] = b"Exif\0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// The bytes of a JFIF header before its own little picture.
const JFIF: usize = 14;

/// The bytes of Adobe's segment.
const ADOBE: usize = 12;

/// A file of kept segments, and what they say.
pub(super) struct Cleaned {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u8,
    pub(super) orientation: Orientation,
    pub(super) profile: Option<Vec<u8>>,
}

impl Cleaned {
    /// Width and height as displayed.
    pub(super) fn displayed(&self) -> (u32, u32) {
        self.orientation.turned((self.width, self.height))
    }
}

/// Walks to the end of the image and keeps what is to be kept.
///
/// # Errors
/// For anything but one whole picture with at least one scan, within the limits.
pub(super) fn clean(bytes: &[u8]) -> Result<Cleaned, Refusal> {
    let profile = profile(bytes)?;
    let mut cleaner = Cleaner::new(bytes.len(), profile);
    let mut walk = Walk::new(bytes);
    while let Some(segment) = walk.next()? {
        cleaner.take(segment)?;
    }
    cleaner.finish()
}

/// The colour profile: the segments of it in the order of their numbers, if they are one whole profile.
fn profile(bytes: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    let mut parts: Vec<(u8, u8, &[u8])> = Vec::new();
    let mut walk = Walk::new(bytes);
    while let Some(segment) = walk.next()? {
        if let Some([number, of, part @ ..]) = segment.payload.strip_prefix(ICC).filter(|_| segment.marker == APP2) {
            parts.push((*number, *of, part));
        }
    }
    parts.sort_by_key(|part| part.0);
    let whole = parts.iter().zip(1_usize..).all(|(part, number)| usize::from(part.0) == number)
        && parts.iter().all(|part| usize::from(part.1) == parts.len())
        && parts.iter().map(|part| part.2.len()).sum::<usize>() <= MAX_PROFILE;
    let profile: Vec<u8> = parts.iter().filter(|_| whole).flat_map(|part| part.2).copied().collect();
    Ok(icc::is_profile(&profile).then_some(profile))
}

/// A marker with its parameters; the coded data too when it begins a scan.
struct Segment<'a> {
    marker: u8,
    payload: &'a [u8],
    coded: &'a [u8],
}

/// The segments of a file up to the end of the image, in order.
struct Walk<'a> {
    rest: &'a [u8],
}

impl<'a> Walk<'a> {
    /// `bytes` begin with SOI.
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes.get(2..).unwrap_or_default() }
    }

    /// The next segment, `None` at the end of the image; a file that has no end is refused.
    fn next(&mut self) -> Result<Option<Segment<'a>>, Refusal> {
        let marker = self.marker().ok_or_else(|| damaged("no end of image"))?;
        if marker == EOI {
            return Ok(None);
        }
        let too_short = || damaged(format_args!("segment {marker:02x} is cut off"));
        let length = usize::from(u16::from_be_bytes(*self.rest.first_chunk().ok_or_else(too_short)?));
        let payload = self.rest.get(2..length).ok_or_else(too_short)?;
        self.rest = &self.rest[length..];
        let coded = if marker == SOS { self.coded() } else { &[] };
        Ok(Some(Segment { marker, payload, coded }))
    }

    /// The next marker, whatever lies before it.
    fn marker(&mut self) -> Option<u8> {
        loop {
            let start = memchr(0xff, self.rest)?;
            let after = self.rest[start..].iter().position(|byte| *byte != 0xff)? + start;
            let marker = self.rest[after];
            self.rest = &self.rest[after + 1..];
            // A stuffed zero, a restart or a temporary marker has no parameters and does not belong here.
            if marker != 0 && marker != 1 && !is_restart(marker) && marker != SOI {
                return Some(marker);
            }
        }
    }

    /// The coded data of a scan: up to a marker that is neither a restart nor stuffing.
    fn coded(&mut self) -> &'a [u8] {
        let mut end = 0;
        loop {
            let Some(start) = memchr(0xff, &self.rest[end..]).map(|at| at + end) else {
                return std::mem::take(&mut self.rest);
            };
            let after = self.rest[start..].iter().position(|byte| *byte != 0xff).map(|at| at + start);
            match after {
                Some(after) if self.rest[after] == 0 || is_restart(self.rest[after]) => end = after + 1,
                _ => {
                    let (coded, rest) = self.rest.split_at(start);
                    self.rest = rest;
                    return coded;
                }
            }
        }
    }
}

fn is_restart(marker: u8) -> bool {
    (0xd0..=0xd7).contains(&marker)
}

/// Puts the kept segments together.
struct Cleaner {
    bytes: Vec<u8>,
    frame: Option<(u32, u32, u8)>,
    scans: usize,
    /// The places filled with tables since the last scan, and where in `bytes` these tables are.
    places: Places,
    tables: Vec<Range<usize>>,
    /// Whether a JFIF header, Adobe's segment, Exif data was seen: the first of each counts.
    jfif: bool,
    adobe: bool,
    exif: bool,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

impl Cleaner {
    fn new(length: usize, profile: Option<Vec<u8>>) -> Self {
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&[0xff, SOI]);
        let orientation = Orientation::UPRIGHT;
        let (places, tables) = (Places::default(), Vec::new());
        let (jfif, adobe, exif) = (false, false, false);
        Self { bytes, frame: None, scans: 0, places, tables, jfif, adobe, exif, orientation, profile }
    }

    fn take(&mut self, segment: Segment<'_>) -> Result<(), Refusal> {
        let Segment { marker, payload, coded } = segment;
        if let Some(tables) = self.places.fill(marker, payload)? {
            let start = self.bytes.len();
            self.keep(marker, tables);
            self.tables.push(start..self.bytes.len());
            return Ok(());
        }
        match marker {
            SOS => self.scan(payload, coded)?,
            0xc0..=0xc2 => self.frame(marker, payload)?,
            // Lossless, hierarchical, arithmetic: no browser shows them, and the decoder does not know them.
            0xc3 | 0xc5..=0xcf | 0xdc | 0xde | 0xdf => return Err(damaged(format_args!("coding {marker:02x}"))),
            APP0 if payload.starts_with(b"JFIF\0") && payload.len() >= JFIF => self.jfif(payload),
            APP1 if payload.starts_with(EXIF) => self.exif(&payload[EXIF.len()..]),
            APP2 if payload.starts_with(ICC) && self.profile.is_some() => self.keep(marker, payload),
            APP14 if payload.starts_with(b"Adobe") && payload.len() >= ADOBE => self.adobe(&payload[..ADOBE]),
            _ => {}
        }
        Ok(())
    }

    fn frame(&mut self, marker: u8, payload: &[u8]) -> Result<(), Refusal> {
        let [precision, h1, h0, w1, w0, components, ..] = *payload else { return Err(damaged("short frame header")) };
        let (width, height) = (u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
        check_dimensions(width, height)?;
        let expected = 6 + 3 * usize::from(components);
        if u64::from(width) * u64::from(height) * u64::from(components) > MAX_SAMPLES {
            return Err(damaged(format_args!("{width} x {height} pixels of {components} components")));
        }
        if self.frame.is_some() || precision != 8 || !matches!(components, 1 | 3 | 4) || payload.len() < expected {
            return Err(damaged(format_args!("a frame of {components} components with {precision} bits")));
        }
        self.frame = Some((width, height, components));
        self.keep(marker, &payload[..expected]);
        Ok(())
    }

    fn scan(&mut self, payload: &[u8], coded: &[u8]) -> Result<(), Refusal> {
        let (width, height, _) = self.frame.ok_or_else(|| damaged("a scan without a frame"))?;
        self.scans += 1;
        let scanned = u64::from(width) * u64::from(height) * self.scans as u64;
        if self.scans > MAX_SCANS || (self.scans > 1 && scanned > MAX_SCANNED) {
            return Err(damaged(format_args!("{} scans", self.scans)));
        }
        (self.places, self.tables) = (Places::default(), Vec::new());
        let expected = 4 + 2 * payload.first().map_or(0, |components| usize::from(*components));
        self.keep(SOS, payload.get(..expected).unwrap_or(payload));
        self.bytes.extend_from_slice(coded);
        Ok(())
    }

    /// The header without its own little picture, which may show what the image no longer does.
    fn jfif(&mut self, payload: &[u8]) {
        if !std::mem::replace(&mut self.jfif, true) {
            let mut header = payload[..JFIF].to_vec();
            header[JFIF - 2..].fill(0);
            self.keep(APP0, &header);
        }
    }

    fn adobe(&mut self, payload: &[u8]) {
        if !std::mem::replace(&mut self.adobe, true) {
            self.keep(APP14, payload);
        }
    }

    fn exif(&mut self, tiff: &[u8]) {
        if !std::mem::replace(&mut self.exif, true)
            && let Some(orientation) = Orientation::read(tiff)
        {
            self.orientation = orientation;
            self.keep(APP1, &[EXIF, &orientation.tiff()].concat());
        }
    }

    fn keep(&mut self, marker: u8, payload: &[u8]) {
        let length = u16::try_from(payload.len() + 2).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&[0xff, marker]);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(payload);
    }

    fn finish(mut self) -> Result<Cleaned, Refusal> {
        let (width, height, components) = self.frame.ok_or_else(|| damaged("no frame"))?;
        if self.scans == 0 {
            return Err(damaged("no scan"));
        }
        for unread in self.tables.drain(..).rev() {
            self.bytes.drain(unread);
        }
        self.bytes.extend_from_slice(&[0xff, EOI]);
        let Self { bytes, orientation, profile, .. } = self;
        Ok(Cleaned { bytes, width, height, components, orientation, profile })
    }
}
