//! How something is spoken, and the values that SSML 1.1 has for it (section 3.2.2, emphasis; 3.2.4, prosody).
//!
//! All of it becomes factors. What is inside multiplies what is around it, and the product is held within bounds: the
//! recommendation wants a value out of a voice's range to be brought to its end, and only a malformed one is refused.

/// The slowest and the fastest.
const RATES: (f32, f32) = (0.25, 4.0);

/// An octave down, an octave up.
const PITCHES: (f32, f32) = (0.5, 2.0);

/// From silence to +12 dB.
const VOLUMES: (f32, f32) = (0.0, 4.0);

/// What a pitch in Hz is held against, because a script does not know its voice: between a man's and a woman's.
const VOICE_HZ: f32 = 150.0;

/// The longest number that is read, in bytes.
const NUMBER_LIMIT: usize = 16;

/// How a phrase is spoken; 1 is the voice's own manner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// How fast: 0.25 to 4.
    pub rate: f32,
    /// How high: 0.5 to 2.
    pub pitch: f32,
    /// How loud: a factor of the amplitude, 0 (silent) to 4.
    pub volume: f32,
}

impl Default for Style {
    fn default() -> Self {
        Self { rate: 1.0, pitch: 1.0, volume: 1.0 }
    }
}

/// What a value asks for.
#[derive(Clone, Copy)]
enum Change {
    /// So many times what is around it.
    Times(f32),
    /// Back to the voice's own.
    Reset,
}

impl Style {
    /// `<emphasis level="...">`: as people do it, somewhat slower, higher and louder. `None` if there is no such level.
    pub(super) fn emphasised(self, level: &str) -> Option<Self> {
        let (rate, pitch, volume) = match level {
            "strong" => (0.85, 1.15, 1.4),
            "moderate" => (0.92, 1.08, 1.2),
            "none" => (1.0, 1.0, 1.0),
            "reduced" => (1.08, 0.95, 0.8),
            _ => return None,
        };
        let Self { rate: r, pitch: p, volume: v } = self;
        Some(Self { rate: r * rate, pitch: p * pitch, volume: v * volume }.bounded())
    }

    /// `rate`: a percentage of what is around it, `+n%` or `-n%` more or less, a label.
    pub(super) fn with_rate(self, value: &str) -> Option<Self> {
        let change = match value {
            "x-slow" => Change::Times(0.5),
            "slow" => Change::Times(0.75),
            "medium" => Change::Times(1.0),
            "fast" => Change::Times(1.5),
            "x-fast" => Change::Times(2.0),
            "default" => Change::Reset,
            _ => percent(value)?,
        };
        Some(Self { rate: change.of(self.rate), ..self }.bounded())
    }

    /// `pitch`: a percentage as for the rate, `+n` or `-n` semitones (`st`), Hz with or without a sign, a label.
    pub(super) fn with_pitch(self, value: &str) -> Option<Self> {
        let change = match value {
            "x-low" => Change::Times(0.7),
            "low" => Change::Times(0.85),
            "medium" => Change::Times(1.0),
            "high" => Change::Times(1.2),
            "x-high" => Change::Times(1.4),
            "default" => Change::Reset,
            _ => semitones(value).or_else(|| hertz(value)).or_else(|| percent(value))?,
        };
        Some(Self { pitch: change.of(self.pitch), ..self }.bounded())
    }

    /// `volume`: `+n` or `-n` decibels (`dB`), a label.
    pub(super) fn with_volume(self, value: &str) -> Option<Self> {
        let change = match value {
            "silent" => Change::Times(0.0),
            "x-soft" => Change::Times(0.25),
            "soft" => Change::Times(0.5),
            "medium" => Change::Times(1.0),
            "loud" => Change::Times(1.5),
            "x-loud" => Change::Times(2.0),
            "default" => Change::Reset,
            _ => Change::Times(10_f32.powf(signed(value.strip_suffix("dB")?)? / 20.0)),
        };
        Some(Self { volume: change.of(self.volume), ..self }.bounded())
    }

    fn bounded(self) -> Self {
        Self {
            rate: self.rate.clamp(RATES.0, RATES.1),
            pitch: self.pitch.clamp(PITCHES.0, PITCHES.1),
            volume: self.volume.clamp(VOLUMES.0, VOLUMES.1),
        }
    }
}

impl Change {
    fn of(self, around: f32) -> f32 {
        match self {
            Self::Times(factor) => around * factor,
            Self::Reset => 1.0,
        }
    }
}

/// A number without a sign: digits and at most one point.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = text.len() <= NUMBER_LIMIT && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    // What may stand there besides ("inf", "1e9") has other characters.
    if plain { text.parse().ok() } else { None }
}

fn percent(value: &str) -> Option<Change> {
    let value = value.strip_suffix('%')?;
    let part = signed(value)? / 100.0;
    Some(Change::Times(if relative(value) { 1.0 + part } else { part }))
}

fn semitones(value: &str) -> Option<Change> {
    let value = value.strip_suffix("st").filter(|value| relative(value))?;
    Some(Change::Times((signed(value)? / 12.0).exp2()))
}

fn hertz(value: &str) -> Option<Change> {
    let value = value.strip_suffix("Hz")?;
    let part = signed(value)? / VOICE_HZ;
    Some(Change::Times(if relative(value) { 1.0 + part } else { part }))
}

fn relative(value: &str) -> bool {
    value.starts_with(['+', '-'])
}

/// A number with or without a sign.
fn signed(text: &str) -> Option<f32> {
    number(text.strip_prefix(['+', '-']).unwrap_or(text))?;
    text.parse().ok()
}
