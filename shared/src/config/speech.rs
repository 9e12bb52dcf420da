//! Speech: how much text, and the engines that speak it, in order of preference.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, check_url};

/// The most characters of one text by default.
const TEXT_LIMIT: usize = 5000;

/// The most that may be configured: the body of a request holds it even if every character is escaped twice.
const TEXT_LIMIT_MOST: usize = 40_000;

/// How long a program may take for one phrase by default, and at most.
const TIME_LIMIT: u64 = 30;
/// See [`TIME_LIMIT`].
const TIME_LIMIT_MOST: u64 = 600;

/// The most engines.
const ENGINES: usize = 16;

/// The longest name of an engine or a voice, in bytes.
const NAME_LIMIT: usize = 64;

/// The most arguments of a command, and the longest of them in bytes.
const ARGUMENTS: usize = 64;
/// See [`ARGUMENTS`].
const ARGUMENT_LIMIT: usize = 4096;

/// The engine whose command and voices are known here.
const ESPEAK: &str = "espeak-ng";

/// What an argument of a command may ask for, in braces: the voice, its language, the speed as a factor and in words a
/// minute (175 is 1), the pitch (0-99, 50 is the voice's own) and the volume (0-200, 100 is its own).
pub const PLACEHOLDERS: [&str; 6] = ["voice", "language", "speed", "wpm", "pitch", "volume"];

/// The table `[speech]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Speech {
    /// `SPEECH_TEXT_LIMIT`: the most characters of one text, 1-40000; 5000 by default.
    pub text_limit: usize,
    /// `[[speech.engine]]`: the engines in order of preference; flite and then espeak-ng by default.
    #[serde(rename = "engine")]
    pub engines: Vec<EngineSettings>,
}

/// One `[[speech.engine]]`, by its `kind`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum EngineSettings {
    /// The engine inside this program: English.
    Flite {},
    /// A program that reads text on its standard input and writes WAV on its standard output, once for each phrase.
    Command {
        /// What voices and messages call it.
        name: String,
        /// The program and its arguments, which may have `{voice}` and others of [`PLACEHOLDERS`]. No shell sees them.
        /// Known for `espeak-ng`.
        #[serde(default)]
        command: Vec<String>,
        /// Language (`en`) = its voices, the first of which is the default one. Known for `espeak-ng`.
        #[serde(default)]
        voices: BTreeMap<String, Listed>,
        /// What to install where the program is missing.
        install: Option<String>,
        /// How many seconds it may take for one phrase, 1-600; 30 by default.
        #[serde(default = "time_limit")]
        time_limit: u64,
    },
    /// Amazon Polly, with the usual `AWS_*` variables.
    Polly {
        /// What voices and messages call it.
        #[serde(default = "polly")]
        name: String,
        /// `standard` (the default) or `neural`.
        #[serde(default)]
        engine_type: PollyKind,
        /// Language = its voices, in place of Polly's own list.
        #[serde(default)]
        voices: BTreeMap<String, Listed>,
        /// Its URL, where it is not AWS's own.
        endpoint: Option<String>,
    },
}

/// Which of its engines Polly speaks with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PollyKind {
    /// Speaks most languages; knows every manner of speaking.
    #[default]
    Standard,
    /// Sounds better; has no pitch of its own.
    Neural,
}

/// One voice, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Listed {
    /// The only one.
    One(String),
    /// The default one first.
    Several(Vec<String>),
}

impl Listed {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(voice) => std::slice::from_ref(voice),
            Self::Several(voices) => voices,
        }
    }
}

fn time_limit() -> u64 {
    TIME_LIMIT
}

fn polly() -> String {
    "polly".to_owned()
}

impl Default for Speech {
    fn default() -> Self {
        Self { text_limit: TEXT_LIMIT, engines: vec![EngineSettings::Flite {}, EngineSettings::espeak()] }
    }
}

impl Speech {
    /// Takes over what variables say.
    pub(super) fn with_variables(mut self, variable: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        if let Some(text) = variable("SPEECH_TEXT_LIMIT") {
            self.text_limit = text.trim().parse().map_err(|_| limit_problem("SPEECH_TEXT_LIMIT"))?;
        }
        Ok(self)
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=TEXT_LIMIT_MOST).contains(&self.text_limit) {
            return Err(limit_problem("speech.text_limit"));
        }
        if !(1..=ENGINES).contains(&self.engines.len()) {
            return Err(ConfigError::new("speech.engine", "must be 1-16 engines"));
        }
        let mut names = BTreeSet::new();
        for engine in &self.engines {
            let problem = |problem: &str| ConfigError::new(format!("speech.engine {:?}", engine.name()), problem);
            if !names.insert(engine.name()) {
                return Err(problem("is there twice"));
            }
            engine.check().map_err(|text| problem(&text))?;
            if let EngineSettings::Polly { endpoint, .. } = engine {
                check_url("endpoint of a speech.engine", endpoint.as_deref())?;
            }
        }
        Ok(())
    }
}

fn limit_problem(setting: &str) -> ConfigError {
    ConfigError::new(setting, "must be a number of characters from 1 to 40000")
}

impl EngineSettings {
    fn espeak() -> Self {
        Self::Command {
            name: ESPEAK.to_owned(),
            command: Vec::new(),
            voices: BTreeMap::new(),
            install: None,
            time_limit: TIME_LIMIT,
        }
    }

    /// What voices and messages call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Flite {} => "flite",
            Self::Command { name, .. } | Self::Polly { name, .. } => name,
        }
    }

    /// How long a program may take for one phrase.
    pub fn time_limit(&self) -> Duration {
        match self {
            Self::Command { time_limit, .. } => Duration::from_secs(*time_limit),
            Self::Flite {} | Self::Polly { .. } => Duration::from_secs(TIME_LIMIT),
        }
    }

    fn check(&self) -> Result<(), String> {
        let name = self.name();
        let sane = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if !(1..=NAME_LIMIT).contains(&name.len()) || !name.bytes().all(sane) {
            return Err("a name is 1-64 of a-z, 0-9, '-', '_' and '.'".to_owned());
        }
        match self {
            Self::Flite {} => Ok(()),
            Self::Polly { voices, .. } => check_voices(voices),
            Self::Command { command, voices, time_limit, .. } => {
                if !(1..=TIME_LIMIT_MOST).contains(time_limit) {
                    return Err("time_limit must be a number of seconds from 1 to 600".to_owned());
                }
                if name != ESPEAK && (command.is_empty() || voices.is_empty()) {
                    return Err("needs a command and voices".to_owned());
                }
                check_command(command)?;
                check_voices(voices)
            }
        }
    }
}

fn check_command(command: &[String]) -> Result<(), String> {
    let fits = |argument: &String| argument.len() <= ARGUMENT_LIMIT && !argument.contains('\0');
    if command.len() > ARGUMENTS || !command.iter().all(fits) || command.first().is_some_and(String::is_empty) {
        return Err("command has a program and at most 64 arguments of at most 4096 bytes".to_owned());
    }
    for argument in command {
        for (start, _) in argument.match_indices('{') {
            let Some((word, _)) = argument[start + 1..].split_once('}') else { continue };
            let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
            if is_word && !PLACEHOLDERS.contains(&word) {
                return Err(format!("no placeholder {{{word}}}: there are {{{}}}", PLACEHOLDERS.join("}, {")));
            }
        }
    }
    Ok(())
}

fn check_voices(voices: &BTreeMap<String, Listed>) -> Result<(), String> {
    for (language, voices) in voices {
        if !(2..=3).contains(&language.len()) || !language.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err("voices are listed by language: 2 or 3 letters, as en or yue".to_owned());
        }
        let fits = |voice: &String| {
            // A dash would make an option of it.
            (1..=NAME_LIMIT).contains(&voice.len()) && !voice.starts_with('-') && !voice.contains(char::is_control)
        };
        if voices.all().is_empty() || !voices.all().iter().all(fits) {
            return Err("a voice is 1-64 bytes without control characters, and does not begin with a dash".to_owned());
        }
    }
    Ok(())
}
