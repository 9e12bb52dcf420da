//! Which engine and voice speak a text.

use super::{Engine, Engines, Voice};
use crate::error::Error;
use crate::speech::script::Language;

/// The most characters of an unknown voice that an answer repeats.
const SHOWN: usize = 64;

impl Engines {
    /// The voice for a language: `asked` if it is one that an engine has, as `voice`, `engine:voice` or `engine`. A voice
    /// of another language than the text's is the caller's wish. Where nothing is asked for, an engine that is there is
    /// taken before one that is not.
    ///
    /// # Errors
    /// 400 if no engine has the voice or speaks the language; 503 if the engine that does is not installed.
    pub fn choose(&self, language: &Language, asked: Option<&str>) -> Result<Voice, Error> {
        let candidates = match asked {
            None => self.speaking(language.tag())?,
            Some(asked) => self.asked(language.tag(), asked)?,
        };
        let (there, missing): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .map(|(engine, voice)| (engine, voice, engine.missing()))
            .partition(|it| it.2.is_none());
        if let Some((_, voice, _)) = there.into_iter().next() {
            return Ok(voice);
        }
        let first = missing.first().and_then(|(engine, _, lacks)| Some((&engine.name, lacks.as_ref()?)));
        let (name, lacks) = first.ok_or_else(|| no_engine(language.tag()))?;
        Err(Error::unavailable(format!("The speech engine {name} is {lacks}")))
    }

    fn speaking(&self, language: &str) -> Result<Vec<(&Engine, Voice)>, Error> {
        let found: Vec<_> = self.0.iter().filter_map(|engine| Some((engine, engine.default(language)?))).collect();
        if found.is_empty() { Err(no_engine(language)) } else { Ok(found) }
    }

    fn asked(&self, language: &str, asked: &str) -> Result<Vec<(&Engine, Voice)>, Error> {
        if let Some(engine) = self.engine(asked) {
            let voice = engine.default(language).ok_or_else(|| {
                Error::invalid(format!("The speech engine {} does not speak \"{}\"", engine.name, shown(language)))
            })?;
            return Ok(vec![(engine, voice)]);
        }
        let named = asked.split_once(':').and_then(|(engine, voice)| Some((self.engine(engine)?, voice)));
        let found: Vec<_> = match named {
            Some((engine, voice)) => engine.voice(language, voice).map(|voice| (engine, voice)).into_iter().collect(),
            None => self.0.iter().filter_map(|engine| Some((engine, engine.voice(language, asked)?))).collect(),
        };
        if found.is_empty() { Err(Error::invalid(format!("Unknown voice: {}", shown(asked)))) } else { Ok(found) }
    }

    fn engine(&self, name: &str) -> Option<&Engine> {
        self.0.iter().find(|engine| engine.name.eq_ignore_ascii_case(name))
    }
}

impl Engine {
    /// Its default voice for a language.
    fn default(&self, language: &str) -> Option<Voice> {
        self.voices.iter().find(|(spoken, _)| spoken == language).map(|pair| self.of_pair(pair))
    }

    /// Its voice of that name, of the text's language if there are several; or its default voice for the language that
    /// the name is.
    fn voice(&self, language: &str, name: &str) -> Option<Voice> {
        let mut named = self.voices.iter().filter(|(_, voice)| voice.eq_ignore_ascii_case(name));
        let own = named.clone().find(|(spoken, _)| spoken == language);
        let found = own.or_else(|| named.next()).map(|pair| self.of_pair(pair));
        found.or_else(|| self.default(&name.to_ascii_lowercase()))
    }

    fn of_pair(&self, (language, voice): &(String, String)) -> Voice {
        Voice { engine: self.name.clone(), name: voice.clone(), language: language.clone() }
    }
}

fn no_engine(language: &str) -> Error {
    Error::invalid(format!("No speech engine for language \"{}\".", shown(language)))
}

/// What came from outside, as a message may repeat it.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}
