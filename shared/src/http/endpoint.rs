//! An endpoint is data: the unit of deployment, of local routing and of testing.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::{Method, Response, StatusCode};
use serde_json::Value;

use super::body::Body;
use super::dialect::Dialect;
use super::request::Request;
use crate::app::App;
use crate::error::Error;

/// One row of the table of contents ([`crate::endpoints::ALL`]).
pub struct Endpoint {
    /// The name of its function binary.
    pub name: &'static str,
    /// The methods it takes. `Get` answers HEAD as well.
    pub methods: &'static [Verb],
    /// The paths it answers on: literal segments, `{name}` for one segment, `{name...}` for the rest, undecoded.
    pub paths: &'static [&'static str],
    /// Who may call it.
    pub auth: Auth,
    /// The envelope its callers know.
    pub dialect: Dialect,
    /// What it needs before it can answer at all.
    pub needs: Needs,
    /// The bounds of one call.
    pub limits: Limits,
    /// What it does. It never sees an envelope.
    pub handler: for<'a> fn(&'a App, Request) -> Outcome<'a>,
}

/// What a handler comes to.
pub type Outcome<'a> = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send + 'a>>;

/// A successful answer.
pub enum Reply {
    /// Data, which the door puts into the envelope of the dialect.
    Json(StatusCode, Value),
    /// Anything else, sent as it is.
    Raw(Response<Body>),
}

/// A request method that an endpoint may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET, and HEAD with it unless an endpoint before it in the table takes [`Verb::Head`].
    Get,
    /// HEAD, where it means something else than GET.
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// OPTIONS, where it has more to say than the answer to a preflight.
    Options,
    /// Every method there is, OPTIONS too: for the function behind the routes of all others.
    Any,
}

impl Verb {
    /// Whether a request of `method` is this verb's.
    pub fn takes(self, method: &Method) -> bool {
        match self {
            Self::Get => method == Method::GET || method == Method::HEAD,
            Self::Head => method == Method::HEAD,
            Self::Post => method == Method::POST,
            Self::Put => method == Method::PUT,
            Self::Patch => method == Method::PATCH,
            Self::Delete => method == Method::DELETE,
            Self::Options => method == Method::OPTIONS,
            Self::Any => true,
        }
    }

    /// Its words in an `Allow` header.
    pub fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["GET", "HEAD"],
            Self::Head => &["HEAD"],
            Self::Post => &["POST"],
            Self::Put => &["PUT"],
            Self::Patch => &["PATCH"],
            Self::Delete => &["DELETE"],
            Self::Options => &["OPTIONS"],
            Self::Any => &[],
        }
    }
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Anyone; where a link is the permission, the handler checks the link.
    Open,
    /// A caller with a configured API key.
    ApiKey,
}

/// What an endpoint depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it answers while the store is still being reached.
    Nothing,
    /// The store; until it is reached the answer is 503.
    Store,
}

/// The bounds of one call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body: u64,
    /// The longest time until the head of the response; a body may then stream as long as it moves.
    pub time: Duration,
}

impl Limits {
    /// For endpoints that read nothing but the path and the headers: a body is tolerated up to 64 KiB.
    pub const READ: Self = Self { body: 64 * 1024, time: Duration::from_secs(30) };

    /// For endpoints that take a stream of any length, for as long as it moves within a day.
    pub const STREAM: Self = Self { body: u64::MAX, time: Duration::from_secs(24 * 3600) };
}
