//! Character sets and their collations (MySQL reference manual, "Supported Character Sets and Collations"): those that both
//! MySQL 8 and MariaDB 10.11 have, and MySQL's own of Unicode 9.0.
//!
//! `utf8` is an alias that MySQL 9 refuses at its start. It means utf8mb3 here, under whichever name it comes.

use crate::error::Error;

/// A character set that a server may be given.
#[derive(Debug)]
pub struct Charset {
    /// Its name.
    pub name: &'static str,
    /// What follows its name and an underscore in the names of its collations, the default one first.
    pub collations: &'static [&'static str],
}

/// Of Unicode, in versions 4.0 and 5.2.
const UNICODE: [&str; 26] = [
    "general_ci",
    "bin",
    "unicode_ci",
    "unicode_520_ci",
    "croatian_ci",
    "czech_ci",
    "danish_ci",
    "esperanto_ci",
    "estonian_ci",
    "german2_ci",
    "hungarian_ci",
    "icelandic_ci",
    "latvian_ci",
    "lithuanian_ci",
    "persian_ci",
    "polish_ci",
    "roman_ci",
    "romanian_ci",
    "sinhala_ci",
    "slovak_ci",
    "slovenian_ci",
    "spanish2_ci",
    "spanish_ci",
    "swedish_ci",
    "turkish_ci",
    "vietnamese_ci",
];

/// Of Unicode 9.0: MySQL 8 and later.
const UNICODE_9: [&str; 6] = ["0900_ai_ci", "0900_as_ci", "0900_as_cs", "0900_bin", "zh_0900_as_cs", "ru_0900_ai_ci"];

/// Every character set that may be asked for.
pub const CHARSETS: &[Charset] = &[
    Charset { name: "utf8mb4", collations: &UNICODE },
    Charset { name: "utf8mb3", collations: &UNICODE },
    Charset { name: "ascii", collations: &["general_ci", "bin"] },
    Charset { name: "big5", collations: &["chinese_ci", "bin"] },
    Charset { name: "binary", collations: &[] },
    Charset { name: "cp1250", collations: &["general_ci", "bin", "croatian_ci", "czech_cs", "polish_ci"] },
    Charset { name: "cp1251", collations: &["general_ci", "bin", "general_cs", "bulgarian_ci", "ukrainian_ci"] },
    Charset { name: "cp1256", collations: &["general_ci", "bin"] },
    Charset { name: "cp1257", collations: &["general_ci", "bin", "lithuanian_ci"] },
    Charset { name: "cp850", collations: &["general_ci", "bin"] },
    Charset { name: "cp866", collations: &["general_ci", "bin"] },
    Charset { name: "cp932", collations: &["japanese_ci", "bin"] },
    Charset { name: "eucjpms", collations: &["japanese_ci", "bin"] },
    Charset { name: "euckr", collations: &["korean_ci", "bin"] },
    Charset { name: "gb2312", collations: &["chinese_ci", "bin"] },
    Charset { name: "gbk", collations: &["chinese_ci", "bin"] },
    Charset { name: "greek", collations: &["general_ci", "bin"] },
    Charset { name: "hebrew", collations: &["general_ci", "bin"] },
    Charset { name: "koi8r", collations: &["general_ci", "bin"] },
    Charset { name: "koi8u", collations: &["general_ci", "bin"] },
    Charset {
        name: "latin1",
        collations: &[
            "swedish_ci",
            "bin",
            "danish_ci",
            "general_ci",
            "general_cs",
            "german1_ci",
            "german2_ci",
            "spanish_ci",
        ],
    },
    Charset { name: "latin2", collations: &["general_ci", "bin", "croatian_ci", "czech_cs", "hungarian_ci"] },
    Charset { name: "latin5", collations: &["turkish_ci", "bin"] },
    Charset { name: "latin7", collations: &["general_ci", "bin", "estonian_cs", "general_cs"] },
    Charset { name: "sjis", collations: &["japanese_ci", "bin"] },
    Charset { name: "tis620", collations: &["thai_ci", "bin"] },
    Charset { name: "ujis", collations: &["japanese_ci", "bin"] },
];

/// A character set and a collation as servers know them; without a collation, the character set's default one.
///
/// # Errors
/// 400 if either is not known, or if they do not belong together.
pub(super) fn pair(charset: &str, collation: Option<&str>) -> Result<(String, String), Error> {
    let name = if charset == "utf8" { "utf8mb3" } else { charset };
    let charset = CHARSETS.iter().find(|known| known.name == name);
    let charset = charset.ok_or_else(|| Error::invalid("The charset is not known"))?;
    // A set without collations is its own.
    let default = || match charset.collations.first() {
        Some(first) => format!("{name}_{first}"),
        None => name.to_owned(),
    };
    let Some(collation) = collation else { return Ok((name.to_owned(), default())) };
    let ending = collation.strip_prefix("utf8_").filter(|_| name == "utf8mb3");
    let ending = ending.or_else(|| collation.strip_prefix(name)?.strip_prefix('_'));
    let known = ending
        .filter(|ending| charset.collations.contains(ending) || (name == "utf8mb4" && UNICODE_9.contains(ending)));
    match known {
        Some(ending) => Ok((name.to_owned(), format!("{name}_{ending}"))),
        None if collation == name && charset.collations.is_empty() => Ok((name.to_owned(), default())),
        None => Err(Error::invalid("The collation is not known, or not one of the charset")),
    }
}
