//! A track that is kept: encoded to its end, with its tags.

use bytes::Bytes;
use id3::{Encoder as TagEncoder, Tag, TagLike, Version};

use super::AT_ONCE;
use super::encoder::Encoder;
use crate::speech::engine::{Failure, Pcm, is_heard};

/// The largest track, in bytes: at the lowest bit rates more than any text that is taken.
const BYTES_LIMIT: usize = 128 << 20;

/// The longest title, in characters.
const TITLE_LIMIT: usize = 200;

/// From this rate on, in Hz, frames are those of MPEG 1.
const MPEG_1: u32 = 32_000;

/// An MP3 that is whole.
pub struct Track {
    /// With its tags.
    pub bytes: Bytes,
    /// How long it lasts: of what was encoded.
    pub seconds: f64,
}

/// Encodes all of it: mono, constant bit rate, with title and duration in ID3.
///
/// What a player that looks at nothing but frames takes for the duration is that of the sound, if the sound ends with
/// silence: of that as much is left out as LAME adds (see `delay`).
///
/// # Errors
/// If the engine fails before its end, or the track would have more than 128 MiB.
pub async fn mp3(mut pcm: Pcm, title: &str) -> Result<Track, Failure> {
    let (mut encoder, delay) = (Encoder::new(pcm.sample_rate, true)?, delay(pcm.sample_rate));
    let (mut frames, mut samples, mut chunks, mut held) = (Vec::new(), 0u64, Vec::new(), Vec::new());
    while pcm.samples.recv_many(&mut chunks, AT_ONCE).await > 0 {
        for chunk in chunks.drain(..) {
            held.append(&mut chunk?);
        }
        let end = held.split_off(held.len().saturating_sub(delay));
        let sound = std::mem::replace(&mut held, end);
        samples += sound.len() as u64;
        let (next, encoded) = encoder.encode(vec![sound]).await?;
        encoder = next;
        frames.extend_from_slice(&encoded);
        if frames.len() > BYTES_LIMIT {
            return Err(Failure::lasting("the track is larger than 128 MiB"));
        }
    }
    samples += held.len() as u64;
    let heard = held.iter().rposition(is_heard).map_or(0, |last| last + 1);
    held.truncate(heard);
    let (mut encoder, encoded) = encoder.encode(vec![held]).await?;
    frames.extend_from_slice(&encoded);
    frames.extend_from_slice(&encoder.finish()?);
    // LAME left an empty frame in its place.
    let first = encoder.first_frame();
    if let Some(place) = frames.get_mut(..first.len()) {
        place.copy_from_slice(&first);
    }
    let rate = u64::from(pcm.sample_rate);
    let mut bytes = tags(title, (samples * 1000 + rate / 2) / rate)?;
    bytes.append(&mut frames);
    #[allow(clippy::cast_precision_loss)]
    let seconds = samples as f64 / f64::from(pcm.sample_rate);
    Ok(Track { bytes: bytes.into(), seconds })
}

/// How many samples of silence LAME adds on average: its delay and a decoder's (576 + 529), and what is missing to a whole
/// frame.
fn delay(rate: u32) -> usize {
    576 + 529 + if rate < MPEG_1 { 576 / 2 } else { 1152 / 2 }
}

/// ID3v2.3, which every player knows.
fn tags(title: &str, milliseconds: u64) -> Result<Vec<u8>, Failure> {
    let mut tag = Tag::new();
    let title: String = title.chars().filter(|character| !character.is_control()).take(TITLE_LIMIT).collect();
    tag.set_title(title);
    tag.set_duration(u32::try_from(milliseconds).unwrap_or(u32::MAX));
    let mut bytes = Vec::new();
    let written = TagEncoder::new().version(Version::Id3v23).encode(&tag, &mut bytes);
    written.map_err(|cause| Failure::lasting("the track could not be tagged").caused_by(cause))?;
    Ok(bytes)
}
