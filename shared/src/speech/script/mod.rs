//! What is to be spoken: SSML or plain text, taken apart into phrases and pauses that any engine can be fed with.
//!
//! It owns no object of the bucket and reads nothing but its arguments. What always holds of a [`Script`]: it has at
//! least one [`Piece::Say`]; every letter and digit of what was sent is in one of its phrases, in order; no phrase has
//! markup, a control character or more than [`PHRASE_LIMIT`] characters; its styles and pauses are within the bounds
//! that are named where they are read. What may never happen: that a text to be spoken is told in an error's cause.

mod clean;
mod json;
mod language;
mod numbers;
mod phrases;
mod pieces;
mod ssml;
mod style;
#[cfg(test)]
mod tests;

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;

pub use json::Texts;
pub use language::Language;
pub use style::Style;

use crate::error::Error;

/// The longest phrase that an engine is given at once, in characters: cancelling is quick, and the first sound early.
pub const PHRASE_LIMIT: usize = 300;

/// The longest title, in characters: what a player shows in a line.
const TITLE_LIMIT: usize = 60;

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
    /// No markup, no control characters, at least one letter or digit.
    pub text: String,
    /// How to speak it.
    pub style: Style,
}

impl Script {
    /// Reads a fragment of SSML 1.1 of at most `limit` characters, text and tags as they were sent. Which elements and
    /// attributes it may have, and how far they reach, is told in `ssml.rs` and `style.rs`.
    ///
    /// # Errors
    /// 400 in the words of the contract: `Too large text (> N characters)`, `Invalid route_text` if it is not
    /// well-formed or has what is not allowed, `No text provided` if it has no letter and no digit.
    pub fn from_ssml(fragment: &str, limit: usize) -> Result<Self, Error> {
        within(limit, [fragment])?;
        Self::read(fragment.to_owned())
    }

    /// Takes each plain text as a paragraph; `limit` is for the characters of all of them, as they were sent.
    ///
    /// # Errors
    /// 400 in the words of the contract: `Too large text (> N characters)`, `Invalid route_text` for a control
    /// character that is no white space, `No text provided` if none has a letter or a digit.
    pub fn from_paragraphs<T: AsRef<str>>(texts: &[T], limit: usize) -> Result<Self, Error> {
        within(limit, texts.iter().map(AsRef::as_ref))?;
        let mut fragment = String::new();
        for text in texts.iter().map(AsRef::as_ref).filter(|text| !text.trim().is_empty()) {
            fragment.push_str("<p>");
            ssml::escape(text, &mut fragment)?;
            fragment.push_str("</p>");
        }
        Self::read(fragment)
    }

    /// All that is spoken, without markup, for telling its language.
    pub fn text(&self) -> String {
        self.phrases().collect::<Vec<_>>().join(" ")
    }

    /// The first words, at most 60 characters.
    pub fn title(&self) -> String {
        let mut title = String::new();
        let mut left = TITLE_LIMIT;
        for word in self.phrases().flat_map(str::split_whitespace) {
            let long = word.chars().count() + usize::from(!title.is_empty());
            if long > left {
                break;
            }
            title.extend((!title.is_empty()).then_some(' '));
            title.push_str(word);
            left -= long;
        }
        // Chinese has no spaces.
        if title.is_empty() { head(self.phrases().next().unwrap_or_default(), TITLE_LIMIT).to_owned() } else { title }
    }

    fn read(ssml: String) -> Result<Self, Error> {
        let pieces = ssml::read(&ssml)?;
        if !pieces.iter().any(|piece| matches!(piece, Piece::Say(_))) {
            return Err(Error::invalid("No text provided"));
        }
        Ok(Self { ssml, pieces })
    }

    fn phrases(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Say(phrase) => Some(phrase.text.as_str()),
            Piece::Pause(_) => None,
        })
    }
}

/// Refuses more than `limit` characters, without counting further than it has to.
fn within<'a>(limit: usize, texts: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
    let mut left = limit;
    for text in texts {
        let more = text.chars().take(left.saturating_add(1)).count();
        left =
            left.checked_sub(more).ok_or_else(|| Error::invalid(format!("Too large text (> {limit} characters)")))?;
    }
    Ok(())
}

/// As many whole grapheme clusters from the start as fit into `limit` characters; characters where the first does not.
fn head(text: &str, limit: usize) -> &str {
    let fitting = text.grapheme_indices(true).scan(0, |used, (at, cluster)| {
        *used += cluster.chars().count();
        (*used <= limit).then_some(at + cluster.len())
    });
    let end = fitting.last().or_else(|| text.char_indices().nth(limit).map(|(at, _)| at));
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}

/// Whether an engine can make sound of it: a letter or a digit.
fn speakable(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}
