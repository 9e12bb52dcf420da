//! Which way up a picture is: the one thing that is kept of Exif data (CIPA DC-008, 4.6.5.1.6).

use super::raster::Raster;

/// The tag of the orientation in the first directory of a TIFF structure.
const TAG: u16 = 0x0112;

/// The type of its value: one 16-bit number.
const SHORT: u16 = 3;

/// How the stored pixels are to be turned before they are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Orientation {
    /// 1 to 8.
    value: u8,
    /// Written as it was read, so that an orientation alone in its Exif data stays as it is.
    little_endian: bool,
}

impl Orientation {
    /// As stored.
    pub(super) const UPRIGHT: Self = Self { value: 1, little_endian: false };

    /// What the TIFF structure of Exif data says; `None` where it says nothing that is different from upright.
    pub(super) fn read(tiff: &[u8]) -> Option<Self> {
        let little_endian = match tiff.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let short = |at: usize| {
            let bytes = [*tiff.get(at)?, *tiff.get(at.checked_add(1)?)?];
            Some(if little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
        };
        let word = |at: usize| {
            let (first, second) = (u32::from(short(at)?), u32::from(short(at.checked_add(2)?)?));
            Some(if little_endian { second << 16 | first } else { first << 16 | second })
        };
        let directory = usize::try_from(word(4)?).ok().filter(|at| *at >= 8)?;
        let count = usize::from(short(directory)?);
        // The offset of the next directory has to be there too: what is written in its stead is never longer.
        let end = directory.checked_add(2 + 12 * count + 4)?;
        let entry = (0..count).map(|index| directory + 2 + 12 * index).find(|at| short(*at) == Some(TAG))?;
        if end > tiff.len() || short(entry + 2)? != SHORT || word(entry + 4)? != 1 {
            return None;
        }
        let value = u8::try_from(short(entry + 8)?).ok().filter(|value| (2..=8).contains(value))?;
        Some(Self { value, little_endian })
    }

    /// A TIFF structure that says this and nothing else.
    pub(super) fn tiff(self) -> Vec<u8> {
        let short = |number: u16| if self.little_endian { number.to_le_bytes() } else { number.to_be_bytes() };
        let word = |number: u32| if self.little_endian { number.to_le_bytes() } else { number.to_be_bytes() };
        let order = if self.little_endian { b"II" } else { b"MM" };
        let value = u16::from(self.value);
        [
            &order[..],
            &short(42),
            &word(8),
            &short(1),
            &short(TAG),
            &short(SHORT),
            &word(1),
            &short(value),
            &short(0),
            &word(0),
        ]
        .concat()
    }

    /// Width and height as displayed, of a picture of this stored size; or the other way round.
    pub(super) fn turned(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.value >= 5 { (height, width) } else { (width, height) }
    }

    /// The pixels as displayed.
    pub(super) fn apply(self, stored: Raster) -> Raster {
        if self.value == 1 {
            return stored;
        }
        let (width, height) = self.turned((stored.width, stored.height));
        let size = stored.channels;
        let mut data = Vec::with_capacity(stored.data.len());
        for y in 0..height {
            for x in 0..width {
                let (from_x, from_y) = self.source((x, y), (width - 1, height - 1));
                let start = (from_y as usize * stored.width as usize + from_x as usize) * size;
                data.extend_from_slice(&stored.data[start..start + size]);
            }
        }
        Raster { width, height, channels: size, data }
    }

    /// Where the displayed pixel at `(x, y)` is stored; `(right, bottom)` is the last displayed one.
    fn source(self, (x, y): (u32, u32), (right, bottom): (u32, u32)) -> (u32, u32) {
        match self.value {
            2 => (right - x, y),
            3 => (right - x, bottom - y),
            4 => (x, bottom - y),
            5 => (y, x),
            6 => (y, right - x),
            7 => (bottom - y, right - x),
            8 => (bottom - y, x),
            _ => (x, y),
        }
    }
}
