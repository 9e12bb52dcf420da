//! One request, from the table to the log line.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use tracing::{error, info, warn};

use super::body::{self, Body, End, Watched};
use super::cors;
use super::dialect::Dialect;
use super::endpoint::{Auth, Endpoint, Needs, Reply};
use super::request::{Params, Request, RequestId, X_REQUEST_ID};
use super::router::{Miss, route};
use crate::app::App;
use crate::auth;
use crate::clock;
use crate::error::{Error, Kind};
use crate::hex;
use crate::pages::Visit;

/// The longest path that is looked at, in bytes; nothing lives behind a longer one.
const PATH_LIMIT: usize = 8 * 1024;

/// What follows is a permission: whoever knows it may do what the path is for.
const PERMISSIONS: [&str; 3] = ["/archive/", "/files/", "/resumable/"];

/// Answers one request from a table of endpoints.
pub async fn dispatch(app: &App, table: &[&'static Endpoint], request: http::Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let id = RequestId::of(&head.headers);
    let asked = Asked { method: head.method, headers: head.headers, uri: head.uri.clone(), id };
    let response = match asked.route(table) {
        Ok((endpoint, params)) => {
            let request = Request {
                method: asked.method.clone(),
                uri: head.uri,
                headers: asked.headers.clone(),
                body,
                params,
                id: asked.id.clone(),
                caller: None,
            };
            let dialect = endpoint.dialect;
            match run(app, endpoint, request).await {
                Ok(Reply::Json(status, data)) => dialect.success(status, data),
                Ok(Reply::Raw(response)) => response,
                Err(error) => asked.refuse(dialect, &error),
            }
        }
        Err(miss) => asked.missed(miss),
    };
    finish(app, asked, response, started)
}

/// What `table` answers to a request that none of its endpoints takes: 404, 405 or the answer to a
/// preflight. For the function that gets what no other function's route took; if an endpoint does take
/// it, then at another address.
pub(crate) fn missed(table: &[&'static Endpoint], request: &Request) -> Reply {
    let asked = Asked {
        method: request.method.clone(),
        headers: request.headers.clone(),
        uri: request.uri.clone(),
        id: request.id.clone(),
    };
    let miss = match asked.route(table) {
        Ok((endpoint, _)) => Miss::Missing(endpoint.dialect),
        Err(miss) => miss,
    };
    Reply::Raw(asked.missed(miss))
}

/// Auth, limits, handler.
async fn run(app: &App, endpoint: &Endpoint, mut request: Request) -> Result<Reply, Error> {
    if endpoint.needs == Needs::Store {
        app.storage()?;
    }
    if endpoint.auth == Auth::ApiKey {
        request.caller = Some(auth::caller(&app.config, &request.headers)?);
    }
    let declared = request.content_length();
    if declared.is_some_and(|length| length > endpoint.limits.body) {
        return Err(Error::new(Kind::TooLarge, "Request body is too large."));
    }
    let limit = usize::try_from(endpoint.limits.body).unwrap_or(usize::MAX);
    request.body = Limited::new(request.body, limit).boxed_unsync();
    // The call itself belongs inside: a handler may panic before it has made its future.
    let handled = AssertUnwindSafe(async { (endpoint.handler)(app, request).await }).catch_unwind();
    match tokio::time::timeout(endpoint.limits.time, handled).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Error::internal("handler panicked", panic_text(panic.as_ref()))),
        Err(elapsed) => Err(Error::new(Kind::Timeout, "This took too long.").caused_by(elapsed)),
    }
}

/// What is needed of a request after its parts have gone to the handler.
struct Asked {
    method: Method,
    headers: HeaderMap,
    uri: Uri,
    id: RequestId,
}

impl Asked {
    fn route(&self, table: &[&'static Endpoint]) -> Result<(&'static Endpoint, Params), Miss> {
        if self.uri.path().len() > PATH_LIMIT {
            return Err(Miss::Missing(Dialect::Plain));
        }
        route(table, &self.method, self.uri.path())
    }

    fn missed(&self, miss: Miss) -> Response<Body> {
        match miss {
            Miss::OtherMethods { allow, .. } if self.method == Method::OPTIONS => {
                cors::preflight(&allow, &self.headers)
            }
            Miss::OtherMethods { allow, dialect } => self.refuse(dialect, &other_methods(&allow)),
            Miss::Missing(dialect) => self.refuse(dialect, &Error::not_found("There is nothing here.")),
        }
    }

    fn refuse(&self, dialect: Dialect, error: &Error) -> Response<Body> {
        let (kind, causes, request) = (error.kind(), error.causes(), self.id.as_str());
        let (method, path) = (self.method.as_str(), shown(self.uri.path()));
        if kind.status().is_server_error() {
            error!(request, method, %path, ?kind, causes, "{error}");
        } else if !causes.is_empty() {
            warn!(request, method, %path, ?kind, causes, "{error}");
        }
        let visit = || Visit::of(Some(&self.uri), &self.headers);
        dialect.for_error(&self.method, &self.headers).error(error, request, visit)
    }
}

/// A path as the log has it: of a permission only the first 32 bits of its SHA-256, by which requests for the same
/// thing are found.
fn shown(path: &str) -> String {
    let secret = PERMISSIONS.iter().find_map(|before| Some((before, path.strip_prefix(before)?)));
    let Some((before, rest)) = secret.filter(|(_, rest)| !rest.is_empty()) else {
        return path.escape_debug().to_string();
    };
    let (permission, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let digest = Sha256::digest(percent_decode_str(permission).collect::<Vec<u8>>());
    format!("{before}sha256:{}{}", hex(&digest[..4]), tail.escape_debug())
}

fn other_methods(allow: &[&'static str]) -> Error {
    let error = Error::new(Kind::MethodNotAllowed, "This path does not take that method.");
    match HeaderValue::try_from(allow.join(", ")) {
        Ok(value) => error.with_header(ALLOW, value),
        Err(_) => error,
    }
}

/// The headers that every response has, the length where it is known, and the access log.
fn finish(app: &App, asked: Asked, mut response: Response<Body>, started: Instant) -> Response<Body> {
    let exact = http_body::Body::size_hint(response.body()).exact();
    let bodiless = response.status().is_informational() || matches!(response.status().as_u16(), 204 | 304);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, asked.id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    cors::mark(&app.config.cors_origins, asked.headers.get(ORIGIN), headers);
    if let (Some(length), false) = (exact, bodiless) {
        headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    if response.status() == StatusCode::NO_CONTENT {
        // RFC 9110, 8.6: a 204 has no length, and nothing that a type could describe.
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().remove(CONTENT_TYPE);
    }
    let expected = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let status = response.status().as_u16();
    let headless = asked.method == Method::HEAD;
    if headless || bodiless {
        *response.body_mut() = body::empty();
    }
    response.map(|body| {
        let expected = if headless || bodiless { Some(0) } else { expected };
        Watched::new(body, expected, move |sent, end| {
            let milliseconds = clock::milliseconds(started.elapsed());
            let (request, method, path) = (asked.id.as_str(), asked.method.as_str(), shown(asked.uri.path()));
            match end {
                End::Complete => {
                    info!(target: "access", request, method, %path, status, sent, milliseconds, "answered")
                }
                End::Aborted(causes) => {
                    warn!(target: "access", request, method, %path, status, sent, milliseconds, causes, "broken off")
                }
                End::Dropped => {
                    info!(target: "access", request, method, %path, status, sent, milliseconds, "client left")
                }
            }
        })
        .boxed_unsync()
    })
}

/// Does work of a handler to its end. A handler is dropped when its client goes away; what must not be cut short runs
/// here.
pub(crate) async fn detached<T: Send + 'static>(
    doing: &'static str,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(|cause| Error::internal(doing, cause))?
}

/// What a caught panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
