//! The languages of the Latin script.

use whatlang::{Detector, Lang};

/// How many letters the statistics need.
const LETTERS: usize = 24;

/// How many they need to be believed when they waver between other languages than English (Dutch and Afrikaans).
const MANY_LETTERS: usize = 48;

/// Words of English that are none in the languages below. A long sentence has one of them.
const ENGLISH: &str = "the and with from this that you your our they which where there what has have been were will \
                       would";

/// Those that may be told, their subtags and usual words, one of which has to be there: a sentence has some, an English
/// one full of names has none. Of whatlang's all that have many speakers; it takes short English too often for the rest.
const LANGUAGES: [(Lang, &str, &str); 29] = [
    (Lang::Eng, "en", ""),
    (Lang::Afr, "af", "die en van het is nie in wat vir op"),
    (Lang::Aze, "az", "və bir bu ilə üçün də da"),
    (Lang::Cat, "ca", "de la el i que en els les un una per amb"),
    (Lang::Ces, "cs", "a v se na je že s z do byl jsem o ve"),
    (Lang::Dan, "da", "og i at det er en den til af på som med der"),
    (Lang::Deu, "de", "der die und in das den ist von zu mit ein eine des im dem sie ich nicht auf es wir"),
    (Lang::Epo, "eo", "la de kaj en estas al mi vi ne"),
    (Lang::Est, "et", "ja on ei et see ta oli mis ka"),
    (Lang::Fin, "fi", "ja on ei että se oli hän joka mutta ovat"),
    (Lang::Fra, "fr", "de la le et les des un une est du à dans que en pour il au je vous"),
    (Lang::Hrv, "hr", "i je u se na da su za od"),
    (Lang::Hun, "hu", "a az és egy hogy nem is van ez"),
    (Lang::Ind, "id", "yang dan di ini dengan untuk itu dari pada ke adalah"),
    (Lang::Ita, "it", "di e il la che un una in per del è con al della i le non"),
    (Lang::Lat, "la", "et in est non ad ut cum qui sunt"),
    (Lang::Lav, "lv", "un ir ar no uz ka par bija"),
    (Lang::Lit, "lt", "ir yra kad į su iš buvo tai"),
    (Lang::Nld, "nl", "de het een en van in is dat op te met zijn voor ik niet bij"),
    (Lang::Nob, "nb", "og i det er en på til som av med for at ikke den"),
    (Lang::Pol, "pl", "i w na z się to nie do jest że o po"),
    (Lang::Por, "pt", "de o a e que do da em um uma para os no na com é"),
    (Lang::Ron, "ro", "și de a în la cu un o care este pe din nu"),
    (Lang::Slk, "sk", "a v na sa je že s z do bol som"),
    (Lang::Slv, "sl", "in je v se na da so za z"),
    (Lang::Spa, "es", "de la el y en que los las un una por con del al es"),
    (Lang::Swe, "sv", "och i att det en på är som för med av den till"),
    (Lang::Tur, "tr", "ve bir bu için ile de da çok ne"),
    (Lang::Vie, "vi", "là và của một có này được cho không"),
];

/// The language: English, unless the text is long enough and the statistics are sure of another.
pub(super) fn tag(text: &str) -> &'static str {
    let letters = text.chars().filter(|char| char.is_alphabetic()).count();
    if letters < LETTERS {
        return "en";
    }
    let detector = Detector::with_allowlist(LANGUAGES.iter().map(|(lang, ..)| *lang).collect());
    let Some(detected) = detector.detect(text) else { return "en" };
    let sure = detected.is_reliable() || (letters >= MANY_LETTERS && !has_one_of(text, ENGLISH));
    let found = LANGUAGES.iter().find(|(lang, ..)| *lang == detected.lang());
    found.filter(|(_, _, usual)| sure && has_one_of(text, usual)).map_or("en", |(_, tag, _)| tag)
}

fn has_one_of(text: &str, list: &str) -> bool {
    let mut words = text.split(|char: char| !char.is_alphabetic()).map(str::to_lowercase);
    words.any(|word| list.split(' ').any(|usual| usual == word))
}
