//! What a viewer has on its screen after each frame (GIF89a, 23).

use gif::{DisposalMethod, Frame};

use crate::images::pixels::raster::Raster;

/// The screen: transparent until something is drawn. What lies outside it is not seen.
pub(super) struct Canvas {
    pub(super) raster: Raster,
    before: Option<Vec<u8>>,
}

impl Canvas {
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        let data = vec![0; width as usize * height as usize * 4];
        Self { raster: Raster { width, height, channels: 4, data }, before: None }
    }

    /// Draws a frame over what is there.
    pub(super) fn draw(&mut self, frame: &Frame<'_>, indices: &[u8], palette: &[u8]) {
        self.before = (frame.dispose == DisposalMethod::Previous).then(|| self.raster.data.clone());
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
                if let Some(before) = self.before.take() {
                    self.raster.data = before;
                }
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
