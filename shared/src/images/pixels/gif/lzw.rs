//! The coded pixels of an image (GIF89a, appendix F): where they end. Codes are followed, no pixel is drawn.

use crate::images::pixels::{Refusal, damaged};

/// The widest code, in bits.
const MAX_WIDTH: u32 = 12;

/// `data` without what follows the end of an image of that many pixels; `None` when nothing follows. Where the
/// pixels are complete and are followed by more of them, the end is written in their stead.
///
/// # Errors
/// For a code that stands for nothing.
pub(super) fn cut(data: &[u8], minimum: u8, pixels: u64) -> Result<Option<Vec<u8>>, Refusal> {
    let mut codes = Codes::new(minimum)?;
    let mut left = pixels;
    let mut at = 0;
    while let Some(code) = read(data, at, codes.width) {
        if code == codes.end || (left == 0 && code != codes.clear) {
            let after = at + codes.width as usize;
            let kept = data.get(..after.div_ceil(8)).unwrap_or(data);
            let same = code == codes.end && kept.len() == data.len();
            return Ok((!same).then(|| ended(kept, at, codes.end)));
        }
        at += codes.width as usize;
        left = left.saturating_sub(codes.pixels(code)?);
    }
    Ok(None)
}

/// The code at a bit, if it is all there.
fn read(data: &[u8], at: usize, width: u32) -> Option<usize> {
    let bytes = data.get(at / 8..(at + width as usize).div_ceil(8))?;
    let word = bytes.iter().rev().fold(0, |word, byte| word << 8 | usize::from(*byte));
    Some(word >> (at % 8) & ((1 << width) - 1))
}

/// `data` with the end from bit `at` on, and nothing but zeros behind it.
fn ended(data: &[u8], at: usize, end: usize) -> Vec<u8> {
    let mut word = end << (at % 8);
    let mut ended = data.to_vec();
    for (index, byte) in ended.iter_mut().enumerate().skip(at / 8) {
        let before = if index == at / 8 { *byte & ((1 << (at % 8)) - 1) } else { 0 };
        *byte = before | word.to_le_bytes()[0];
        word >>= 8;
    }
    ended
}

/// What the codes stand for, as far as it counts here.
struct Codes {
    clear: usize,
    end: usize,
    width: u32,
    /// The pixels of each code.
    lengths: Vec<u16>,
    /// Those of the code before, unless that was the first.
    last: Option<u16>,
}

impl Codes {
    fn new(minimum: u8) -> Result<Self, Refusal> {
        if !(1..MAX_WIDTH).contains(&minimum.into()) {
            return Err(damaged(format_args!("codes of {minimum} bits")));
        }
        let clear = 1 << minimum;
        let mut lengths = Vec::with_capacity(1 << MAX_WIDTH);
        lengths.resize(clear + 2, 1);
        Ok(Self { clear, end: clear + 1, width: u32::from(minimum) + 1, lengths, last: None })
    }

    /// The pixels of the next code, which makes another one known.
    fn pixels(&mut self, code: usize) -> Result<u64, Refusal> {
        if code == self.clear {
            self.lengths.truncate(self.clear + 2);
            self.width = self.clear.ilog2() + 1;
            self.last = None;
            return Ok(0);
        }
        let known = self.lengths.len();
        if let Some(last) = self.last.filter(|_| known < 1 << MAX_WIDTH) {
            self.lengths.push(last + 1);
            if known + 1 >= 1 << self.width && self.width < MAX_WIDTH {
                self.width += 1;
            }
        }
        let length = *self.lengths.get(code).ok_or_else(|| damaged("a code of nothing"))?;
        self.last = Some(length);
        Ok(length.into())
    }
}
