//! Takes out of a text what nobody can hear: characters that only steer how it is shown.

/// The longest run of letters and digits that is taken for one word: engines lose the end of what they have to spell,
/// and no word of a language that has spaces is as long.
const WORD_LIMIT: usize = 50;

/// The scripts that put spaces between words, as far as they have letters here: Latin, Greek, Cyrillic.
const SPACED: char = '\u{530}';

/// The text without what is not seen, and with a space in words that are none. White space stays as it is.
pub(super) fn heard(text: &str) -> String {
    let mut heard = String::with_capacity(text.len());
    let mut word = 0;
    for char in text.chars().filter(|char| !char.is_control() || char.is_whitespace()) {
        if is_invisible(char) && !(is_joiner(char) && heard.ends_with(is_joined)) {
            continue;
        }
        word = if char.is_alphanumeric() && char < SPACED { word + 1 } else { 0 };
        if word > WORD_LIMIT {
            heard.push(' ');
            word = 1;
        }
        heard.push(char);
    }
    heard
}

/// Soft hyphens, zero widths, marks of direction, variation selectors, tags.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}')
}

/// A letter whose word is another one without the joiner: Arabic (as Persian writes it) and the scripts of India.
fn is_joined(char: char) -> bool {
    matches!(char, '\u{600}'..='\u{6ff}' | '\u{900}'..='\u{dff}')
}
