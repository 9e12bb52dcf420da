//! What time it is, as records and keys have it: milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{BoxError, Error};

/// Milliseconds since 1970.
pub fn now() -> u64 {
    milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in the same unit, for as long as it fits.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// As people and scripts read it (RFC 3339), to the second.
pub fn rfc3339(milliseconds: u64) -> Result<String, Error> {
    format(milliseconds).map_err(|cause| Error::internal("write a date", cause))
}

fn format(milliseconds: u64) -> Result<String, BoxError> {
    let time = OffsetDateTime::from(UNIX_EPOCH + Duration::from_millis(milliseconds));
    Ok(time.replace_millisecond(0)?.replace_nanosecond(0)?.format(&Rfc3339)?)
}
