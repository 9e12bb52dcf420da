//! The one error model: a closed [`Kind`], a message for the caller, and a cause for the log.
//!
//! A handler returns [`Error`]; the door ([`crate::http`]) turns its kind into a status, its message
//! into the dialect of the endpoint, and logs its causes once. What is in `source` never leaves the
//! process.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

/// Anything that can go wrong below the door.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What went wrong, as far as a caller can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is malformed or a parameter is out of its bounds.
    Invalid,
    /// No credential, or one that is not known.
    Unauthorized,
    /// A known caller without the permission.
    Forbidden,
    /// Nothing under that name, or nothing that this caller may see.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The state of the thing does not allow the operation.
    Conflict,
    /// It existed and is over: cancelled or expired.
    Gone,
    /// A condition in the request (`If-Match` and its kin) does not hold.
    PreconditionFailed,
    /// More bytes than the endpoint takes.
    TooLarge,
    /// A content type the endpoint does not take.
    UnsupportedMediaType,
    /// No part of the requested range exists.
    RangeNotSatisfiable,
    /// The bytes are not those whose checksum was sent: tus 1.0.0, "Checksum".
    ChecksumMismatch,
    /// Well-formed, but its content contradicts itself.
    Unprocessable,
    /// A quota is used up.
    TooManyRequests,
    /// Our fault.
    Internal,
    /// Something we depend on does not answer; worth another try.
    Unavailable,
    /// The time limit of the endpoint passed.
    Timeout,
    /// The caller sends too slowly.
    TooSlow,
}

impl Kind {
    /// The only kind-to-status table.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            // No constant: nobody but tus has it.
            Self::ChecksumMismatch => StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

/// An error on its way to the door.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: Cow<'static, str>,
    code: Option<&'static str>,
    problem: Option<Box<Problem>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<BoxError>,
}

/// What RFC 9457 calls a problem type, where the status does not say it all.
#[derive(Debug)]
pub struct Problem {
    /// A URI that stands for the type.
    pub kind: &'static str,
    /// The type in words.
    pub title: &'static str,
    /// Members of its own.
    pub members: Vec<(&'static str, Value)>,
}

impl Error {
    /// An error whose message is meant for the caller.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), code: None, problem: None, headers: Vec::new(), source: None }
    }

    /// 400 with a message that says what to change.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    /// 404 with a message that names what is missing.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// 503: something we depend on does not answer. Tells the caller when to come back.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, message).with_header(http::header::RETRY_AFTER, HeaderValue::from_static("2"))
    }

    /// 500: `doing` and `cause` go to the log, the caller learns only that it was our fault.
    pub fn internal(doing: &'static str, cause: impl Into<BoxError>) -> Self {
        Self::new(Kind::Internal, "Internal error.").caused_by(Context { doing, cause: cause.into() })
    }

    /// Adds what happened underneath, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Adds a response header that belongs to the error (`Allow`, `Retry-After`, `Content-Range`).
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the code that the `RetCode` dialect sends, where the kind alone does not decide it.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Names the type of the problem, in the dialects that know problem types; `Msg` knows its members.
    #[must_use]
    pub fn with_problem(mut self, problem: Problem) -> Self {
        self.problem = Some(Box::new(problem));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The code of the `RetCode` dialect, if set.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// The type of the problem, if it has one of its own.
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_deref()
    }

    /// Response headers that belong to the error.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The chain of causes in one line, outermost first. For the log only.
    pub fn causes(&self) -> String {
        self.source().map(chain).unwrap_or_default()
    }
}

/// An error and its causes in one line, outermost first.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[derive(Debug)]
struct Context {
    doing: &'static str,
    cause: BoxError,
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing)
    }
}

impl StdError for Context {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.cause.as_ref())
    }
}
