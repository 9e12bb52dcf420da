//! The languages of the Cyrillic script.

use whatlang::Lang;

use super::sure;

/// One word in so many has a letter that Russian has not: it is not Russian. (Ukrainian and Kazakh have one in three.)
const FOREIGN: usize = 10;

/// Letters that settle it: the first row of which the text has one.
const LETTERS: [(&[char], &str); 9] = [
    (&['ӣ', 'ӯ', 'ҳ', 'ҷ'], "tg"),
    (&['қ', 'ғ', 'ұ'], "kk"),
    (&['җ', 'ә'], "tt"),
    (&['ң'], "ky"),
    (&['ө', 'ү'], "mn"),
    (&['ѓ', 'ќ', 'ѕ'], "mk"),
    (&['ђ', 'ћ'], "sr"),
    (&['ў'], "be"),
    (&['ї', 'є', 'ґ'], "uk"),
];

/// The language: Russian, unless letters or statistics say another.
pub(super) fn tag(text: &str) -> &'static str {
    let text = text.to_lowercase();
    let words = text.split_whitespace().filter(|word| word.contains(char::is_alphabetic));
    let (foreign, all) = words.fold((0, 0), |(foreign, all), word| (foreign + usize::from(is_foreign(word)), all + 1));
    if foreign > 0 && foreign * FOREIGN >= all { by_letters(&text) } else { russian_or_bulgarian(&text) }
}

/// Whether it has a Cyrillic letter that is not of the Russian alphabet.
fn is_foreign(word: &str) -> bool {
    word.contains(|char| matches!(char, '\u{450}'..='\u{52f}') && char != 'ё')
}

fn by_letters(text: &str) -> &'static str {
    if let Some((_, tag)) = LETTERS.iter().find(|(letters, _)| text.contains(*letters)) {
        return tag;
    }
    match text {
        _ if text.contains('і') => {
            if text.contains(['ы', 'э']) {
                "be"
            } else {
                "uk"
            }
        }
        _ if text.contains(['ј', 'љ', 'њ', 'џ']) => {
            sure(text, &[(Lang::Srp, "sr"), (Lang::Mkd, "mk")]).unwrap_or("sr")
        }
        _ => "ru",
    }
}

fn russian_or_bulgarian(text: &str) -> &'static str {
    if text.contains(['ы', 'э', 'ё']) {
        return "ru";
    }
    sure(text, &[(Lang::Rus, "ru"), (Lang::Bul, "bg")]).unwrap_or("ru")
}
