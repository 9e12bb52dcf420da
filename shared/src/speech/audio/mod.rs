//! Sound as bytes: MP3 and WAV.
//!
//! A track that is kept is an MP3 with its title and its duration, and with LAME's own first frame, which makes the
//! duration exact to the sample. What is streamed has neither: nobody knows yet how long it will be. Either way it is
//! mono, of one bit rate, and encoded in short pieces of work beside the process's other work.

mod encoder;
mod stream;
mod track;
mod wav;

pub use self::stream::{Format, stream};
pub use self::track::{Track, mp3};

/// Chunks of sound that are encoded at a time.
const AT_ONCE: usize = 8;
