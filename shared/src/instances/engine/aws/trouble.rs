//! What an error of AWS means.

use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tracing::warn;

use super::{Provided, unavailable};
use crate::error::Error;

/// What codes begin with that say that we may not ask. Whoever runs this may mend it while an instance waits.
const ACCESS: [&str; 10] = [
    "AccessDenied",
    "AuthFailure",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "Unrecognized",
];

/// Parts of codes that say that we ask too often.
const BUSY: [&str; 4] = ["Throttl", "RequestLimitExceeded", "TooManyRequests", "CallRate"];

/// A call that failed.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What AWS calls it; empty if it said nothing.
    code: String,
    /// Why it will fail again, for the user.
    reason: Option<&'static str>,
    error: Box<Error>,
}

impl Trouble {
    /// What an error means, of a call that was to do this. The text of AWS goes to the log only.
    pub(super) fn of(doing: &'static str, error: SdkError<ErrorMetadata, HttpResponse>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        let code = plain(code.unwrap_or_default()).to_owned();
        let reason = reason(&code, status);
        let error = unavailable().caused_by(format!("{doing}: {}", DisplayErrorContext(&error)));
        Self { code, reason, error: Box::new(error) }
    }

    /// A call that was answered, with something that says that it will not be done.
    pub(super) fn refused(doing: &'static str, reason: &'static str, cause: &str) -> Self {
        let error = unavailable().caused_by(format!("{doing}: {cause}"));
        Self { code: String::new(), reason: Some(reason), error: Box::new(error) }
    }

    /// Whether this is the code, which some services end with `Fault` or `Exception`.
    pub(super) fn is(&self, code: &str) -> bool {
        self.code == plain(code)
    }

    /// Whether something is not yet, or no longer, in a state to be worked on.
    pub(super) fn is_early(&self) -> bool {
        self.code.starts_with("Invalid") && self.code.ends_with("State") && !self.code.contains("Network")
    }

    /// Whether asking again would have the same answer.
    pub(super) fn is_refusal(&self) -> bool {
        self.reason.is_some() && !self.is_early()
    }

    /// What it means for an instance that is being made.
    ///
    /// # Errors
    /// 503 if it may pass.
    pub(super) fn provided(self, id: &str, look: Duration) -> Result<Provided, Error> {
        match self.reason {
            _ if self.is_early() => Ok(Provided::Pending(look)),
            Some(reason) => {
                warn!(instance = id, causes = self.error.causes(), "AWS refused");
                Ok(Provided::Failed(reason.to_owned()))
            }
            None => Err(*self.error),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self { code: String::new(), reason: None, error: Box::new(error) }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        *trouble.error
    }
}

/// `None` in place of an error that says that there is no such thing.
///
/// # Errors
/// Every other one.
pub(super) fn found<T>(answer: Result<T, Trouble>, missing: &str) -> Result<Option<T>, Trouble> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(trouble) if trouble.is(missing) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

fn plain(code: &str) -> &str {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    code.strip_suffix("Fault").unwrap_or(code)
}

fn reason(code: &str, status: Option<u16>) -> Option<&'static str> {
    let refused = matches!(status, Some(400 | 402 | 404..=428 | 430..=499)) && !code.is_empty();
    let passes = ACCESS.iter().any(|prefix| code.starts_with(prefix)) || BUSY.iter().any(|part| code.contains(part));
    match code {
        _ if !refused || passes => None,
        _ if code.contains("Quota") || code.contains("LimitExceeded") => {
            Some("The quota of the cloud account is used up.")
        }
        _ if code.starts_with("Insufficient") => Some("The cloud has no capacity for it at the moment."),
        _ => Some("The cloud does not take the settings of this kind of instance."),
    }
}

#[cfg(test)]
mod tests {
    use super::{plain, reason};

    #[test]
    fn what_passes_is_no_reason() {
        for (code, status) in [
            ("Throttling", 400),
            ("ThrottlingException", 400),
            ("APICallRateForCustomerExceeded", 400),
            ("AccessDeniedException", 400),
            ("ExpiredTokenException", 400),
            ("UnrecognizedClientException", 400),
            ("InvalidParameterValue", 403),
            ("InternalFailure", 500),
            ("ServiceUnavailable", 503),
            ("", 404),
        ] {
            assert_eq!(reason(plain(code), Some(status)), None, "{code}");
        }
        assert_eq!(reason("InvalidParameterValue", None), None);
    }

    #[test]
    fn what_stays_has_a_plain_reason() {
        for (code, word) in [
            ("InstanceQuotaExceeded", "quota"),
            ("NodeQuotaForCustomerExceeded", "quota"),
            ("LimitExceededException", "quota"),
            ("InsufficientDBInstanceCapacity", "capacity"),
            ("InsufficientCacheClusterCapacityFault", "capacity"),
            ("InvalidParameterValue", "settings"),
            ("DBSubnetGroupNotFoundFault", "settings"),
            ("ClusterNotFoundException", "settings"),
        ] {
            assert!(reason(plain(code), Some(400)).is_some_and(|reason| reason.contains(word)), "{code}");
        }
    }
}
