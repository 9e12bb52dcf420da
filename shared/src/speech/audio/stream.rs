//! Sound that is sent while it is made.

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::HeaderValue;

use super::AT_ONCE;
use super::encoder::Encoder;
use super::wav;
use crate::error::BoxError;
use crate::speech::engine::{Failure, Pcm};

/// A form that sound can be sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// MP3, without any tag.
    Mp3,
    /// WAV of an open length.
    Wav,
}

impl Format {
    /// Its media type.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
        })
    }
}

/// The sound as bytes. Dropping it stops the engine; a failure of the engine is its last item.
pub fn stream(pcm: Pcm, format: Format) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static {
    let state = match format {
        Format::Mp3 => Coder::Unmade,
        Format::Wav => Coder::Wav { begun: false },
    };
    stream::try_unfold((pcm, state), |(mut pcm, mut coder)| async move {
        while !matches!(coder, Coder::Finished) {
            let mut chunks = Vec::new();
            let (next, bytes) = match pcm.samples.recv_many(&mut chunks, AT_ONCE).await {
                0 => coder.finish(pcm.sample_rate)?,
                _ => coder.encode(pcm.sample_rate, chunks.into_iter().collect::<Result<_, _>>()?).await?,
            };
            coder = next;
            if !bytes.is_empty() {
                return Ok(Some((Bytes::from(bytes), (pcm, coder))));
            }
        }
        Ok(None)
    })
}

/// Where the stream stands.
enum Coder {
    Unmade,
    Mp3(Encoder),
    Wav { begun: bool },
    Finished,
}

impl Coder {
    async fn encode(self, rate: u32, sound: Vec<Vec<i16>>) -> Result<(Self, Vec<u8>), Failure> {
        match self {
            Self::Unmade => encoded(Encoder::new(rate, false)?, sound).await,
            Self::Mp3(encoder) => encoded(encoder, sound).await,
            Self::Wav { begun } => {
                let mut bytes = if begun { Vec::new() } else { wav::header(rate).to_vec() };
                bytes.extend(sound.iter().flatten().flat_map(|sample| sample.to_le_bytes()));
                Ok((Self::Wav { begun: true }, bytes))
            }
            Self::Finished => Ok((Self::Finished, Vec::new())),
        }
    }

    fn finish(self, rate: u32) -> Result<(Self, Vec<u8>), Failure> {
        let bytes = match self {
            Self::Mp3(mut encoder) => encoder.finish()?,
            Self::Wav { begun: false } => wav::header(rate).to_vec(),
            Self::Unmade | Self::Wav { begun: true } | Self::Finished => Vec::new(),
        };
        Ok((Self::Finished, bytes))
    }
}

async fn encoded(encoder: Encoder, sound: Vec<Vec<i16>>) -> Result<(Coder, Vec<u8>), Failure> {
    let (encoder, bytes) = encoder.encode(sound).await?;
    Ok((Coder::Mp3(encoder), bytes))
}
