//! What turns text into sound: a closed set of engines, in the order of preference that the configuration gives.
//!
//! An engine is fed one phrase at a time and makes sound at the pace at which it is taken: whoever drops the [`Pcm`]
//! stops it, and nothing of it stays behind. No text that is spoken is ever logged, nor an argument of a program.

mod choose;
mod command;
mod espeak;
mod flite;
mod plain;
mod polly;
mod sound;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use self::sound::is_heard;
pub use self::sound::{Failure, Pcm};

use self::command::Command;
use self::polly::Polly;
use super::script::Script;
use crate::cloud::Cloud;
use crate::config::{Config, EngineSettings, Listed};

/// The engines that are configured. Cheap to clone.
#[derive(Clone)]
pub struct Engines(Arc<[Engine]>);

/// One of them.
struct Engine {
    name: String,
    /// Language and voice; of one language the default voice first.
    voices: Vec<(String, String)>,
    kind: Kind,
}

enum Kind {
    Flite,
    Command(Command),
    Polly(Polly),
}

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

impl Engines {
    /// Those of the configuration. Nothing is started or asked yet.
    pub fn of(config: &Config) -> Self {
        Self(config.speech.engines.iter().map(|settings| Engine::of(settings, config.cloud)).collect())
    }

    /// Begins to speak, `speed` times as fast as the script says.
    ///
    /// # Errors
    /// If nothing at all came. What comes later is told in the samples.
    pub async fn speak(&self, voice: &Voice, script: &Script, speed: f32) -> Result<Pcm, Failure> {
        let engine = self.0.iter().find(|engine| engine.name == voice.engine);
        let Some(engine) = engine else {
            return Err(Failure::lasting(format!("there is no speech engine {} any more", voice.engine)));
        };
        let (pieces, voice) = (script.pieces.clone(), voice.clone());
        match &engine.kind {
            Kind::Flite => sound::begin("flite", move |sink| flite::speak(voice, pieces, speed, sink)).await,
            Kind::Command(command) => {
                let command = command.clone();
                sound::begin(&engine.name, move |sink| command.speak(voice, pieces, speed, sink)).await
            }
            Kind::Polly(polly) => {
                let polly = polly.clone();
                sound::begin(&engine.name, move |sink| polly.speak(voice, pieces, speed, sink)).await
            }
        }
    }

    /// Each engine by its name, and what it lacks on this machine. Looks for programs and starts none.
    pub fn states(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        self.0.iter().map(|engine| (engine.name.as_str(), engine.missing()))
    }

    /// Whether there is an engine of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|engine| engine.name == name)
    }
}

impl Engine {
    fn of(settings: &EngineSettings, cloud: Cloud) -> Self {
        let name = settings.name().to_owned();
        match settings {
            EngineSettings::Flite {} => Self { name, voices: pairs(flite::VOICES), kind: Kind::Flite },
            EngineSettings::Command { command, voices, install, .. } => {
                let voices = if voices.is_empty() { espeak::voices() } else { listed(voices) };
                let espeak = || espeak::COMMAND.iter().map(|argument| (*argument).to_owned()).collect();
                let command = if command.is_empty() { espeak() } else { command.clone() };
                let package = (name == "espeak-ng").then(|| espeak::INSTALL.to_owned());
                let install = install.clone().or(package);
                let command = Command::new(&name, command, install, settings.time_limit());
                Self { name, voices, kind: Kind::Command(command) }
            }
            EngineSettings::Polly { engine_type, voices, endpoint, .. } => {
                let voices = if voices.is_empty() { pairs(polly::voices(*engine_type)) } else { listed(voices) };
                let polly = Polly::new(&name, *engine_type, endpoint.clone(), cloud);
                Self { name, voices, kind: Kind::Polly(polly) }
            }
        }
    }

    /// What it lacks, as `not installed: install ...`.
    fn missing(&self) -> Option<String> {
        match &self.kind {
            Kind::Flite | Kind::Polly(_) => None,
            Kind::Command(command) => command.missing(),
        }
    }
}

fn pairs(table: &[(&str, &str)]) -> Vec<(String, String)> {
    table.iter().map(|(language, voice)| ((*language).to_owned(), (*voice).to_owned())).collect()
}

fn listed(voices: &std::collections::BTreeMap<String, Listed>) -> Vec<(String, String)> {
    let each = |(language, voices): (&String, &Listed)| {
        voices.all().iter().map(|voice| (language.clone(), voice.clone())).collect::<Vec<_>>()
    };
    voices.iter().flat_map(each).collect()
}
