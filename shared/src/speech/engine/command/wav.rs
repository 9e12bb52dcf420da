//! WAV as a program writes it to a pipe: RIFF chunks, with lengths that need not be true.
//!
//! Multimedia Programming Interface and Data Specifications 1.0 (1991), "RIFF WAVE"; WAVE_FORMAT_EXTENSIBLE.

use std::fmt;

/// The rates that are taken, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// The longest chunk that describes a format, in bytes.
const FORMAT_LIMIT: u32 = 1024;

/// From here on a length means that it was not known: espeak-ng writes 0x7ffff000, others 0xffffffff or nothing.
const OPEN: u32 = 0x7fff_0000;

/// Sound that a program made: mono.
#[derive(Debug)]
pub(super) struct Sound {
    /// In Hz.
    pub(super) rate: u32,
    pub(super) samples: Vec<i16>,
}

/// What is wrong with it, behind the name of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Nothing,
    NotWav,
    Rate,
    Format,
    CutOff,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "wrote nothing",
            Self::NotWav => "wrote something else than WAV",
            Self::Rate => "wrote sound of a rate that is not from 8 to 48 kHz",
            Self::Format => "wrote WAV of a format that is not known here",
            Self::CutOff => "broke off in the middle of its sound",
        })
    }
}

/// WAV that is being read. What comes after a problem is passed over.
#[derive(Default)]
pub(super) struct Wav {
    /// What is not understood yet: the beginning of a chunk, or of a frame.
    pending: Vec<u8>,
    format: Option<Format>,
    samples: Vec<i16>,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Start,
    Chunks,
    /// So many bytes of a chunk that is of no use.
    Skipping(u64),
    /// So many bytes of sound; `None` to the end.
    Data(Option<u64>),
    Over,
    Failed(Problem),
}

#[derive(Clone, Copy)]
struct Format {
    rate: u32,
    channels: usize,
    encoding: Encoding,
}

#[derive(Clone, Copy)]
enum Encoding {
    U8,
    I16,
    I24,
    I32,
    F32,
}

impl Wav {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Over | State::Failed(_)) {
            return;
        }
        self.pending.extend_from_slice(bytes);
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return,
                Err(problem) => {
                    self.pending = Vec::new();
                    self.state = State::Failed(problem);
                    return;
                }
            }
        }
    }

    /// The sound, when there are no more bytes.
    pub(super) fn end(self) -> Result<Sound, Problem> {
        match self.state {
            State::Failed(problem) => Err(problem),
            State::Start if self.pending.is_empty() => Err(Problem::Nothing),
            State::Start => Err(Problem::NotWav),
            State::Data(None) | State::Over => {
                let rate = self.format.map(|format| format.rate).ok_or(Problem::NotWav)?;
                Ok(Sound { rate, samples: self.samples })
            }
            State::Chunks | State::Skipping(_) | State::Data(Some(_)) => Err(Problem::CutOff),
        }
    }

    /// Understands some more; whether there may be more to understand at once.
    fn step(&mut self) -> Result<bool, Problem> {
        match self.state {
            State::Start => {
                let seen = self.pending.len().min(4);
                if self.pending[..seen] != b"RIFF"[..seen] {
                    return Err(Problem::NotWav);
                }
                let Some(head) = self.take(12) else { return Ok(false) };
                self.state = State::Chunks;
                if head[8..] == *b"WAVE" { Ok(true) } else { Err(Problem::NotWav) }
            }
            State::Chunks => self.chunk(),
            State::Skipping(left) => {
                let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(self.pending.len());
                self.pending.drain(..skipped);
                let left = left - skipped as u64;
                self.state = if left == 0 { State::Chunks } else { State::Skipping(left) };
                Ok(left == 0)
            }
            State::Data(left) => self.data(left),
            State::Over | State::Failed(_) => Ok(false),
        }
    }

    /// The head of a chunk; all of it if it is the format.
    fn chunk(&mut self) -> Result<bool, Problem> {
        let Some(head) = self.pending.get(..8) else { return Ok(false) };
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        // Chunks begin at even places.
        let padded = u64::from(size) + u64::from(size % 2);
        match &head[..4] {
            b"fmt " if size > FORMAT_LIMIT => Err(Problem::Format),
            b"fmt " => {
                let whole = usize::try_from(padded + 8).unwrap_or(usize::MAX);
                let Some(chunk) = self.take(whole) else { return Ok(false) };
                self.format = Some(Format::read(&chunk[8..])?);
                Ok(true)
            }
            b"data" => {
                self.format.ok_or(Problem::NotWav)?;
                self.pending.drain(..8);
                let open = size == 0 || size >= OPEN;
                self.state = State::Data((!open).then_some(size.into()));
                Ok(true)
            }
            _ => {
                self.pending.drain(..8);
                self.state = State::Skipping(padded);
                Ok(true)
            }
        }
    }

    fn data(&mut self, left: Option<u64>) -> Result<bool, Problem> {
        let format = self.format.ok_or(Problem::NotWav)?;
        let there = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX)).min(self.pending.len());
        let frame = format.channels * format.encoding.bytes();
        let whole = there - there % frame;
        self.samples.extend(self.pending[..whole].chunks_exact(frame).map(|bytes| format.mono(bytes)));
        self.pending.drain(..whole);
        let left = left.map(|left| left - whole as u64);
        // Less than a frame is no sound, whatever the length says.
        self.state = if left.is_some_and(|left| left < frame as u64) { State::Over } else { State::Data(left) };
        Ok(false)
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        (self.pending.len() >= count).then(|| self.pending.drain(..count).collect())
    }
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, Problem> {
        let two = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        let (code, channels, bits) = (two(0), two(2), two(14));
        let (Some(code), Some(channels), Some(bits)) = (code, channels, bits) else { return Err(Problem::Format) };
        let rate = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        // An extensible format says what it is in the first bytes of a GUID.
        let code = if code == 0xFFFE { two(24).ok_or(Problem::Format)? } else { code };
        let encoding = match (code, bits) {
            (1, 8) => Encoding::U8,
            (1, 16) => Encoding::I16,
            (1, 24) => Encoding::I24,
            (1, 32) => Encoding::I32,
            (3, 32) => Encoding::F32,
            _ => return Err(Problem::Format),
        };
        if !RATES.contains(&rate) {
            return Err(Problem::Rate);
        }
        if !(1..=2).contains(&channels) {
            return Err(Problem::Format);
        }
        Ok(Self { rate, channels: channels.into(), encoding })
    }

    /// One frame: the mean of its channels.
    fn mono(&self, frame: &[u8]) -> i16 {
        let samples = frame.chunks_exact(self.encoding.bytes()).map(|bytes| i32::from(self.encoding.sample(bytes)));
        let mean = samples.sum::<i32>() / if self.channels == 2 { 2 } else { 1 };
        i16::try_from(mean).unwrap_or(0)
    }
}

impl Encoding {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
        }
    }

    fn sample(self, bytes: &[u8]) -> i16 {
        match (self, bytes) {
            (Self::U8, [byte]) => (i16::from(*byte) - 128) * 256,
            (Self::I16, [low, high]) | (Self::I24, [_, low, high]) | (Self::I32, [_, _, low, high]) => {
                i16::from_le_bytes([*low, *high])
            }
            // A cast from float saturates, and makes 0 of what is no number.
            #[allow(clippy::cast_possible_truncation)]
            (Self::F32, [a, b, c, d]) => (f32::from_le_bytes([*a, *b, *c, *d]) * 32767.0).round() as i16,
            _ => 0,
        }
    }
}
