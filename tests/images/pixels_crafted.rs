//! Images put together by hand: those that no encoder writes.

use bytes::Bytes;

use super::pixels_samples::{chunk, png_of, segment, zeros};

/// Frame headers of JPEG.
pub(crate) const BASELINE: u8 = 0xc0;
pub(crate) const EXTENDED: u8 = 0xc1;
pub(crate) const PROGRESSIVE: u8 = 0xc2;
pub(crate) const ARITHMETIC: u8 = 0xc9;

/// A JPEG whose every coefficient is zero: each of its tables has the one code `0`, for "no more".
pub(crate) struct Flat {
    pub(crate) coding: u8,
    pub(crate) precision: u8,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) components: u8,
    pub(crate) scans: usize,
}

impl Flat {
    /// A grey one, baseline, in one scan.
    pub(crate) fn grey(width: u16, height: u16) -> Self {
        Self { coding: BASELINE, precision: 8, width, height, components: 1, scans: 1 }
    }

    /// Its bytes, `more` after the first two.
    pub(crate) fn with(&self, more: &[u8]) -> Bytes {
        let codes = |class: u8| [&[class << 4, 1][..], &[0; 16]].concat();
        let tables =
            [segment(0xdb, &[&[0][..], &[1; 64]].concat()), segment(0xc4, &codes(0)), segment(0xc4, &codes(1))];
        let scans: Vec<u8> = (0..self.scans).flat_map(|number| self.scan(number)).collect();
        Bytes::from([&[0xff, 0xd8], more, &tables.concat(), &self.frame(), &scans, &[0xff, 0xd9]].concat())
    }

    fn frame(&self) -> Vec<u8> {
        let size = [self.height.to_be_bytes(), self.width.to_be_bytes()].concat();
        let components: Vec<u8> = (1..=self.components).flat_map(|id| [id, 0x11, 0]).collect();
        segment(self.coding, &[&[self.precision], &size[..], &[self.components], &components].concat())
    }

    /// The first scan of all components; the later ones of a progressive picture refine one of them.
    fn scan(&self, number: usize) -> Vec<u8> {
        let of = if number == 0 { self.components } else { 1 };
        let components: Vec<u8> = (1..=of).flat_map(|id| [id, 0]).collect();
        let (spectrum, bits) = match (self.coding == PROGRESSIVE, number) {
            (false, _) => ([0, 63, 0], 2),
            (true, 0) => ([0, 0, 0], 1),
            (true, _) => ([1, 63, 0], 1),
        };
        let blocks = usize::from(self.width).div_ceil(8) * usize::from(self.height).div_ceil(8) * usize::from(of);
        let coded = vec![0; (blocks * bits).div_ceil(8)];
        [segment(0xda, &[&[of][..], &components, &spectrum].concat()), coded].concat()
    }
}

/// A grey PNG of that size, black. A large one has too little data: it is to be refused before that is found out.
pub(crate) fn black_png(width: u32, height: u32) -> Bytes {
    let header = super::pixels_samples::header(width, height, 8, 0, false);
    let data = zeros((width as usize).saturating_add(1).saturating_mul(height as usize).min(100_000));
    png_of(&[chunk(b"IHDR", &header), chunk(b"IDAT", &data)])
}

/// A GIF of two colours on a screen of that size, `frames` images of `image` pixels on it. Their data are those of
/// one pixel, which is enough where nothing is to be decoded.
pub(crate) fn small_gif(screen: (u16, u16), image: (u16, u16), frames: usize) -> Vec<u8> {
    let size = |(width, height): (u16, u16)| [width.to_le_bytes(), height.to_le_bytes()].concat();
    let frame = [b",\0\0\0\0", &size(image)[..], &[0, 2, 2, 0x44, 0x01, 0]].concat();
    [b"GIF89a", &size(screen)[..], &[0x80, 0, 0], &[0, 0, 0, 255, 255, 255], &frame.repeat(frames), b";"].concat()
}
