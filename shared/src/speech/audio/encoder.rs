//! LAME, as speech wants it.

use std::num::NonZeroU32;

use mp3lame_encoder::{Bitrate, Builder, Encoder as Lame, FlushGap, Mode, MonoPcm, Quality, max_required_buffer_size};

use crate::error::BoxError;
use crate::speech::BUSY;
use crate::speech::engine::Failure;
use crate::work;

/// What the flush of the last frames takes at most, in bytes (lame.h, `lame_encode_flush`).
const FLUSH: usize = 7200;

/// What MPEG 1, 2 and 2.5 have, in Hz, and what is spent on it. Speech at a higher bit rate sounds the same.
const RATES: [(u32, Bitrate); 9] = [
    (8_000, Bitrate::Kbps24),
    (11_025, Bitrate::Kbps32),
    (12_000, Bitrate::Kbps32),
    (16_000, Bitrate::Kbps48),
    (22_050, Bitrate::Kbps64),
    (24_000, Bitrate::Kbps64),
    (32_000, Bitrate::Kbps64),
    (44_100, Bitrate::Kbps96),
    (48_000, Bitrate::Kbps96),
];

/// An MP3 that is being made.
pub(super) struct Encoder {
    lame: Lame,
    /// Whether the first frame is LAME's own.
    informed: bool,
}

impl Encoder {
    /// For sound of that rate; `informed` leaves room for [`Encoder::first_frame`].
    pub(super) fn new(rate: u32, informed: bool) -> Result<Self, Failure> {
        build(rate, informed).map(|lame| Self { lame, informed }).map_err(|cause| lame_failed(&*cause))
    }

    /// Encodes some more: what came of it, which may be nothing yet.
    pub(super) async fn encode(mut self, chunks: Vec<Vec<i16>>) -> Result<(Self, Vec<u8>), Failure> {
        let encoded = work::on_cpu(BUSY, move || {
            let mut bytes = Vec::new();
            for samples in chunks {
                // LAME takes a buffer of no length for one without bounds.
                bytes.reserve(max_required_buffer_size(samples.len()));
                self.lame.encode_to_vec(MonoPcm(&samples[..]), &mut bytes).map_err(|cause| lame_failed(&cause))?;
            }
            Ok((self, bytes))
        });
        encoded.await.map_err(|error| Failure::of_work("the encoder", error))?
    }

    /// The last frames.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::with_capacity(FLUSH);
        self.lame.flush_to_vec::<FlushGap>(&mut bytes).map_err(|cause| lame_failed(&cause))?;
        Ok(bytes)
    }

    /// The frame that goes where the first one is, once all are finished: how many samples there are.
    pub(super) fn first_frame(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.lame.lame_tag_size());
        if self.informed {
            // Without it the frame stays as it is: silent.
            let _ = self.lame.lame_tag_encode_to_vec(&mut frame);
        }
        frame
    }
}

fn build(rate: u32, informed: bool) -> Result<Lame, BoxError> {
    let (nearest, bit_rate) =
        RATES.into_iter().min_by_key(|(known, _)| known.abs_diff(rate)).ok_or("there are rates")?;
    let mut builder = Builder::new().ok_or("no memory")?;
    builder.set_num_channels(1)?;
    builder.set_mode(Mode::Mono)?;
    builder.set_sample_rate(rate)?;
    builder.set_output_sample_rate(NonZeroU32::new(nearest))?;
    builder.set_brate(bit_rate)?;
    // Fast: of speech at these bit rates more care is not heard.
    builder.set_quality(Quality::Ok)?;
    builder.set_to_write_vbr_tag(informed)?;
    Ok(builder.build()?)
}

fn lame_failed(cause: &dyn std::fmt::Display) -> Failure {
    Failure::lasting("the sound could not be encoded").caused_by(cause.to_string())
}
