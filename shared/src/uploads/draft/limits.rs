//! `Upload-Limit`: what an upload may be, how much one request may carry, how long it is kept.

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt, Limited};

use super::version::Version;
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::Body;
use crate::uploads::task::{SIZE_LIMIT, Upload};

const LIMIT: HeaderName = HeaderName::from_static("upload-limit");

const TOO_MUCH: &str = "One request must not carry that many bytes: send them in parts.";

/// What applies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    size: u64,
    append: u64,
    /// Seconds that are left, and what the version calls them.
    life: Option<(&'static str, u64)>,
}

impl Allowed {
    /// Of uploads in general.
    pub(super) fn any(app: &App) -> Self {
        Self { size: SIZE_LIMIT, append: app.config.append_limit, life: None }
    }

    /// Of an upload that was last active then, if it is still open.
    pub(super) fn of(app: &App, version: Version, upload: &Upload, active: Option<SystemTime>) -> Self {
        let left = active.map(|active| {
            let still = SystemTime::now().duration_since(active).unwrap_or(Duration::ZERO);
            app.config.upload_expiry.saturating_sub(still).as_secs()
        });
        // A length that is known does not change what would have been allowed without it.
        let size = if upload.task.size.is_some() { SIZE_LIMIT } else { upload.task.capacity().min(SIZE_LIMIT) };
        Self { size, life: left.map(|left| (version.lifetime(), left)), ..Self::any(app) }
    }

    /// 413 if one request carries more than it may.
    pub(super) fn check(&self, length: Option<u64>) -> Result<(), Error> {
        if length.is_none_or(|length| length <= self.append) {
            return Ok(());
        }
        Err(self.refuse(TOO_MUCH))
    }

    /// The bytes of a request, no more than it may carry: a chunked one does not tell how many it has.
    pub(super) fn bound(&self, body: Body) -> Body {
        Limited::new(body, usize::try_from(self.append).unwrap_or(usize::MAX)).boxed_unsync()
    }

    /// 413, with what is allowed, if that is less than the `room` which a body that was too long had.
    pub(super) fn exceeded(&self, room: u64) -> Option<Error> {
        (self.append < room).then(|| self.refuse(TOO_MUCH))
    }

    /// 413, with what is allowed.
    pub(super) fn refuse(&self, why: &'static str) -> Error {
        let error = Error::new(Kind::TooLarge, why);
        match HeaderValue::try_from(self.text()) {
            Ok(value) => error.with_header(LIMIT, value),
            Err(_) => error,
        }
    }

    /// Says it.
    pub(super) fn tell(&self, response: &mut Response<Body>) {
        if let Ok(value) = HeaderValue::try_from(self.text()) {
            response.headers_mut().insert(LIMIT, value);
        }
    }

    fn text(&self) -> String {
        let life = self.life.map(|(name, seconds)| format!(", {name}={seconds}")).unwrap_or_default();
        format!("max-size={}, max-append-size={}{life}", self.size, self.append)
    }
}
