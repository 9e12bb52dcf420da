//! Answers to responses, as API Gateway and function URLs read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use serde_json::Value;
use shared::error::BoxError;
use shared::http::{Body, body};
use tokio::sync::mpsc;

use super::event::Event;
use super::platform::header;

/// A prelude must end within so many bytes (API Gateway developer guide, response streaming).
const PRELUDE_LIMIT: usize = 16 * 1024;

/// Why a caller gets no response: a gateway answers 502 then, or breaks the connection.
#[derive(Debug)]
pub enum Failure {
    /// The function reported an error.
    Function {
        /// Its type.
        kind: String,
        /// The document.
        document: Value,
    },
    /// The function's process ended.
    Ended(String),
    /// No answer within the harness's own limit.
    Silent,
    /// An answer that the platform would not understand.
    Malformed(String),
}

/// What a function sent back, as it comes in.
pub struct Answer {
    /// It came to `/error`.
    pub error: bool,
    /// The headers of the function's POST.
    pub headers: HeaderMap,
    /// Of a streamed HTTP response, once [`Answer::prelude`] has read it.
    pub prelude: Value,
    /// Bytes read so far and not handed on; after [`Answer::whole`] all of them.
    pub bytes: Bytes,
    /// The trailers.
    pub trailers: HeaderMap,
    /// How it ended, if it did.
    pub end: Option<End>,
    pieces: mpsc::Receiver<Piece>,
}

/// How an answer ended.
#[derive(Debug)]
pub struct End {
    /// Why the function's request broke off; `None` for its proper end.
    pub broken: Option<String>,
    /// What each read from the connection brought, from the event to this end, in bytes.
    pub reads: Vec<usize>,
}

pub(super) enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
    End { broken: Option<String>, reads: Vec<usize> },
}

impl Answer {
    pub(super) fn new(error: bool, headers: HeaderMap, pieces: mpsc::Receiver<Piece>) -> Self {
        let (prelude, bytes, trailers) = (Value::Null, Bytes::new(), HeaderMap::new());
        Self { error, headers, prelude, bytes, trailers, end: None, pieces }
    }

    /// Whether it is a streamed HTTP response, marked as the platform wants it.
    pub fn is_streamed(&self) -> bool {
        header(&self.headers, "lambda-runtime-function-response-mode") == "streaming"
            && header(&self.headers, "content-type") == "application/vnd.awslambda.http-integration-response"
            && header(&self.headers, "transfer-encoding") == "chunked"
    }

    /// The next bytes of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        if !self.bytes.is_empty() {
            return Some(std::mem::take(&mut self.bytes));
        }
        while self.end.is_none() {
            match self.pieces.recv().await {
                Some(Piece::Data(data)) => return Some(data),
                Some(Piece::Trailers(trailers)) => self.trailers = trailers,
                Some(Piece::End { broken, reads }) => self.end = Some(End { broken, reads }),
                None => self.end = Some(End { broken: Some("not read".to_owned()), reads: Vec::new() }),
            }
        }
        None
    }

    /// Reads to the end.
    pub async fn whole(&mut self) -> &End {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await {
            whole.extend_from_slice(&chunk);
        }
        self.bytes = whole.freeze();
        self.end.as_ref().expect("read to its end")
    }

    /// Reads the prelude of a streamed HTTP response into its field.
    pub async fn prelude(&mut self) -> Result<(), Failure> {
        let mut start = BytesMut::new();
        loop {
            if let Some(at) = start.windows(8).position(|window| window == [0; 8]) {
                let json = start.split_to(at);
                self.prelude = serde_json::from_slice(&json).map_err(|cause| malformed(&cause))?;
                self.bytes = start.split_off(8).freeze();
                return Ok(());
            }
            if start.len() > PRELUDE_LIMIT {
                return Err(malformed(&"no end of the prelude"));
            }
            let chunk = self.chunk().await.ok_or_else(|| malformed(&"ended in the prelude"))?;
            start.extend_from_slice(&chunk);
        }
    }

    /// The response that a caller gets through `event`'s kind of door.
    pub(super) async fn response(mut self, event: Event, method: &Method) -> Result<Response<Body>, Failure> {
        if self.error {
            self.whole().await;
            let document = serde_json::from_slice(&self.bytes).map_err(|cause| malformed(&cause))?;
            return Err(Failure::Function {
                kind: header(&self.headers, "lambda-runtime-function-error-type"),
                document,
            });
        }
        if self.is_streamed() {
            self.prelude().await?;
            let head = self.prelude.take();
            return with_head(event, &head, self.into_body());
        }
        if let Some(broken) = &self.whole().await.broken {
            return Err(Failure::Malformed(broken.clone()));
        }
        let document: Value = serde_json::from_slice(&self.bytes).map_err(|cause| malformed(&cause))?;
        let text = document["body"].as_str().unwrap_or_default();
        let bytes = match document["isBase64Encoded"].as_bool() {
            Some(true) => STANDARD.decode(text).map_err(|cause| malformed(&cause))?,
            _ => text.as_bytes().to_vec(),
        };
        let length = bytes.len().to_string();
        let response = with_head(event, &document, body::full(bytes))?;
        let promised = header(response.headers(), "content-length");
        if method != Method::HEAD && !promised.is_empty() && promised != length {
            return Err(malformed(&format!("{promised} bytes promised, {length} sent")));
        }
        Ok(response)
    }

    /// The rest, as a body that fails where the caller's connection would break.
    fn into_body(self) -> Body {
        body::stream(stream::try_unfold(self, |mut answer| async {
            if let Some(chunk) = answer.chunk().await {
                return Ok(Some((chunk, answer)));
            }
            let kind = header(&answer.trailers, "lambda-runtime-function-error-type");
            match answer.end.as_ref().and_then(|end| end.broken.clone()) {
                Some(broken) => Err(BoxError::from(broken)),
                None if !kind.is_empty() => Err(BoxError::from(kind)),
                None => Ok(None),
            }
        }))
    }
}

fn with_head(event: Event, head: &Value, body: Body) -> Result<Response<Body>, Failure> {
    let status = head["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let mut response = Response::builder().status(status.ok_or_else(|| malformed(&"no statusCode"))?);
    let mut add = |name: &str, value: &Value| -> Result<(), Failure> {
        let name = HeaderName::try_from(name).map_err(|cause| malformed(&cause))?;
        let value = value.as_str().ok_or_else(|| malformed(&"a header that is no string"))?;
        let value = HeaderValue::try_from(value).map_err(|cause| malformed(&cause))?;
        if let Some(headers) = response.headers_mut() {
            headers.append(name, value);
        }
        Ok(())
    };
    for (name, value) in head["headers"].as_object().into_iter().flatten() {
        add(name, value)?;
    }
    if event == Event::RestV1 {
        for (name, values) in head["multiValueHeaders"].as_object().into_iter().flatten() {
            values.as_array().into_iter().flatten().try_for_each(|value| add(name, value))?;
        }
    } else {
        head["cookies"].as_array().into_iter().flatten().try_for_each(|value| add("set-cookie", value))?;
    }
    response.body(body).map_err(|cause| malformed(&cause))
}

fn malformed(cause: &dyn std::fmt::Display) -> Failure {
    Failure::Malformed(cause.to_string())
}
