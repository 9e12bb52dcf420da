//! Text as an engine can read it that knows ASCII only.

/// Latin letters without their marks: each group is read as what stands before it.
const FOLDED: &[(&str, &str)] = &[
    ("a", "àáâãäåāăą"),
    ("A", "ÀÁÂÃÄÅĀĂĄ"),
    ("ae", "æ"),
    ("Ae", "Æ"),
    ("c", "çćĉċč"),
    ("C", "ÇĆĈĊČ"),
    ("d", "ďđð"),
    ("D", "ĎĐÐ"),
    ("e", "èéêëēĕėęě"),
    ("E", "ÈÉÊËĒĔĖĘĚ"),
    ("g", "ĝğġģ"),
    ("G", "ĜĞĠĢ"),
    ("h", "ĥħ"),
    ("H", "ĤĦ"),
    ("i", "ìíîïĩīĭįı"),
    ("I", "ÌÍÎÏĨĪĬĮİ"),
    ("j", "ĵ"),
    ("J", "Ĵ"),
    ("k", "ķ"),
    ("K", "Ķ"),
    ("l", "ĺļľŀł"),
    ("L", "ĹĻĽĿŁ"),
    ("n", "ñńņň"),
    ("N", "ÑŃŅŇ"),
    ("o", "òóôõöøōŏő"),
    ("O", "ÒÓÔÕÖØŌŎŐ"),
    ("oe", "œ"),
    ("Oe", "Œ"),
    ("r", "ŕŗř"),
    ("R", "ŔŖŘ"),
    ("s", "śŝşšș"),
    ("S", "ŚŜŞŠȘ"),
    ("ss", "ß"),
    ("t", "ţťŧț"),
    ("T", "ŢŤŦȚ"),
    ("th", "þ"),
    ("Th", "Þ"),
    ("u", "ùúûüũūŭůűų"),
    ("U", "ÙÚÛÜŨŪŬŮŰŲ"),
    ("w", "ŵ"),
    ("W", "Ŵ"),
    ("y", "ýÿŷ"),
    ("Y", "ÝŸŶ"),
    ("z", "źżž"),
    ("Z", "ŹŻŽ"),
    ("'", "‘’‚‛′´"),
    ("\"", "“”„‟″«»"),
    ("-", "‐‑"),
    (", ", "–—―"),
    ("...", "…"),
    (" euros ", "€"),
    (" pounds ", "£"),
    (" degrees ", "°"),
    (" times ", "×"),
    (" a half ", "½"),
    (" a quarter ", "¼"),
];

/// What can be read of it; a space for what cannot.
pub(super) fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_graphic() || character == ' ' {
            plain.push(character);
            continue;
        }
        let read = FOLDED.iter().find(|(_, group)| group.contains(character));
        plain.push_str(read.map_or(" ", |(read, _)| read));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::ascii;

    #[test]
    fn marks_go_and_letters_stay() {
        assert_eq!(ascii("Café “naïve” — Łódź…"), "Cafe \"naive\" ,  Lodz...");
        assert_eq!(
            ascii("it’s\n5\u{a0}€ мир 世界"),
            "it's 5  euros           ".trim_end_matches(' ').to_owned() + &" ".repeat(8)
        );
    }
}
