//! flite: American English by diphones, inside this program.
//!
//! Its models are parsed once a process; the manner of speaking is an argument of each phrase, so one set serves all
//! threads. A phrase is one piece of work on a processor: milliseconds.

use std::sync::{Arc, LazyLock};

use flite_rs::language::Language;
use flite_rs::{Engine, Flow, KAL_VOICE_DATA, KAL16_VOICE_DATA, VoiceParams, data, pipeline, text, voice};
use tokio::sync::mpsc;

use super::sound::{Failure, Sink, amplify};
use super::{Voice, plain};
use crate::error::Error;
use crate::speech::BUSY;
use crate::speech::script::{Phrase, Piece, Style};
use crate::work;

/// Its voices: one speaker, at 16 and at 8 kHz.
pub(super) const VOICES: &[(&str, &str)] = &[("en", "kal16"), ("en", "kal")];

/// The models.
static MODELS: LazyLock<Result<Models, data::DataError>> = LazyLock::new(Models::parse);

struct Models {
    language: Arc<Language>,
    kal: flite_rs::Voice,
    kal16: flite_rs::Voice,
}

impl Models {
    fn parse() -> Result<Self, data::DataError> {
        let language = Engine::try_new()?.language();
        let (kal, kal16) = (flite_rs::Voice::parse(KAL_VOICE_DATA)?, flite_rs::Voice::parse(KAL16_VOICE_DATA)?);
        Ok(Self { language, kal, kal16 })
    }

    fn voice(&self, name: &str) -> &flite_rs::Voice {
        if name == "kal" { &self.kal } else { &self.kal16 }
    }
}

/// Speaks all of it.
pub(super) async fn speak(voice: Voice, pieces: Vec<Piece>, speed: f32, mut sink: Sink) -> Result<Sink, Failure> {
    for piece in pieces {
        match piece {
            Piece::Pause(length) => sink.silence(length).await?,
            Piece::Say(phrase) => {
                let (name, listener) = (voice.name.clone(), sink.listener());
                let said = work::on_cpu(BUSY, move || say(&name, &phrase, speed, &listener));
                let (rate, samples) = said.await.map_err(|error| Failure::of_work("flite", error))??;
                sink.sound(rate, &samples).await?;
            }
        }
    }
    Ok(sink)
}

/// Speaks one phrase, as long as someone listens: rate and samples.
fn say(
    name: &str,
    phrase: &Phrase,
    speed: f32,
    listener: &mpsc::Sender<Result<Vec<i16>, Failure>>,
) -> Result<(u32, Vec<i16>), Failure> {
    let models = MODELS.as_ref().map_err(|cause| {
        Failure::lasting("flite cannot read its voices")
            .caused_by(Error::internal("parse the voices", cause.to_string()))
    })?;
    let voice = models.voice(name);
    let params = params(voice, phrase.style, speed);
    let mut samples = Vec::new();
    for sentence in text::sentences(&plain::ascii(&phrase.text)) {
        let utterance = pipeline::analyse(&models.language, &sentence, &params);
        voice::synthesise_streaming(voice, &utterance, &params, &mut |period| {
            samples.extend_from_slice(period);
            if listener.is_closed() { Flow::Stop } else { Flow::Continue }
        });
    }
    amplify(&mut samples, phrase.style.volume);
    Ok((voice.sample_rate, samples))
}

/// The voice's own settings, changed as the style wants.
fn params(voice: &flite_rs::Voice, style: Style, speed: f32) -> VoiceParams {
    let own = voice.params();
    let stretch = own.duration_stretch / (style.rate * speed).clamp(0.1, 10.0);
    VoiceParams { duration_stretch: stretch, f0_shift: style.pitch.clamp(0.25, 4.0), ..own }
}
