//! Responses to what the platform takes: one JSON document, or a prelude and the bytes as they are made.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use http::header::{CONTENT_LENGTH, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Limited};
use serde::Serialize;
use tokio::time::{Instant, Sleep};
use tracing::error;

use super::request::Shape;
use super::runtime::{Answer, ERROR_BODY, ERROR_TYPE, Failure};
use crate::config::ResponseMode;
use crate::error::{BoxError, Error, Kind};
use crate::http::{Body, Dialect, Endpoint, X_REQUEST_ID, panic_text};
use crate::pages::Visit;

/// The largest buffered answer, in bytes: the platform's 6 MB, envelope and base64 included (AWS Lambda
/// quotas, "Invocation payload").
const ANSWER_LIMIT: usize = 6_291_556;

/// Between prelude and body (API Gateway developer guide, "Lambda proxy integration format for response
/// streaming"; function URLs take the same).
const DELIMITER: [u8; 8] = [0; 8];

/// What is needed of a request to answer it, whatever becomes of its response.
pub(super) struct Asked {
    method: Method,
    headers: HeaderMap,
    dialect: Dialect,
    shape: Shape,
    deadline: Instant,
}

impl Asked {
    pub(super) fn of(request: &Request<Body>, table: &[&Endpoint], shape: Shape, deadline: Instant) -> Self {
        let dialect = table.first().map_or(Dialect::Plain, |endpoint| endpoint.dialect);
        Self { method: request.method().clone(), headers: request.headers().clone(), dialect, shape, deadline }
    }

    /// How many bytes the response's head promises. After HEAD it tells of another response.
    fn promised(&self, headers: &HeaderMap) -> Option<u64> {
        let length = headers.get(CONTENT_LENGTH).filter(|_| self.method != Method::HEAD)?;
        length.to_str().ok()?.parse().ok()
    }

    /// An error response in place of one that could not be delivered. What the door gives every response is
    /// taken over from that one.
    pub(super) fn refuse(&self, instead_of: Option<&HeaderMap>, error: &Error) -> Response<Body> {
        let given = instead_of.unwrap_or(&self.headers);
        let id = given.get(X_REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static("-"));
        let request = id.to_str().unwrap_or("-");
        error!(request, kind = ?error.kind(), causes = error.causes(), "{error}");
        let mut response = self
            .dialect
            .for_error(&self.method, &self.headers)
            .error(error, request, || Visit::of(None, &self.headers));
        let marks = instead_of.into_iter().flatten().filter(|(name, _)| {
            name.as_str().starts_with("access-control-") || name.as_str() == "x-content-type-options"
        });
        response.headers_mut().extend(marks.map(|(name, value)| (name.clone(), value.clone())));
        response.headers_mut().insert(X_REQUEST_ID, id);
        response
    }
}

/// The answer that carries `response`.
pub(super) async fn encode(mode: ResponseMode, asked: Asked, response: Response<Body>) -> Result<Answer, Failure> {
    match mode {
        ResponseMode::Streamed => Ok(streamed(&asked, response)),
        ResponseMode::Buffered => buffered(&asked, response).await.map(Answer::Whole),
    }
}

async fn buffered(asked: &Asked, response: Response<Body>) -> Result<Bytes, Failure> {
    let (head, body) = response.into_parts();
    let attempt = match collect(asked, &head.headers, body).await {
        Ok(bytes) => document(&Head::of(asked.shape, head.status.as_u16(), &head.headers), &bytes),
        Err(error) => Err(error),
    };
    match attempt {
        Ok(document) => Ok(document),
        Err(error) => {
            let (refusal, body) = asked.refuse(Some(&head.headers), &error).into_parts();
            let undeliverable = |cause: &dyn std::fmt::Display| Failure::new("Function.NoResponse", cause.to_string());
            let bytes = body.collect().await.map_err(|cause| undeliverable(&cause))?.to_bytes();
            let head = Head::of(asked.shape, refusal.status.as_u16(), &refusal.headers);
            document(&head, &bytes).map_err(|cause| undeliverable(&cause))
        }
    }
}

/// The whole body, if it fits and comes in time.
async fn collect(asked: &Asked, headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    let promised = asked.promised(headers);
    if promised.is_some_and(|length| length > ANSWER_LIMIT as u64) {
        return Err(too_large());
    }
    let collecting = AssertUnwindSafe(Limited::new(body, ANSWER_LIMIT).boxed_unsync().collect()).catch_unwind();
    match tokio::time::timeout_at(asked.deadline, collecting).await {
        Ok(Ok(Ok(collected))) => {
            let bytes = collected.to_bytes();
            let whole = promised.is_none_or(|length| length == bytes.len() as u64);
            if whole { Ok(bytes) } else { Err(Error::internal("response body", "not as long as promised")) }
        }
        Ok(Ok(Err(cause))) if cause.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Ok(Err(cause))) => Err(Error::internal("response body", cause)),
        Ok(Err(panic)) => Err(Error::internal("response body panicked", panic_text(panic.as_ref()))),
        Err(elapsed) => Err(Error::new(Kind::Timeout, "This took too long.").caused_by(elapsed)),
    }
}

/// A response too large for its transport is our fault, not the caller's.
fn too_large() -> Error {
    Error::internal("buffered response", "more than 6 MB: the route and RESPONSE_MODE must be set to stream")
}

/// Status and headers, as the sender of the event takes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    /// Of the later shape, be it empty: `cargo lambda watch` takes no answer without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<String>>,
}

impl Head {
    fn of(shape: Shape, status_code: u16, headers: &HeaderMap) -> Self {
        let mut values = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            values.entry(name.as_str().to_owned()).or_default().push(value);
        }
        match shape {
            Shape::V1 => Self { status_code, headers: None, multi_value_headers: Some(values), cookies: None },
            Shape::V2 => {
                // The one header whose values cannot be joined (RFC 9110, 5.3).
                let cookies = values.remove(SET_COOKIE.as_str()).unwrap_or_default();
                let joined = values.into_iter().map(|(name, values)| (name, values.join(", "))).collect();
                Self { status_code, headers: Some(joined), multi_value_headers: None, cookies: Some(cookies) }
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    head: &'a Head,
    body: &'a str,
    is_base64_encoded: bool,
}

/// Text travels as it is, anything else as base64; the bytes decide, whatever they are said to be.
fn document(head: &Head, bytes: &[u8]) -> Result<Bytes, Error> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let encoded = text.map_or_else(|| STANDARD.encode(bytes), str::to_owned);
    let document = Document { head, body: &encoded, is_base64_encoded: text.is_none() };
    let document = serde_json::to_vec(&document).map_err(|cause| Error::internal("answer", cause))?;
    if document.len() > ANSWER_LIMIT { Err(too_large()) } else { Ok(document.into()) }
}

fn streamed(asked: &Asked, response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let request = head.headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("-").to_owned();
    let prelude = Head::of(asked.shape, head.status.as_u16(), &head.headers);
    let mut start = BytesMut::new().writer();
    // Numbers, strings and lists into memory: this cannot fail, and a cut prelude would be refused.
    if let Err(cause) = serde_json::to_writer(&mut start, &prelude) {
        error!(request, %cause, "prelude");
    }
    let mut start = start.into_inner();
    start.extend_from_slice(&DELIMITER);
    let deadline = Box::pin(tokio::time::sleep_until(asked.deadline));
    let left = asked.promised(&head.headers);
    let start = Some(start.freeze());
    Answer::Streamed(Streamed { start, body, left, deadline, request, over: false }.boxed_unsync())
}

/// Prelude, then the body. Its own errors become trailers: the platform then reports a failed invocation and
/// breaks the caller's connection. Never fails itself, for that would cost the connection to the platform.
struct Streamed {
    /// Prelude and delimiter: one frame, which leaves with the first bytes of the body if they are there.
    start: Option<Bytes>,
    body: Body,
    /// What is still to come of the promised length.
    left: Option<u64>,
    deadline: Pin<Box<Sleep>>,
    request: String,
    over: bool,
}

impl Streamed {
    /// Counts bytes off the promised length; false beyond it.
    fn count(&mut self, bytes: usize) -> bool {
        let Some(left) = self.left else { return true };
        let left = left.checked_sub(bytes as u64);
        self.left = left.or(Some(0));
        left.is_some()
    }

    fn fail(&mut self, kind: &'static str, cause: &str) -> Frame<Bytes> {
        self.over = true;
        error!(request = self.request, kind, cause, "the response broke off");
        let failure = Failure::new(kind, "the response broke off");
        let mut trailers = HeaderMap::new();
        trailers.insert(ERROR_TYPE, HeaderValue::from_static(kind));
        if let Ok(body) = HeaderValue::try_from(STANDARD.encode(failure.document())) {
            trailers.insert(ERROR_BODY, body);
        }
        Frame::trailers(trailers)
    }
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(start) = self.start.take() {
            return Poll::Ready(Some(Ok(Frame::data(start))));
        }
        if self.over {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Ok(self.fail("Function.Timeout", "the invocation's deadline"))));
        }
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.body).poll_frame(context)));
        let frame = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            // A trailer of the body's own has no place in the platform's protocol.
            Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                Ok(data) if self.count(data.len()) => Frame::data(data),
                Ok(_) => self.fail("Function.ResponseBrokeOff", "longer than promised"),
                Err(_) => Frame::data(Bytes::new()),
            },
            Ok(Poll::Ready(None)) if self.left.unwrap_or(0) > 0 => {
                self.fail("Function.ResponseBrokeOff", "shorter than promised")
            }
            Ok(Poll::Ready(None)) => {
                self.over = true;
                return Poll::Ready(None);
            }
            Ok(Poll::Ready(Some(Err(cause)))) => {
                let causes = Error::internal("response body", cause).causes();
                self.fail("Function.ResponseBrokeOff", &causes)
            }
            Err(panic) => self.fail("Function.Panic", &panic_text(panic.as_ref())),
        };
        Poll::Ready(Some(Ok(frame)))
    }
}
