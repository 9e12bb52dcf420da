//! Which iteration of the draft a request speaks, and its fields as structured ones (RFC 9651).

use http::{HeaderMap, HeaderName};

use crate::error::{Error, Kind};

const INTEROP: HeaderName = HeaderName::from_static("upload-draft-interop-version");
const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
const INCOMPLETE: HeaderName = HeaderName::from_static("upload-incomplete");

/// Digits of the largest integer of a structured field.
const INTEGER_DIGITS: usize = 15;

/// An interop version: 3-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u8);

impl Version {
    /// The current one.
    pub(super) const CURRENT: Self = Self(8);

    /// What a request speaks; `None` if it does not say, or one that is not known.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let number = integer(headers, &INTEROP)?;
        u8::try_from(number).ok().filter(|number| (3..=8).contains(number)).map(Self)
    }

    /// Whether a request says that it brings the last byte; `None` if it does not say.
    pub(super) fn completes(self, headers: &HeaderMap) -> Option<bool> {
        if self.0 == 3 {
            boolean(headers, &INCOMPLETE).map(|incomplete| !incomplete)
        } else {
            boolean(headers, &COMPLETE)
        }
    }

    /// The field that says whether an upload is complete.
    pub(super) fn completeness(self, complete: bool) -> (HeaderName, &'static str) {
        let word = if complete == (self.0 > 3) { "?1" } else { "?0" };
        (if self.0 == 3 { INCOMPLETE } else { COMPLETE }, word)
    }

    /// Whether an append must have its own content type.
    pub(super) fn has_own_type(self) -> bool {
        self.0 >= 6
    }

    /// The limit that says how long an upload is kept.
    pub(super) fn lifetime(self) -> &'static str {
        if self.is_late() { "max-age" } else { "expires" }
    }

    /// What an upload is that is over.
    pub(super) fn gone(self) -> Kind {
        if self.is_late() { Kind::Gone } else { Kind::NotFound }
    }

    /// Whether it is one of the last two.
    pub(super) fn is_late(self) -> bool {
        self.0 >= 7
    }

    /// 400 where a request has fields that only appends may have; the last two versions say nothing about it.
    pub(super) fn check_plain(self, headers: &HeaderMap) -> Result<(), Error> {
        let own = [super::OFFSET, COMPLETE, INCOMPLETE].into_iter().find(|name| headers.contains_key(name));
        match own.filter(|_| !self.is_late()) {
            Some(name) => Err(Error::invalid(format!("This request must not have {name}."))),
            None => Ok(()),
        }
    }
}

/// Whether a request says anything of this protocol.
pub(super) fn is_spoken(headers: &HeaderMap) -> bool {
    [INTEROP, COMPLETE, INCOMPLETE].iter().any(|name| headers.contains_key(name))
}

/// A field that is a number of bytes; one that is malformed is as good as none.
pub(super) fn integer(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let digits = item(headers, name)?;
    let fits = (1..=INTEGER_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| fits)
}

fn boolean(headers: &HeaderMap, name: &HeaderName) -> Option<bool> {
    match item(headers, name)? {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

/// An item without its parameters.
fn item<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?.to_str().ok()?;
    let item = line.split(';').next().unwrap_or_default();
    lines.next().is_none().then(|| item.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::Version;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn versions_and_their_fields_are_read() {
        let version = |text| Version::of(&headers(&[("upload-draft-interop-version", text)]));
        assert_eq!(version("3"), Some(Version(3)));
        assert_eq!(version(" 8;x=1"), Some(Version::CURRENT));
        for text in ["2", "9", "", "six", "-3", "3.0", "1000000000000000"] {
            assert_eq!(version(text), None, "{text}");
        }
        let complete = |version: u8, name, value| Version(version).completes(&headers(&[(name, value)]));
        assert_eq!(complete(3, "upload-incomplete", "?1"), Some(false));
        assert_eq!(complete(3, "upload-complete", "?1"), None);
        assert_eq!(complete(5, "upload-complete", "?1"), Some(true));
        assert_eq!(complete(8, "upload-complete", "?0"), Some(false));
        assert_eq!(complete(8, "upload-complete", "1"), None);
        assert_eq!(Version(3).completeness(true).1, "?0");
        assert_eq!(Version(5).completeness(true).1, "?1");
        assert_eq!(Version(3).completeness(false).1, "?1");
    }
}
