//! Conditional and range requests (RFC 9110, sections 13 and 14), the same for everything we serve.

use std::borrow::Cow;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::body::{self, Body};
use crate::error::{Error, Kind};

/// The most ranges a `Range` header may name before it is refused (RFC 9110, 14.2, on abuse).
const RANGES_LIMIT: usize = 16;

/// What is served: enough to answer conditions and ranges before a byte of it is read.
pub struct Representation {
    /// A strong entity tag, with its quotes.
    pub etag: String,
    /// Last modification, to the second.
    pub modified: SystemTime,
    /// Bytes in all.
    pub length: u64,
    /// Whether parts of it may be asked for.
    pub ranges: bool,
    /// Whether an unchanged date means unchanged bytes. It does not where something may vanish without a
    /// trace in the date; only the entity tag is compared then.
    pub dated: bool,
}

/// What to send of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200
    Whole,
    /// 206, these bytes.
    Part(Range<u64>),
    /// 304
    NotModified,
}

impl Representation {
    /// Decides what a request gets: 304, the whole, a part, or the error 412 or 416.
    ///
    /// A range counts for GET alone (RFC 9110, 14.2).
    pub fn answer(&self, method: &Method, headers: &HeaderMap) -> Result<Answer, Error> {
        self.check_preconditions(headers)?;
        if self.is_unmodified(headers) {
            return Ok(Answer::NotModified);
        }
        let counts = method == Method::GET && self.ranges && self.if_range_holds(headers);
        let Some(asked) = text(headers, RANGE).filter(|_| counts) else { return Ok(Answer::Whole) };
        match parse(&asked, self.length) {
            Parsed::Ignored => Ok(Answer::Whole),
            Parsed::Bytes(range) => Ok(Answer::Part(range)),
            Parsed::Refused(why) => Err(self.refuse_range(why)),
        }
    }

    /// The response with validators and lengths set; `content` makes the body for the given bytes.
    /// The caller adds the content type.
    pub fn respond(&self, answer: Answer, content: impl FnOnce(Range<u64>) -> Body) -> Response<Body> {
        let (status, body, length) = match &answer {
            Answer::Whole => (StatusCode::OK, content(0..self.length), Some(self.length)),
            Answer::Part(range) => (StatusCode::PARTIAL_CONTENT, content(range.clone()), Some(range.end - range.start)),
            Answer::NotModified => (StatusCode::NOT_MODIFIED, body::empty(), None),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        insert(headers, ETAG, &self.etag);
        insert(headers, LAST_MODIFIED, &httpdate::fmt_http_date(self.modified));
        insert(headers, ACCEPT_RANGES, if self.ranges { "bytes" } else { "none" });
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        if let Answer::Part(range) = answer {
            insert(headers, CONTENT_RANGE, &format!("bytes {}-{}/{}", range.start, range.end - 1, self.length));
        }
        response
    }

    fn check_preconditions(&self, headers: &HeaderMap) -> Result<(), Error> {
        let holds = match text(headers, IF_MATCH) {
            Some(tags) => tags.trim() == "*" || list(&tags).any(|tag| tag == self.etag),
            None if headers.contains_key(IF_MATCH) => false,
            None => date(headers, IF_UNMODIFIED_SINCE).is_none_or(|since| self.modified_second() <= since),
        };
        if holds { Ok(()) } else { Err(Error::new(Kind::PreconditionFailed, "It has changed since.")) }
    }

    /// Whether the client has it already: `If-None-Match`, else `If-Modified-Since` (RFC 9110, 13.1.2 and 13.1.3).
    pub fn is_unmodified(&self, headers: &HeaderMap) -> bool {
        match text(headers, IF_NONE_MATCH) {
            Some(tags) => {
                let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag) == self.etag;
                list(&tags).any(|tag| tag == "*" || opaque(tag))
            }
            None => self.dated && date(headers, IF_MODIFIED_SINCE).is_some_and(|since| self.modified_second() <= since),
        }
    }

    /// RFC 9110, 13.1.5: only a strong tag or the exact date keeps the range alive.
    fn if_range_holds(&self, headers: &HeaderMap) -> bool {
        match text(headers, IF_RANGE) {
            None => !headers.contains_key(IF_RANGE),
            Some(tag) if tag.contains('"') => tag.trim() == self.etag,
            Some(_) => self.dated && date(headers, IF_RANGE) == Some(self.modified_second()),
        }
    }

    fn refuse_range(&self, why: &'static str) -> Error {
        let error = Error::new(Kind::RangeNotSatisfiable, why);
        match HeaderValue::try_from(format!("bytes */{}", self.length)) {
            Ok(value) => error.with_header(CONTENT_RANGE, value),
            Err(_) => error,
        }
    }

    /// HTTP dates hold whole seconds.
    fn modified_second(&self) -> SystemTime {
        let since = self.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    /// Another unit, or several ranges: the whole is a correct answer to both (RFC 9110, 14.2).
    Ignored,
    Bytes(Range<u64>),
    Refused(&'static str),
}

fn parse(header: &str, length: u64) -> Parsed {
    let Some((unit, set)) = header.split_once('=') else {
        return Parsed::Refused("The Range header is malformed.");
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Parsed::Ignored;
    }
    let mut specs = set.split(',').map(str::trim);
    let (Some(spec), rest) = (specs.next(), specs.count()) else {
        return Parsed::Refused("The Range header is malformed.");
    };
    if rest >= RANGES_LIMIT {
        return Parsed::Refused("Too many ranges.");
    }
    if rest > 0 {
        return Parsed::Ignored;
    }
    match one(spec, length) {
        None => Parsed::Refused("The Range header is malformed."),
        Some(range) if range.is_empty() => Parsed::Refused("The range is past the end."),
        Some(range) => Parsed::Bytes(range),
    }
}

/// `first-last`, `first-` or `-suffix`; empty when it lies past the end.
fn one(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(length.saturating_sub(suffix)..length);
    }
    let first = number(first)?;
    let end = if last.is_empty() { length } else { number(last)?.saturating_add(1) };
    if !last.is_empty() && end <= first {
        return None;
    }
    Some(first.min(length)..end.min(length))
}

/// Digits only; more than fits is as good as the largest.
fn number(digits: &str) -> Option<u64> {
    let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    decimal.then(|| digits.parse().unwrap_or(u64::MAX - 1))
}

/// The lines of a header as one (RFC 9110, 5.3); `None` if there is none, or one that is not text.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    let mut lines = headers.get_all(name).iter().map(|line| line.to_str().ok());
    let first = lines.next()??;
    lines.try_fold(Cow::Borrowed(first), |all, line| Some(format!("{all}, {}", line?).into()))
}

fn list(tags: &str) -> impl Iterator<Item = &str> {
    tags.split(',').map(str::trim)
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(&text(headers, name)?).ok()
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Entity tags, dates and numbers are always valid header values.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Parsed, parse};

    #[test]
    fn ranges_as_rfc_9110_reads_them() {
        assert_eq!(parse("bytes=0-0", 10), Parsed::Bytes(0..1));
        assert_eq!(parse("bytes=3-", 10), Parsed::Bytes(3..10));
        assert_eq!(parse("bytes=-3", 10), Parsed::Bytes(7..10));
        assert_eq!(parse("bytes=-30", 10), Parsed::Bytes(0..10));
        assert_eq!(parse("bytes=9-99999999999999999999999", 10), Parsed::Bytes(9..10));
        assert_eq!(parse("Bytes = 1-2", 10), Parsed::Bytes(1..3));
        assert_eq!(parse("items=1-2", 10), Parsed::Ignored);
        assert_eq!(parse("bytes=1-2,4-5", 10), Parsed::Ignored);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        for header in [
            "bytes=10-",
            "bytes=-0",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=",
            "bytes=--1",
            "bytes",
            "bytes=1-2-3",
            "bytes=+1-2",
        ] {
            assert!(matches!(parse(header, 10), Parsed::Refused(_)), "{header}");
        }
        let many = format!("bytes={}", vec!["0-1"; 1000].join(","));
        assert_eq!(parse(&many, 10), Parsed::Refused("Too many ranges."));
    }
}
