//! Conditional requests: the pure decisions, for reads (RFC 9110, section 13) and for writes.

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::error;

/// The conditions of a GET, a HEAD, or the source of a copy.
#[derive(Default)]
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

/// The conditions of a write; checked inside the transaction that writes.
#[derive(Default)]
pub(super) struct WriteConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

/// What the conditions of a read say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    NotModified,
    Failed,
}

impl ReadConditions {
    /// `modified` in milliseconds; compared in whole seconds, as HTTP dates are.
    pub(super) fn judge(&self, etag: &str, modified: i64) -> Verdict {
        let seconds = modified.div_euclid(1000);
        let unmodified = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => matches(condition, etag),
            (None, Some(time)) => seconds <= unix_seconds(time),
            (None, None) => true,
        };
        let modified = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => !matches(condition, etag),
            (None, Some(time)) => seconds > unix_seconds(time),
            (None, None) => true,
        };
        match (unmodified, modified) {
            (false, _) => Verdict::Failed,
            (true, false) => Verdict::NotModified,
            (true, true) => Verdict::Send,
        }
    }

    /// For the source of a copy there is no 304: everything that does not hold is a 412.
    pub(super) fn check_source(&self, etag: &str, modified: i64) -> S3Result<()> {
        match self.judge(etag, modified) {
            Verdict::Send => Ok(()),
            Verdict::NotModified | Verdict::Failed => Err(error::precondition_failed()),
        }
    }
}

impl WriteConditions {
    /// The conditions of this request, refused where S3 knows no meaning for them.
    ///
    /// # Errors
    /// `NotImplemented` for `If-None-Match` with anything but `*`.
    pub(super) fn new(if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> S3Result<Self> {
        if matches!(if_none_match, Some(ETagCondition::ETag(_))) {
            let text = "If-None-Match on a write takes * only";
            return Err(S3Error::with_message(S3ErrorCode::NotImplemented, text));
        }
        Ok(Self { if_match, if_none_match })
    }

    /// Decides against the ETag of what is there now; a missing key under `If-Match` is 404, as on AWS.
    pub(super) fn check(&self, current: Option<&str>) -> S3Result<()> {
        if self.if_none_match.is_some() && current.is_some() {
            return Err(error::precondition_failed());
        }
        match (&self.if_match, current) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(error::no_such_key()),
            (Some(condition), Some(etag)) if matches(condition, etag) => Ok(()),
            (Some(_), Some(_)) => Err(error::precondition_failed()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}

fn unix_seconds(time: &Timestamp) -> i64 {
    time::OffsetDateTime::from(time.clone()).unix_timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3s::dto::ETag;

    fn tag(value: &str) -> Option<ETagCondition> {
        Some(ETagCondition::ETag(ETag::Strong(value.into())))
    }

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(time::OffsetDateTime::from_unix_timestamp(seconds).unwrap().into())
    }

    #[test]
    fn an_etag_condition_outranks_its_date() {
        let send = ReadConditions { if_match: tag("a"), if_unmodified_since: at(1), ..Default::default() };
        assert_eq!(send.judge("a", 5_000), Verdict::Send);
        let cached = ReadConditions { if_none_match: tag("a"), if_modified_since: at(1), ..Default::default() };
        assert_eq!(cached.judge("a", 5_000), Verdict::NotModified);
    }

    #[test]
    fn dates_compare_in_whole_seconds() {
        let since = ReadConditions { if_modified_since: at(5), ..Default::default() };
        assert_eq!(since.judge("a", 5_999), Verdict::NotModified);
        assert_eq!(since.judge("a", 6_000), Verdict::Send);
        let until = ReadConditions { if_unmodified_since: at(5), ..Default::default() };
        assert_eq!(until.judge("a", 5_999), Verdict::Send);
        assert_eq!(until.judge("a", 6_000), Verdict::Failed);
    }

    #[test]
    fn writes_know_absent_and_changed_apart() {
        let create = WriteConditions::new(None, Some(ETagCondition::Any)).unwrap();
        assert!(create.check(None).is_ok());
        assert_eq!(*create.check(Some("a")).unwrap_err().code(), S3ErrorCode::PreconditionFailed);
        let swap = WriteConditions::new(tag("a"), None).unwrap();
        assert!(swap.check(Some("a")).is_ok());
        assert_eq!(*swap.check(Some("b")).unwrap_err().code(), S3ErrorCode::PreconditionFailed);
        assert_eq!(*swap.check(None).unwrap_err().code(), S3ErrorCode::NoSuchKey);
        assert!(WriteConditions::new(None, tag("a")).is_err());
    }
}
