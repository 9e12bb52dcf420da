//! espeak-ng: the voices of its release 1.51 (`espeak-ng --voices`).

/// What to install, in Debian's words.
pub(super) const INSTALL: &str = "the package espeak-ng";

/// How it is called: it reads its standard input to the end, and writes WAV of an open length.
pub(super) const COMMAND: &[&str] =
    &["espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", "{voice}", "-s", "{wpm}", "-p", "{pitch}", "-a", "{volume}"];

/// Languages whose voice has their name.
const NAMED_ALIKE: &str = "af am an ar as az ba be bg bn bpy bs ca chr cs cv cy da de el eo et eu fa fi ga gd gn grc gu \
    haw he hi hr ht hu hy hyw ia id io is it ja jbo ka kk kl kn ko kok ku ky la lb lfn lt ltg lv mi mk ml mr ms mt my \
    nb nci ne nl nog om or pa pap pl qu quc ro sd shn si sk sl smj sq sr sv sw ta te th tk tn tr tt ug uk ur uz yue";

/// The others, and languages with several voices; the default one first. `cmn` would read Chinese characters by way of
/// their pinyin as English; Hakka is not here because its characters would be read as "Chinese letter".
const NAMED_OTHERWISE: &[(&str, &str)] = &[
    ("en", "en-us en-gb en-gb-x-rp en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-us-nyc en-029"),
    ("es", "es es-419"),
    ("fa", "fa-latn"),
    ("fr", "fr-fr fr-be fr-ch"),
    ("no", "nb"),
    ("pt", "pt pt-br"),
    ("ru", "ru ru-lv"),
    ("vi", "vi vi-vn-x-central vi-vn-x-south"),
    ("zh", "cmn-latn-pinyin"),
    ("cmn", "cmn-latn-pinyin"),
];

/// Language and voice; of one language the default voice first.
pub(super) fn voices() -> Vec<(String, String)> {
    let alike = NAMED_ALIKE.split_whitespace().map(|name| (name, name));
    let otherwise = NAMED_OTHERWISE
        .iter()
        .flat_map(|(language, voices)| voices.split_whitespace().map(move |voice| (*language, voice)));
    alike.chain(otherwise).map(|(language, voice)| (language.to_owned(), voice.to_owned())).collect()
}
