//! Whatever is sent: nothing panics, no word is lost, every bound holds.

use proptest::prelude::*;

use super::super::{Language, PHRASE_LIMIT, Piece, Script};

/// The letters and digits of a text.
fn heard(text: &str) -> String {
    text.chars().filter(|char| char.is_alphanumeric()).collect()
}

/// Texts of what is hard: numbers, spaces of all kinds, marks, scripts, what is not seen, clusters, markup.
fn hard() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[0-9]{1,25}",
        "[ \u{a0}\u{202f}\n]{1,2}",
        "[.,;:!?()&<>/-]{1,2}",
        "[a-zA-Z]{1,70}",
        "[а-яё]{1,9}",
        "[一-龥、。]{1,30}",
        "[\u{301}\u{200d}\u{ad}\u{202e}\u{1f468}\u{fe0f}]{1,9}",
        "[ก-ฮ]{1,20}",
        "[ا-ي؟]{1,9}",
        "\\PC{1,5}",
    ];
    prop::collection::vec(parts, 1..80).prop_map(|parts| parts.concat())
}

/// Fragments that are nearly always well-formed.
fn fragments() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[a-zа-я0-9 ,.]{0,40}",
        1 => Just("<break time='100ms'/>".to_owned()),
        1 => Just("&amp;".to_owned()),
        1 => Just("<!-- - -->".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let tags = prop_oneof![
            Just(("<p>", "</p>")),
            Just(("<s>", "</s>")),
            Just(("<emphasis>", "</emphasis>")),
            Just(("<![CDATA[", "]]>")),
            Just(("<prosody rate='fast' pitch='+3st' volume='-3dB'>", "</prosody>")),
            Just(("<p>", "</s>")),
        ];
        (tags, prop::collection::vec(inner, 1..5))
            .prop_map(|((open, close), parts)| format!("{open}{}{close}", parts.concat()))
    })
}

/// What always holds of a script.
fn check(script: &Script) -> Result<(), TestCaseError> {
    prop_assert!(script.pieces.iter().any(|piece| matches!(piece, Piece::Say(_))));
    for piece in &script.pieces {
        match piece {
            Piece::Pause(time) => prop_assert!(time.as_millis() > 0 && time.as_secs() <= 601),
            Piece::Say(phrase) => {
                let text = &phrase.text;
                prop_assert!(text.chars().count() <= PHRASE_LIMIT, "{}", text);
                prop_assert!(
                    text.trim() == text && !text.contains("  ") && !text.contains(char::is_control),
                    "{:?}",
                    text
                );
                prop_assert!(!heard(text).is_empty(), "{:?}", text);
                let style = phrase.style;
                prop_assert!((0.25..=4.0).contains(&style.rate) && (0.5..=2.0).contains(&style.pitch));
                prop_assert!((0.0..=4.0).contains(&style.volume));
            }
        }
    }
    let title = script.title();
    prop_assert!(!title.is_empty() && title.chars().count() <= 60);
    prop_assert!(Language::of_tag(Language::of_text(&script.text()).tag()).is_some());
    prop_assert_eq!(&Script::from_ssml(&script.ssml, usize::MAX).unwrap(), script);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn paragraphs_keep_their_words(texts in prop::collection::vec(hard(), 1..4)) {
        match Script::from_paragraphs(&texts, 1_000_000) {
            Ok(script) => {
                prop_assert_eq!(heard(&script.text()), heard(&texts.concat()));
                check(&script)?;
            }
            Err(error) => prop_assert!(heard(&texts.concat()).is_empty() || error.message() == "Invalid route_text"),
        }
    }

    #[test]
    fn fragments_keep_their_bounds(fragment in fragments()) {
        if let Ok(script) = Script::from_ssml(&fragment, 100_000) {
            check(&script)?;
        }
    }

    #[test]
    fn nothing_panics(text in "(?s).{0,200}", xml in "[<>/ps &;'\"=!\\-\\[\\]#x0-9a]{0,60}") {
        for text in [&text, &xml] {
            if let Ok(script) = Script::from_ssml(text, 10_000) {
                check(&script)?;
            }
            let _ = Script::from_paragraphs(&[text], 10_000);
            let _ = Language::of_tag(text);
            let _ = Language::of_text(text);
        }
    }
}
