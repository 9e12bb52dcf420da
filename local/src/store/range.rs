//! Which bytes of an object a request is about.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};
use s3s::{S3Error, S3Result, s3_error};

/// The bytes to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) range: Range<u64>,
    /// The value of `Content-Range`, when this is a part of the object.
    pub(super) content_range: Option<String>,
}

impl Selection {
    /// All of it.
    pub(super) fn whole(size: u64) -> Self {
        Self { range: 0..size, content_range: None }
    }

    /// A range that is known to lie inside the object.
    pub(super) fn part(range: Range<u64>, size: u64) -> Self {
        let last = range.end.max(1) - 1;
        Self { content_range: Some(format!("bytes {}-{last}/{size}", range.start)), range }
    }

    /// # Errors
    /// `InvalidRange` (416) when the object has none of these bytes.
    pub(super) fn new(range: Option<&s3s::dto::Range>, size: u64) -> S3Result<Self> {
        match range {
            None => Ok(Self::whole(size)),
            // No range is satisfiable on an empty object, not even a suffix.
            Some(_) if size == 0 => Err(not_satisfiable(size)),
            Some(range) => Ok(Self::part(range.check(size).map_err(|_| not_satisfiable(size))?, size)),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

fn not_satisfiable(size: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn select(header: &str, size: u64) -> Option<(Range<u64>, String)> {
        let range = s3s::dto::Range::parse(header).unwrap();
        Selection::new(Some(&range), size).ok().map(|s| (s.range, s.content_range.unwrap()))
    }

    #[test]
    fn ranges_and_their_headers() {
        assert_eq!(select("bytes=0-0", 10), Some((0..1, "bytes 0-0/10".into())));
        assert_eq!(select("bytes=9-", 10), Some((9..10, "bytes 9-9/10".into())));
        assert_eq!(select("bytes=2-99", 10), Some((2..10, "bytes 2-9/10".into())));
        assert_eq!(select("bytes=-3", 10), Some((7..10, "bytes 7-9/10".into())));
        assert_eq!(select("bytes=-99", 10), Some((0..10, "bytes 0-9/10".into())));
        assert_eq!(select("bytes=10-", 10), None);
        assert_eq!(select("bytes=-0", 10), None);
        assert_eq!(select("bytes=-5", 0), None);
        assert_eq!(select("bytes=0-", 0), None);
    }

    proptest! {
        #[test]
        fn a_selection_lies_inside_the_object(first: u32, more: Option<u16>, size in 0_u64..70_000) {
            let last = more.map(|more| u64::from(first) + u64::from(more));
            let range = s3s::dto::Range::Int { first: u64::from(first), last };
            if let Ok(selection) = Selection::new(Some(&range), size) {
                prop_assert!(selection.range.start < selection.range.end && selection.range.end <= size);
                prop_assert_eq!(selection.range.start, u64::from(first));
            } else {
                prop_assert!(u64::from(first) >= size);
            }
        }
    }
}
