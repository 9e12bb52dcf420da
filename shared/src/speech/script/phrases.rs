//! Cuts a text into phrases: at the ends of sentences, where that is not enough at commas, then at spaces, then anywhere.

use unicode_segmentation::UnicodeSegmentation;

use super::{PHRASE_LIMIT, clean, numbers};

/// The shortest sentence that is a phrase of its own, in characters: engines begin and end each with a breath.
const SHORT: usize = 30;

/// Words that end with a point and do not end a sentence, in lower case; those of one letter never do.
const ABBREVIATIONS: [&str; 34] = [
    "mr",
    "mrs",
    "ms",
    "dr",
    "st",
    "prof",
    "rev",
    "gen",
    "col",
    "capt",
    "lt",
    "jr",
    "sr",
    "vs",
    "etc",
    "no",
    "vol",
    "fig",
    "approx",
    "dept",
    "ул",
    "им",
    "см",
    "др",
    "пр",
    "просп",
    "стр",
    "руб",
    "коп",
    "тыс",
    "млн",
    "млрд",
    "гг",
    "св",
];

/// The phrases of a text: no control characters, single spaces, none empty, each at most [`PHRASE_LIMIT`] characters.
///
/// What is spoken longer than it is written counts for more, so that a phrase stays within what an engine holds (1,000
/// phonemes for espeak-ng). A grapheme cluster is cut only if it is longer than a phrase.
pub(super) fn split(text: &str) -> Vec<String> {
    let text = numbers::apart(&clean::heard(text));
    let mut phrases = Vec::new();
    for sentence in sentences(&text) {
        let mut rest = sentence.trim();
        while !rest.is_empty() {
            let (phrase, after) = rest.split_at(cut(rest));
            phrases.push(phrase.trim_end().to_owned());
            rest = after.trim_start();
        }
    }
    phrases
}

/// Sentences (UAX #29), the short ones together with what follows.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (at, sentence) in text.split_sentence_bound_indices() {
        let more = weigh(sentence);
        let whole = text.get(start..at).unwrap_or_default();
        if at > start && (size + more > PHRASE_LIMIT || (size >= SHORT && !is_abbreviated(whole))) {
            sentences.push(whole);
            (start, size) = (at, 0);
        }
        size += more;
    }
    sentences.extend(text.get(start..));
    sentences
}

fn is_abbreviated(sentence: &str) -> bool {
    let Some(sentence) = sentence.trim_end().strip_suffix('.') else { return false };
    let word = sentence.rsplit(|char: char| !char.is_alphanumeric()).next().unwrap_or_default();
    // Nothing above is longer.
    let word: String = word.chars().take(8).flat_map(char::to_lowercase).collect();
    (word.chars().count() == 1 && word.contains(char::is_alphabetic)) || ABBREVIATIONS.contains(&word.as_str())
}

/// Where the first phrase of a text ends.
fn cut(text: &str) -> usize {
    let (mut size, mut comma, mut space, mut end) = (0, 0, 0, 0);
    let mut marked = false;
    for (at, cluster) in text.grapheme_indices(true) {
        if cluster == " " {
            space = at;
            comma = if marked { at } else { comma };
        }
        size += weigh(cluster);
        if size > PHRASE_LIMIT {
            return [comma, space, end].into_iter().find(|cut| *cut > 0).unwrap_or_else(|| first(text));
        }
        end = at + cluster.len();
        // Not right at the start: a phrase of one word saves nothing.
        let far = size > PHRASE_LIMIT / 4;
        marked = far && cluster.ends_with([',', ';', ':', '—', '–', '،', '؛']);
        if far && cluster.ends_with(['，', '、', '；', '：', '。', '！', '？']) {
            comma = end;
        }
    }
    text.len()
}

/// Where a cluster that is longer than a phrase is cut.
fn first(text: &str) -> usize {
    text.char_indices().nth(PHRASE_LIMIT / 4).map_or(text.len(), |(at, _)| at)
}

/// How much is spoken, in characters of a word.
fn weigh(text: &str) -> usize {
    text.chars().map(weight).sum()
}

fn weight(char: char) -> usize {
    match char {
        '0'..='9' => 4,
        // A syllable or a word each: kana, ideographs, Hangul.
        '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => 2,
        _ => 1,
    }
}
