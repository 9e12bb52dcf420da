//! What turns text into sound.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::script::{Language, Piece, Script};
use crate::config::Config;
use crate::error::{BoxError, Error};

/// The engines that are configured.
pub struct Engines {}

/// Who is to speak; part of what a render is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Voice {
    /// The name of the engine.
    pub engine: String,
    /// As the engine calls it.
    pub name: String,
    /// The primary subtag of BCP 47.
    pub language: String,
}

/// Sound while it is made: mono. Dropping it stops the engine.
pub struct Pcm {
    /// In Hz.
    pub sample_rate: u32,
    /// Samples, or why there are no more of them.
    pub samples: mpsc::Receiver<Result<Vec<i16>, Failure>>,
}

/// Why an engine did not speak.
#[derive(Debug)]
pub struct Failure {
    /// In words that anybody may read: no path, no argument, no text.
    pub reason: String,
    /// For the log.
    pub source: Option<BoxError>,
    /// Whether another try may do better.
    pub passing: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

impl Engines {
    /// Those of the configuration.
    pub fn of(_config: &Config) -> Self {
        Self {}
    }

    /// The voice for a language: `asked` if it is one that an engine has.
    ///
    /// # Errors
    /// 400 if no engine has the voice or speaks the language; 503 if the engine that does is not installed.
    pub fn choose(&self, language: &Language, _asked: Option<&str>) -> Result<Voice, Error> {
        Ok(Voice { engine: "flite".to_owned(), name: "kal16".to_owned(), language: language.tag().to_owned() })
    }

    /// Begins to speak, `speed` times as fast as the script says.
    ///
    /// # Errors
    /// If nothing at all came. What comes later is told in the samples.
    pub async fn speak(&self, _voice: &Voice, script: &Script, _speed: f32) -> Result<Pcm, Failure> {
        static ENGINE: LazyLock<flite_rs::Engine> = LazyLock::new(flite_rs::Engine::new);
        let (sender, samples) = mpsc::channel(4);
        let script = script.clone();
        tokio::task::spawn_blocking(move || {
            for piece in &script.pieces {
                if let Piece::Say(phrase) = piece {
                    let _ = sender.blocking_send(Ok(ENGINE.synthesize(&phrase.text).samples));
                }
            }
        });
        Ok(Pcm { sample_rate: ENGINE.sample_rate(), samples })
    }
}
