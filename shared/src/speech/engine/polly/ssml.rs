//! SSML as Polly takes it ("Supported SSML tags"), made again from a script's pieces.

use std::fmt::Write as _;
use std::time::Duration;

use quick_xml::escape::escape;

use crate::config::PollyKind;
use crate::speech::script::{Phrase, Piece};

/// The most characters of one call, without its tags and with them.
const BILLED_LIMIT: usize = 3000;
/// See [`BILLED_LIMIT`].
const MARKUP_LIMIT: usize = 6000;

/// What is around every document.
const FRAME: (&str, &str) = ("<speak>", "</speak>");

/// The longest pause that one tag may ask for.
const PAUSE_LIMIT: Duration = Duration::from_secs(10);

/// How few characters the first call has at least: the sooner there is sound.
const FIRST: usize = 200;

/// The script as documents, each of which is one call.
pub(super) fn documents(pieces: &[Piece], speed: f32, kind: PollyKind) -> Vec<String> {
    let (mut documents, mut content, mut markup, mut billed) = (Vec::new(), String::new(), 0, 0);
    for (text, cost) in pieces.iter().flat_map(|piece| tags(piece, speed, kind)) {
        let length = text.chars().count();
        let full = billed + cost > BILLED_LIMIT || markup + length > MARKUP_LIMIT - FRAME.0.len() - FRAME.1.len();
        if full || (documents.is_empty() && billed >= FIRST) {
            documents.push(framed(&std::mem::take(&mut content)));
            (markup, billed) = (0, 0);
        }
        content.push_str(&text);
        (markup, billed) = (markup + length, billed + cost);
    }
    if !content.is_empty() {
        documents.push(framed(&content));
    }
    documents
}

fn framed(content: &str) -> String {
    format!("{}{content}{}", FRAME.0, FRAME.1)
}

/// A piece as text with tags, and how many characters of it are billed.
fn tags(piece: &Piece, speed: f32, kind: PollyKind) -> Vec<(String, usize)> {
    match piece {
        Piece::Say(phrase) => vec![(say(phrase, speed, kind), phrase.text.chars().count())],
        Piece::Pause(length) => {
            let (mut breaks, mut left) = (Vec::new(), *length);
            while !left.is_zero() {
                let now = left.min(PAUSE_LIMIT);
                breaks.push((format!("<break time=\"{}ms\"/>", now.as_millis()), 0));
                left -= now;
            }
            breaks
        }
    }
}

fn say(phrase: &Phrase, speed: f32, kind: PollyKind) -> String {
    let style = phrase.style;
    let mut attributes = String::new();
    // Writing to a string cannot fail.
    let rate = (style.rate * speed * 100.0).clamp(20.0, 200.0);
    if (rate - 100.0).abs() >= 1.0 {
        let _ = write!(attributes, " rate=\"{rate:.0}%\"");
    }
    let pitch = (style.pitch * 100.0 - 100.0).clamp(-33.0, 50.0);
    // A neural voice refuses it.
    if kind == PollyKind::Standard && pitch.abs() >= 1.0 {
        let _ = write!(attributes, " pitch=\"{pitch:+.0}%\"");
    }
    if style.volume <= 0.0 {
        attributes.push_str(" volume=\"silent\"");
    } else if style.volume != 1.0 {
        let _ = write!(attributes, " volume=\"{:+.1}dB\"", (20.0 * style.volume.log10()).clamp(-40.0, 4.0));
    }
    // The space keeps words of two phrases apart.
    let text = escape(&phrase.text);
    if attributes.is_empty() { format!("{text} ") } else { format!("<prosody{attributes}>{text}</prosody> ") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{documents, tags};
    use crate::config::PollyKind;
    use crate::speech::script::{Phrase, Piece, Style};

    fn say(text: &str, style: Style) -> Piece {
        Piece::Say(Phrase { text: text.to_owned(), style })
    }

    #[test]
    fn style_and_pauses_become_tags() {
        let style = Style { rate: 1.5, pitch: 0.9, volume: 0.5 };
        let pieces = [say("a < b & 'c'", style), Piece::Pause(Duration::from_secs(12)), say("d", Style::default())];
        let standard = documents(&pieces, 1.0, PollyKind::Standard);
        assert_eq!(
            standard,
            ["<speak><prosody rate=\"150%\" pitch=\"-10%\" volume=\"-6.0dB\">a &lt; b &amp; &apos;c&apos;</prosody> \
              <break time=\"10000ms\"/><break time=\"2000ms\"/>d </speak>"]
        );
        assert!(!documents(&pieces, 1.0, PollyKind::Neural)[0].contains("pitch"));
        assert!(documents(&pieces, 2.0, PollyKind::Neural)[0].contains("<prosody rate=\"200%\">d</prosody>"));
    }

    #[test]
    fn no_call_is_longer_than_polly_takes() {
        for text in ["&".repeat(300), "word ".repeat(60)] {
            let pieces = vec![say(&text, Style { rate: 1.2, pitch: 1.1, volume: 1.1 }); 40];
            let documents = documents(&pieces, 1.0, PollyKind::Standard);
            assert!(documents.iter().all(|document| document.chars().count() <= 6000));
            let spoken: usize = documents.iter().map(|document| document.matches("</prosody>").count()).sum();
            assert_eq!(spoken, 40);
            assert!(documents.iter().all(|document| document.matches("</prosody>").count() <= 10));
            assert!(documents[0].len() < documents[1].len(), "the first sound comes early");
        }
        assert!(tags(&Piece::Pause(Duration::ZERO), 1.0, PollyKind::Standard).is_empty());
    }
}
