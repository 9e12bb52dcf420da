//! Which language a reader gets: the one chosen on a page, else the best of what the browser asks for.

use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, COOKIE};

/// The query parameter that chooses a language, and the cookie that remembers the choice.
pub(super) const CHOICE: &str = "lang";

/// How many ranges of `Accept-Language` are looked at; browsers send fewer than ten.
const RANGES_LIMIT: usize = 32;

/// A language that every page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Russian,
    Chinese,
}

impl Language {
    /// In the order in which they are offered.
    pub(super) const ALL: [Self; 3] = [Self::English, Self::Russian, Self::Chinese];

    /// Its primary subtag (RFC 5646).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
            Self::Chinese => "zh",
        }
    }

    /// What its speakers call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Russian => "Русский",
            Self::Chinese => "中文",
        }
    }

    /// The language of a tag, as a page's links and the cookie have it.
    pub(super) fn tagged(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The language of a request in which none was chosen.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        remembered(headers).unwrap_or_else(|| accepted(headers))
    }
}

/// The choice that the cookie remembers.
fn remembered(headers: &HeaderMap) -> Option<Language> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| Language::tagged(value).filter(|_| name == CHOICE))
}

/// The language of the highest weight (RFC 9110, 12.5.4), English if none is acceptable. Among equals the one named
/// first wins, as browsers mean it.
fn accepted(headers: &HeaderMap) -> Language {
    let values = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(&str, f32)> = values.flat_map(|value| value.split(',')).take(RANGES_LIMIT).map(range).collect();
    let rank = |language: Language| {
        let named = ranges.iter().enumerate().filter(|(_, (tag, _))| tag.eq_ignore_ascii_case(language.tag()));
        let best = named.reduce(|best, next| if next.1.1 > best.1.1 { next } else { best });
        let any = || ranges.iter().find(|(tag, _)| *tag == "*").map(|(_, weight)| (*weight, RANGES_LIMIT));
        best.map(|(at, (_, weight))| (*weight, at)).or_else(any).filter(|(weight, _)| *weight > 0.0)
    };
    let acceptable = Language::ALL.into_iter().filter_map(|language| Some((rank(language)?, language)));
    let better = |one: &(f32, usize), other: &(f32, usize)| one.0 > other.0 || one.0 == other.0 && one.1 < other.1;
    let best = acceptable.reduce(|best, next| if better(&next.0, &best.0) { next } else { best });
    best.map_or(Language::English, |(_, language)| language)
}

/// The primary subtag of a language range, and its weight; what is malformed has none.
fn range(text: &str) -> (&str, f32) {
    let mut fields = text.split(';').map(str::trim);
    let tag = fields.next().unwrap_or_default();
    let weight = fields.find_map(|field| field.strip_prefix("q=").or_else(|| field.strip_prefix("Q=")));
    let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
    let primary = tag.split('-').next().unwrap_or_default();
    (primary, if (0.0..=1.0).contains(&weight) { weight } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT_LANGUAGE, COOKIE};
    use http::{HeaderMap, HeaderValue};

    use super::Language;

    fn of(accept: &str, cookie: Option<&str>) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        if let Some(cookie) = cookie {
            headers.insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        Language::of(&headers).tag()
    }

    #[test]
    fn the_highest_weight_wins() {
        for (accept, tag) in [
            ("", "en"),
            ("ru", "ru"),
            ("RU-ru,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"),
            ("de, en;q=0.3, zh-Hans-CN;q=0.8", "zh"),
            ("en;q=0.5, ru;q=0.5", "en"),
            ("ru;q=0.5, en;q=0.5", "ru"),
            ("fr, *;q=0.5", "en"),
            ("en;q=0.1, *;q=0.5", "ru"),
            ("en;q=0, ru;q=0, *", "zh"),
            ("zh-TW;q=0.2, en;q=0.4, zh;q=0.6", "zh"),
            ("ru;q=0", "en"),
            ("ru;q=2, zh;q=0.001", "zh"),
            ("ru;q=nan, zh;q=x", "en"),
            ("fr, de", "en"),
            (";;;,,,q=1", "en"),
            ("russian", "en"),
        ] {
            assert_eq!(of(accept, None), tag, "{accept:?}");
        }
    }

    #[test]
    fn a_choice_outweighs_what_the_browser_asks_for() {
        assert_eq!(of("ru", Some("a=b; lang=zh; lang=en")), "zh");
        assert_eq!(of("ru", Some("lang=xx")), "ru");
        assert_eq!(of("ru", Some("slang=zh; lang=\"zh\"")), "ru");
    }
}
