//! Counts the letters of each script (Unicode, Blocks.txt).

/// A script that several languages share, or a language with a script of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Devanagari,
    Of(&'static str),
}

/// First and last letter of a block, what it is, and what one of its letters counts for: an ideograph is a word or half
/// of one, a syllable two or three letters.
const BLOCKS: [(char, char, Script, usize); 36] = [
    ('A', 'z', Script::Latin, 1),
    ('\u{aa}', '\u{24f}', Script::Latin, 1),
    ('\u{1e00}', '\u{1eff}', Script::Latin, 1),
    ('\u{370}', '\u{3ff}', Script::Of("el"), 1),
    ('\u{1f00}', '\u{1fff}', Script::Of("el"), 1),
    ('\u{400}', '\u{52f}', Script::Cyrillic, 1),
    ('\u{531}', '\u{58f}', Script::Of("hy"), 1),
    ('\u{5d0}', '\u{5f2}', Script::Of("he"), 1),
    ('\u{fb1d}', '\u{fb4f}', Script::Of("he"), 1),
    ('\u{620}', '\u{6ff}', Script::Arabic, 1),
    ('\u{750}', '\u{77f}', Script::Arabic, 1),
    ('\u{fb50}', '\u{fdff}', Script::Arabic, 1),
    ('\u{fe70}', '\u{fefc}', Script::Arabic, 1),
    ('\u{900}', '\u{97f}', Script::Devanagari, 1),
    ('\u{980}', '\u{9ff}', Script::Of("bn"), 1),
    ('\u{a00}', '\u{a7f}', Script::Of("pa"), 1),
    ('\u{a80}', '\u{aff}', Script::Of("gu"), 1),
    ('\u{b00}', '\u{b7f}', Script::Of("or"), 1),
    ('\u{b80}', '\u{bff}', Script::Of("ta"), 1),
    ('\u{c00}', '\u{c7f}', Script::Of("te"), 1),
    ('\u{c80}', '\u{cff}', Script::Of("kn"), 1),
    ('\u{d00}', '\u{d7f}', Script::Of("ml"), 1),
    ('\u{d80}', '\u{dff}', Script::Of("si"), 1),
    ('\u{e00}', '\u{e7f}', Script::Of("th"), 1),
    ('\u{e80}', '\u{eff}', Script::Of("lo"), 1),
    ('\u{f00}', '\u{fff}', Script::Of("bo"), 1),
    ('\u{1000}', '\u{109f}', Script::Of("my"), 1),
    ('\u{10a0}', '\u{10ff}', Script::Of("ka"), 1),
    ('\u{1200}', '\u{139f}', Script::Of("am"), 2),
    ('\u{1780}', '\u{17ff}', Script::Of("km"), 1),
    ('\u{3041}', '\u{30ff}', Script::Of("ja"), 2),
    ('\u{3400}', '\u{9fff}', Script::Of("zh"), 3),
    ('\u{f900}', '\u{faff}', Script::Of("zh"), 3),
    ('\u{20000}', '\u{3ffff}', Script::Of("zh"), 3),
    ('\u{1100}', '\u{11ff}', Script::Of("ko"), 1),
    ('\u{ac00}', '\u{d7af}', Script::Of("ko"), 2),
];

/// The script that most of a text is in; the first of `BLOCKS` if it has none.
///
/// Ideographs go with kana, if there is some, however little more than a quoted word: Japanese has both.
pub(super) fn main(text: &str) -> Script {
    let mut counts: Vec<(Script, usize)> = BLOCKS.iter().map(|(_, _, script, _)| (*script, 0)).collect();
    counts.dedup_by_key(|(script, _)| *script);
    for char in text.chars().filter(|char| char.is_alphabetic()) {
        let Some((_, _, script, weight)) = BLOCKS.iter().find(|(from, to, ..)| (*from..=*to).contains(&char)) else {
            continue;
        };
        for (_, count) in counts.iter_mut().filter(|(known, _)| known == script) {
            *count += weight;
        }
    }
    let of = |tag| counts.iter().find(|(script, _)| *script == Script::Of(tag)).map_or(0, |(_, count)| *count);
    let (kana, ideographs) = (of("ja"), of("zh"));
    // A twentieth of the characters, which weigh differently.
    if kana * 30 >= ideographs {
        for (script, count) in &mut counts {
            match script {
                Script::Of("ja") if kana > 0 => *count += ideographs,
                Script::Of("zh") if kana > 0 => *count = 0,
                _ => {}
            }
        }
    }
    // `max_by_key` would take the last of equals.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(Script::Latin, |(script, _)| script)
}
