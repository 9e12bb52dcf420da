//! The frames of an animation (PNG, third edition, 11.3.3), checked before they are kept: each has its control and
//! a stream that ends where its chunks do, and there are as many as are announced.

use super::data::{self, Layout};
use crate::images::pixels::{Frames, Refusal, damaged};

/// The bytes of the chunks that announce an animation and control a frame.
const ANNOUNCEMENT: usize = 8;
const CONTROL: usize = 26;

/// The chunks of an animation so far.
pub(super) struct Animation<'a> {
    layout: Layout,
    /// The frames announced, and those that came.
    announced: Option<u32>,
    frames: u32,
    used: Frames,
    /// Whether the picture itself came.
    pictured: bool,
    /// What the data of the frame at hand inflate to, if it has data of its own, and these.
    expected: Option<u64>,
    parts: Vec<&'a [u8]>,
}

impl<'a> Animation<'a> {
    /// Of a picture of that size.
    pub(super) fn new(layout: Layout, width: u32, height: u32) -> Result<Self, Refusal> {
        let mut used = Frames::default();
        used.add(width, height)?;
        let (announced, expected, parts) = (None, None, Vec::new());
        Ok(Self { layout, announced, frames: 0, used, pictured: false, expected, parts })
    }

    /// Takes note of the picture: a frame that is controlled later has data of its own.
    pub(super) fn picture(&mut self) {
        self.pictured = true;
    }

    /// Whether the chunk is to be kept: nothing is after the last frame.
    ///
    /// # Errors
    /// Where an animation is broken.
    pub(super) fn keeps(&mut self, kind: &[u8; 4], data: &'a [u8]) -> Result<bool, Refusal> {
        if kind == b"acTL" {
            self.announce(data)?;
            return Ok(true);
        }
        // Only the picture's own control may come before the announcement.
        let announced = match self.announced {
            None if self.pictured => return Err(damaged("frames of no animation")),
            announced => announced.unwrap_or(1),
        };
        if kind == b"fcTL" {
            self.end()?;
            if self.frames < announced {
                self.begin(data)?;
                return Ok(true);
            }
        } else if self.expected.is_some() {
            self.parts.push(data.get(4..).ok_or_else(|| damaged("a frame without a number"))?);
            return Ok(true);
        }
        if self.frames < announced { Err(damaged("data of no frame")) } else { Ok(false) }
    }

    /// Ends the animation, if there is one.
    pub(super) fn finish(mut self) -> Result<(), Refusal> {
        self.end()?;
        if self.announced.unwrap_or_default() != self.frames {
            return Err(damaged(format_args!("{} frames", self.frames)));
        }
        Ok(())
    }

    fn announce(&mut self, data: &[u8]) -> Result<(), Refusal> {
        if self.announced.is_some() || self.pictured || data.len() != ANNOUNCEMENT {
            return Err(damaged("an animation that is not announced once, and first"));
        }
        self.announced = data.first_chunk().map(|frames| u32::from_be_bytes(*frames));
        Ok(())
    }

    fn begin(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let [_, _, _, _, w3, w2, w1, w0, h3, h2, h1, h0, ..] = *data else { return Err(damaged("no control")) };
        if data.len() != CONTROL {
            return Err(damaged("a long control"));
        }
        self.frames += 1;
        if self.pictured {
            let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
            self.used.add(width, height)?;
            self.expected = Some(self.layout.bytes(width, height));
        }
        Ok(())
    }

    /// Ends the frame at hand.
    fn end(&mut self) -> Result<(), Refusal> {
        let parts = std::mem::take(&mut self.parts);
        let Some(expected) = self.expected.take() else { return Ok(()) };
        let joined = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if data::length(&parts, expected)? != joined {
            return Err(damaged("a frame with more than its pixels"));
        }
        Ok(())
    }
}
