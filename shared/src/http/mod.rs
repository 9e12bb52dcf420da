//! The door: one mechanism that every request passes, whatever carried it here.
//!
//! A server (hyper locally, the function loop in the cloud, a test directly) turns what it got into an
//! `http::Request<Body>` and calls [`dispatch`] with a table of endpoints. The door finds the endpoint,
//! checks its needs, caller and limits, runs the handler, wraps what comes back into the endpoint's
//! dialect, and logs once. It never buffers a body. Whatever happens, a panic included, the caller gets
//! one well-formed answer with the request's identifier.

pub mod body;
pub(crate) mod cors;
mod dialect;
pub(crate) mod disposition;
mod door;
mod endpoint;
pub(crate) mod form;
pub(crate) mod object;
pub mod page;
pub mod paging;
pub mod range;
mod request;
mod router;

pub use body::Body;
pub use dialect::Dialect;
pub(crate) use dialect::prefers_html;
pub use door::dispatch;
pub(crate) use door::{detached, missed, panic_text};
pub use endpoint::{Auth, Endpoint, Limits, Needs, Outcome, Reply, Verb};
pub(crate) use request::form_value;
pub use request::{Params, Request, RequestId, X_REQUEST_ID};
pub(crate) use router::allowed;
pub use router::find;
