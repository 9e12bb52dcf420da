//! Collects pieces while a fragment is read: text of one manner until something ends it, pauses.

use std::time::Duration;

use super::style::Style;
use super::{PHRASE_LIMIT, Phrase, Piece, phrases, speakable};

/// The silence between paragraphs.
const PARAGRAPH: Duration = Duration::from_millis(500);

/// The most silence that a script may ask for with `<break>`, all in all.
const SILENCE_LIMIT: Duration = Duration::from_secs(600);

/// A script in the making.
#[derive(Default)]
pub(super) struct Pieces {
    done: Vec<Piece>,
    /// What was read and may go on.
    text: String,
    style: Style,
    /// A paragraph has ended: silence as soon as something else is said.
    ended: bool,
    silence: Duration,
}

impl Pieces {
    /// Goes on with a text.
    pub(super) fn text(&mut self, text: &str, style: Style) {
        if self.style != style {
            self.sentence();
            self.style = style;
        }
        self.text.push_str(text);
    }

    /// Ends a sentence.
    pub(super) fn sentence(&mut self) {
        for phrase in phrases::split(&std::mem::take(&mut self.text)) {
            self.say(phrase);
        }
    }

    /// Ends a paragraph.
    pub(super) fn paragraph(&mut self) {
        self.sentence();
        self.ended = self.done.iter().any(|piece| matches!(piece, Piece::Say(_)));
    }

    /// Adds silence. `None` if there is too much of it.
    pub(super) fn pause(&mut self, time: Duration) -> Option<()> {
        self.sentence();
        self.silence += time;
        if self.silence > SILENCE_LIMIT {
            return None;
        }
        match self.done.last_mut() {
            _ if time.is_zero() => {}
            Some(Piece::Pause(before)) => *before += time,
            _ => self.done.push(Piece::Pause(time)),
        }
        Some(())
    }

    /// All of it.
    pub(super) fn finish(mut self) -> Vec<Piece> {
        self.sentence();
        self.done
    }

    fn say(&mut self, text: String) {
        if !speakable(&text) {
            return self.punctuate(&text);
        }
        if std::mem::take(&mut self.ended) {
            match self.done.last_mut() {
                Some(Piece::Pause(time)) => *time = PARAGRAPH.max(*time),
                _ => self.done.push(Piece::Pause(PARAGRAPH)),
            }
        }
        self.done.push(Piece::Say(Phrase { text, style: self.style }));
    }

    /// Gives marks that stand alone, as after `</emphasis>`, to the phrase before them: an engine would choke on them.
    fn punctuate(&mut self, marks: &str) {
        if let Some(Piece::Say(Phrase { text, .. })) = self.done.last_mut()
            && !self.ended
            && text.chars().count() + marks.chars().count() <= PHRASE_LIMIT
        {
            text.push_str(marks);
        }
    }
}
