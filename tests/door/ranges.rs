//! Ranges and conditions, as properties of every length and every header.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use shared::error::Kind;
use shared::http::body;
use shared::http::range::{Answer, Representation};

const TAG: &str = "\"v1\"";

fn thing(length: u64) -> Representation {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_737_727_200_500);
    Representation { etag: TAG.to_owned(), modified, length, ranges: true, dated: true }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

/// A part, `None` for the whole, or the status of anything else.
type Outcome = Result<Option<Range<u64>>, u16>;

/// The answer to a GET with these headers.
fn part(length: u64, pairs: &[(&str, &str)]) -> Outcome {
    match thing(length).answer(&Method::GET, &headers(pairs)) {
        Ok(Answer::Part(range)) => Ok(Some(range)),
        Ok(Answer::Whole) => Ok(None),
        Ok(Answer::NotModified) => Err(304),
        Err(error) => Err(error.kind().status().as_u16()),
    }
}

proptest! {
    #[test]
    fn a_range_is_the_bytes_it_names(length in 1..u64::MAX, first: u64, last: u64) {
        let answer = part(length, &[("range", &format!("bytes={first}-{last}"))]);
        let expected = if first > last || first >= length { Err(416) } else { Ok(Some(first..last.saturating_add(1).min(length))) };
        prop_assert_eq!(answer, expected);
        let answer = part(length, &[("range", &format!("bytes={first}-"))]);
        prop_assert_eq!(answer, if first < length { Ok(Some(first..length)) } else { Err(416) });
        let answer = part(length, &[("range", &format!("bytes=-{last}"))]);
        prop_assert_eq!(answer, if last == 0 { Err(416) } else { Ok(Some(length.saturating_sub(last)..length)) });
    }

    #[test]
    fn no_header_gives_bytes_that_do_not_exist(length: u64, header in "(bytes)?[ =]{0,2}[-0-9, a]{0,30}") {
        if let Ok(Some(range)) = part(length, &[("range", &header)]) {
            prop_assert!(range.start < range.end && range.end <= length);
        }
    }

    #[test]
    fn the_parts_of_a_file_are_the_file(bytes in proptest::collection::vec(any::<u8>(), 1..200), size in 1u64..50) {
        let length = bytes.len() as u64;
        let mut joined = Vec::new();
        for first in (0..length).step_by(usize::try_from(size).unwrap()) {
            let asked = headers(&[("range", &format!("bytes={first}-{}", first + size - 1))]);
            let answer = thing(length).answer(&Method::GET, &asked).unwrap();
            let response = thing(length).respond(answer, |range| {
                let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                joined.extend_from_slice(&bytes[range]);
                body::empty()
            });
            let last = (first + size).min(length) - 1;
            prop_assert_eq!(response.status().as_u16(), 206);
            let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            prop_assert_eq!(header("content-range"), format!("bytes {first}-{last}/{length}"));
            prop_assert_eq!(header("content-length"), (last - first + 1).to_string());
        }
        prop_assert_eq!(joined, bytes);
    }
}

#[test]
fn nothing_of_nothing_can_be_asked_for() {
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
        assert_eq!(part(0, &[("range", range)]), Err(416), "{range}");
    }
    assert_eq!(part(0, &[]), Ok(None));
}

#[test]
fn conditions_in_the_order_of_rfc_9110() {
    let (then, before, after) =
        ("Fri, 24 Jan 2025 14:00:00 GMT", "Fri, 24 Jan 2025 13:59:59 GMT", "Fri, 24 Jan 2025 14:00:01 GMT");
    let range = ("range", "bytes=0-0");
    let cases: &[(&[(&str, &str)], Outcome)] = &[
        (&[("if-match", TAG)], Ok(None)),
        (&[("if-match", "\"v0\", \"v1\"")], Ok(None)),
        (&[("if-match", "*")], Ok(None)),
        (&[("if-match", "\"v0\"")], Err(412)),
        (&[("if-match", "W/\"v1\"")], Err(412)),
        (&[("if-match", TAG), ("if-unmodified-since", before)], Ok(None)),
        (&[("if-unmodified-since", before)], Err(412)),
        (&[("if-unmodified-since", then)], Ok(None)),
        (&[("if-none-match", TAG)], Err(304)),
        (&[("if-none-match", "W/\"v1\"")], Err(304)),
        (&[("if-none-match", "\"v0\"")], Ok(None)),
        (&[("if-none-match", "\"v0\""), ("if-modified-since", after)], Ok(None)),
        (&[("if-modified-since", then)], Err(304)),
        (&[("if-modified-since", before)], Ok(None)),
        (&[("if-modified-since", "not a date")], Ok(None)),
        (&[range, ("if-range", TAG)], Ok(Some(0..1))),
        (&[range, ("if-range", "\"v0\"")], Ok(None)),
        (&[range, ("if-range", "W/\"v1\"")], Ok(None)),
        (&[range, ("if-range", then)], Ok(Some(0..1))),
        (&[range, ("if-range", after)], Ok(None)),
        (&[range, ("if-none-match", TAG)], Err(304)),
        (&[range, ("if-match", "\"v0\"")], Err(412)),
    ];
    for (pairs, expected) in cases {
        assert_eq!(part(10, pairs), *expected, "{pairs:?}");
    }
}

#[test]
fn without_ranges_the_whole_is_sent_and_said_to_be() {
    let thing = Representation { ranges: false, ..thing(10) };
    let answer = thing.answer(&Method::GET, &headers(&[("range", "bytes=0-0")])).unwrap();
    assert_eq!(answer, Answer::Whole);
    assert_eq!(thing.respond(answer, |_| body::empty()).headers()["accept-ranges"], "none");
}

#[test]
fn a_refused_range_tells_the_length() {
    let error = thing(10).answer(&Method::GET, &headers(&[("range", "bytes=10-")])).unwrap_err();
    assert_eq!(error.kind(), Kind::RangeNotSatisfiable);
    assert!(error.headers().iter().any(|(name, value)| name == "content-range" && value == "bytes */10"));
}

#[test]
fn a_range_counts_for_get_alone() {
    let answer = thing(10).answer(&Method::HEAD, &headers(&[("range", "bytes=1-2")])).unwrap();
    assert_eq!(answer, Answer::Whole);
    let past = thing(10).answer(&Method::HEAD, &headers(&[("range", "bytes=10-")])).unwrap();
    assert_eq!(past, Answer::Whole);
}

/// Where the date does not tell of every change, it neither resumes a download nor saves one.
#[test]
fn a_date_that_proves_nothing_is_not_believed() {
    let undated = Representation { dated: false, ..thing(10) };
    let date = httpdate::fmt_http_date(undated.modified);
    let answer = |pairs: &[(&'static str, &str)]| undated.answer(&Method::GET, &headers(pairs)).unwrap();
    assert_eq!(answer(&[("range", "bytes=1-2"), ("if-range", &date)]), Answer::Whole);
    assert_eq!(answer(&[("range", "bytes=1-2"), ("if-range", TAG)]), Answer::Part(1..3));
    assert_eq!(answer(&[("if-modified-since", &date)]), Answer::Whole);
}

#[test]
fn the_lines_of_a_header_count_together() {
    let mut lines = headers(&[("if-none-match", "\"x\"")]);
    lines.append("if-none-match", HeaderValue::from_static(TAG));
    assert_eq!(thing(10).answer(&Method::GET, &lines).unwrap(), Answer::NotModified);
    let mut unreadable = HeaderMap::new();
    unreadable.insert("if-match", HeaderValue::from_bytes(b"\xff").unwrap());
    assert!(thing(10).answer(&Method::GET, &unreadable).is_err());
}
