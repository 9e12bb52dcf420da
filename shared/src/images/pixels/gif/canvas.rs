//! What a viewer has on its screen after each frame (GIF89a, 23).

use gif::{DisposalMethod, Frame};

use crate::images::pixels::raster::Raster;

/// The screen: transparent until something is drawn. What lies outside it is not seen.
pub(super) struct Canvas {
    pub(super) raster: Raster,
    /// What was there where the frame at hand lies, row by row; empty when it is not asked for again.
    before: Vec<u8>,
}

impl Canvas {
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        let data = vec![0; width as usize * height as usize * 4];
        Self { raster: Raster { width, height, channels: 4, data }, before: Vec::new() }
    }

    /// Remembers what is there, if it is to come back after the frame.
    pub(super) fn remember(&mut self, frame: &Frame<'_>) {
        if frame.dispose == DisposalMethod::Previous {
            let mut before = std::mem::take(&mut self.before);
            before.clear();
            self.rows(frame).for_each(|row| before.extend_from_slice(row));
            self.before = before;
        }
    }

    /// Draws a frame over what is there.
    pub(super) fn draw(&mut self, frame: &Frame<'_>, indices: &[u8], palette: &[u8]) {
        let rows = indices.chunks_exact(usize::from(frame.width).max(1));
        for (row, indices) in self.rows(frame).zip(rows) {
            for (pixel, index) in row.chunks_exact_mut(4).zip(indices) {
                // An index past the palette is drawn by nobody.
                let colour = palette.get(usize::from(*index) * 3..).and_then(<[u8]>::first_chunk::<3>);
                if let Some([red, green, blue]) = colour.filter(|_| frame.transparent != Some(*index)) {
                    pixel.copy_from_slice(&[*red, *green, *blue, u8::MAX]);
                }
            }
        }
    }

    /// Does what the frame says is to be done before the next one.
    pub(super) fn dispose(&mut self, frame: &Frame<'_>) {
        match frame.dispose {
            // Every browser takes the background to be transparent.
            DisposalMethod::Background => self.rows(frame).for_each(|row| row.fill(0)),
            DisposalMethod::Previous => {
                let before = std::mem::take(&mut self.before);
                let mut rest = &before[..];
                for row in self.rows(frame) {
                    let (then, after) = rest.split_at(row.len().min(rest.len()));
                    row[..then.len()].copy_from_slice(then);
                    rest = after;
                }
                self.before = before;
            }
            DisposalMethod::Any | DisposalMethod::Keep => {}
        }
    }

    /// The rows of the screen that the frame covers, cut to it.
    fn rows(&mut self, frame: &Frame<'_>) -> impl Iterator<Item = &mut [u8]> {
        let width = self.raster.width as usize;
        let left = usize::from(frame.left).min(width);
        let right = (left + usize::from(frame.width)).min(width);
        let rows = self.raster.data.chunks_exact_mut(width * 4);
        let rows = rows.skip(usize::from(frame.top)).take(usize::from(frame.height));
        rows.map(move |row| &mut row[left * 4..right * 4])
    }
}
