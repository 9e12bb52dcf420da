//! Which language a text is in: by its script, and where languages share one, by letters and by statistics.
//!
//! A wrong guess is worse than a dull one, because a voice for another language cannot be understood: a shared script is
//! its most usual language (Latin English, Cyrillic Russian) unless there is good reason.

mod cyrillic;
mod latin;
mod scripts;

use scripts::Script;
use whatlang::{Detector, Lang};

/// The longest tag that is read, in characters: RFC 5646, section 4.4.1.
const TAG_LIMIT: usize = 35;

/// How much of a text is looked at, in characters.
const TEXT_LIMIT: usize = 10_000;

/// A language: the primary subtag of BCP 47, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Language(String);

impl Language {
    /// Reads a tag as `en`, `en-US` or `zh_CN`; `None` if it is none: two or three letters first, then subtags of one to
    /// eight letters and digits, 35 characters in all.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let mut subtags = tag.split(['-', '_']);
        let primary = subtags.next().filter(|primary| matches!(primary.len(), 2..=3))?;
        let sound = tag.len() <= TAG_LIMIT
            && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
            && subtags.all(|tag| matches!(tag.len(), 1..=8) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        sound.then(|| Self(primary.to_ascii_lowercase()))
    }

    /// Tells the language of a text, of which the first 10,000 characters are looked at. English if it has no letters.
    pub fn of_text(text: &str) -> Self {
        let text: String = text.chars().take(TEXT_LIMIT).collect();
        Self(tag_of(&text).to_owned())
    }

    /// The subtag.
    pub fn tag(&self) -> &str {
        &self.0
    }
}

fn tag_of(text: &str) -> &'static str {
    match scripts::main(text) {
        Script::Latin => latin::tag(text),
        Script::Cyrillic => cyrillic::tag(text),
        Script::Arabic => arabic(text),
        Script::Devanagari => sure(text, &[(Lang::Hin, "hi"), (Lang::Mar, "mr"), (Lang::Nep, "ne")]).unwrap_or("hi"),
        Script::Of(tag) => tag,
    }
}

/// Urdu and Persian have letters that Arabic has not.
fn arabic(text: &str) -> &'static str {
    if text.contains(['ٹ', 'ڈ', 'ڑ', 'ں', 'ے', 'ھ']) {
        "ur"
    } else if text.contains(['پ', 'چ', 'ژ', 'گ']) {
        "fa"
    } else {
        "ar"
    }
}

/// The language, of some, that the statistics are sure of.
fn sure(text: &str, of: &[(Lang, &'static str)]) -> Option<&'static str> {
    let detected = Detector::with_allowlist(of.iter().map(|(lang, _)| *lang).collect()).detect(text)?;
    of.iter().find(|(lang, _)| detected.is_reliable() && *lang == detected.lang()).map(|(_, tag)| *tag)
}
