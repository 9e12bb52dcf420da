//! The blocks of a GIF file (GIF89a), kept or dropped.
//!
//! Kept: the screen, its colours, the images with their controls, how often an animation repeats, a colour profile.
//! Dropped: comments, plain text, all other application data, what follows the last pixel of an image, and what
//! follows the trailer.

use super::lzw;
use crate::images::pixels::icc;
use crate::images::pixels::{Frames, Refusal, check_dimensions, damaged};

const IMAGE: u8 = b',';
const EXTENSION: u8 = b'!';
const TRAILER: u8 = b';';

const CONTROL: u8 = 0xf9;
const PLAIN_TEXT: u8 = 0x01;
const APPLICATION: u8 = 0xff;

/// The two names under which the number of repetitions is known.
const LOOPS: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];
const PROFILE: &[u8] = b"ICCRGBG1012";

/// A file of kept blocks, and what they say.
pub(super) struct Cleaned {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: usize,
    /// Whether it says how often it repeats.
    pub(super) loops: bool,
}

/// Walks to the trailer and keeps what is to be kept.
///
/// # Errors
/// For anything but a whole file with at least one image, within the limits.
pub(super) fn clean(bytes: &[u8]) -> Result<Cleaned, Refusal> {
    let mut rest = bytes;
    let header = take(&mut rest, 13)?;
    let [w0, w1, h0, h1, flags] = header[6..11] else { return Err(damaged("no screen")) };
    let (width, height) = (u32::from(u16::from_le_bytes([w0, w1])), u32::from(u16::from_le_bytes([h0, h1])));
    check_dimensions(width, height)?;
    let colours = take(&mut rest, colours(flags))?;
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(header);
    kept.extend_from_slice(colours);
    let mut cleaner = Cleaner { bytes: kept, control: None, used: Frames::default(), loops: false, profile: false };
    loop {
        match take(&mut rest, 1)? {
            [TRAILER] => break,
            [IMAGE] => cleaner.image(&mut rest)?,
            [EXTENSION] => cleaner.extension(&mut rest)?,
            // Stray terminators are common, and skipped by every viewer.
            [0] => {}
            other => return Err(damaged(format_args!("unknown block {other:02x?}"))),
        }
    }
    cleaner.bytes.push(TRAILER);
    let Cleaner { bytes, used, loops, .. } = cleaner;
    if used.count == 0 {
        return Err(damaged("no frames"));
    }
    Ok(Cleaned { bytes, width, height, frames: used.count, loops })
}

/// The bytes of a colour table that these flags announce.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Refusal> {
    let (taken, after) = rest.split_at_checked(length).ok_or_else(|| damaged("no trailer"))?;
    *rest = after;
    Ok(taken)
}

/// Takes the sub-blocks up to their terminator: each one's data, and all their bytes.
fn sub_blocks<'a>(rest: &mut &'a [u8]) -> Result<(Vec<&'a [u8]>, &'a [u8]), Refusal> {
    let whole = *rest;
    let mut blocks = Vec::new();
    loop {
        let length = usize::from(take(rest, 1)?[0]);
        if length == 0 {
            return Ok((blocks, &whole[..whole.len() - rest.len()]));
        }
        blocks.push(take(rest, length)?);
    }
}

/// Puts the kept blocks together.
struct Cleaner {
    bytes: Vec<u8>,
    /// The control that waits for its image.
    control: Option<[u8; 4]>,
    used: Frames,
    loops: bool,
    profile: bool,
}

impl Cleaner {
    fn image(&mut self, rest: &mut &[u8]) -> Result<(), Refusal> {
        let whole = *rest;
        let descriptor = take(rest, 9)?;
        let [x0, x1, y0, y1, w0, w1, h0, h1, flags] = *descriptor else { return Err(damaged("no image")) };
        let number = |low, high| u32::from(u16::from_le_bytes([low, high]));
        let (width, height) = (number(w0, w1), number(h0, h1));
        self.used.add(width, height)?;
        // Some viewers let the screen grow with what is drawn.
        check_dimensions(number(x0, x1) + width, number(y0, y1) + height)?;
        let minimum = take(rest, colours(flags) + 1)?.last().copied().unwrap_or_default();
        let start = &whole[..whole.len() - rest.len()];
        let (blocks, coded) = sub_blocks(rest)?;
        let cut = lzw::cut(&blocks.concat(), minimum, u64::from(width) * u64::from(height))?;
        if let Some(control) = self.control.take() {
            self.bytes.extend_from_slice(&[EXTENSION, CONTROL, 4]);
            self.bytes.extend_from_slice(&control);
            self.bytes.push(0);
        }
        self.bytes.push(IMAGE);
        self.bytes.extend_from_slice(start);
        match cut {
            Some(data) => self.sub_blocks(&data),
            None => self.bytes.extend_from_slice(coded),
        }
        Ok(())
    }

    /// Writes data in sub-blocks, all but the last as long as they may be.
    fn sub_blocks(&mut self, data: &[u8]) {
        for block in data.chunks(u8::MAX.into()) {
            self.bytes.push(u8::try_from(block.len()).unwrap_or(u8::MAX));
            self.bytes.extend_from_slice(block);
        }
        self.bytes.push(0);
    }

    fn extension(&mut self, rest: &mut &[u8]) -> Result<(), Refusal> {
        let label = take(rest, 1)?[0];
        let (blocks, whole) = sub_blocks(rest)?;
        match (label, &blocks[..]) {
            (CONTROL, [control, ..]) => self.control = control.first_chunk().copied(),
            // Its control was meant for the text.
            (PLAIN_TEXT, _) => self.control = None,
            (APPLICATION, [name, [1, low, high, ..], ..]) if LOOPS.contains(name) && !self.loops => {
                self.loops = true;
                self.bytes.extend_from_slice(&[EXTENSION, APPLICATION, 11]);
                self.bytes.extend_from_slice(name);
                self.bytes.extend_from_slice(&[3, 1, *low, *high, 0]);
            }
            (APPLICATION, [name, parts @ ..]) if *name == PROFILE && !self.profile => {
                self.profile = icc::is_profile(&parts.concat());
                if self.profile {
                    self.bytes.extend_from_slice(&[EXTENSION, APPLICATION]);
                    self.bytes.extend_from_slice(whole);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
