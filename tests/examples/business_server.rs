//! A business server: the one that knows Pannier's token, so that its clients need not.
//!
//! ```sh
//! BUSINESS_TOKEN=... WEBHOOK_SECRET=whsec_... cargo run --example business_server -- http://127.0.0.1:8080
//! ```
//!
//! `POST /apply`: a client tells name, size and MD5 of a file and gets the URLs to upload it to.
//! `POST /api/business/fupload/callback`: Pannier tells that an upload has ended; the signature proves that it
//! was Pannier (Standard Webhooks).

// A program at a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::HashSet;
use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

type Failure = Box<dyn Error + Send + Sync>;

/// Where it listens, unless the second argument says otherwise.
const LISTEN: &str = "127.0.0.1:8090";

/// The largest request body it reads, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// How old a callback may be: an old one that somebody recorded is worth nothing.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// What all requests share.
struct Business {
    pannier: String,
    token: String,
    /// What the callbacks are signed with, decoded.
    secret: Vec<u8>,
    client: reqwest::Client,
    /// The callbacks that came already: each comes at least once, and may come again.
    seen: Mutex<HashSet<String>>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let pannier = arguments.next().ok_or("which Pannier? for example http://127.0.0.1:8080")?;
    let listen = arguments.next().unwrap_or_else(|| LISTEN.to_owned());
    let secret = variable("WEBHOOK_SECRET")?;
    let secret = secret.strip_prefix("whsec_").ok_or("WEBHOOK_SECRET begins with whsec_")?;
    let business = Arc::new(Business {
        pannier: pannier.trim_end_matches('/').to_owned(),
        token: variable("BUSINESS_TOKEN")?,
        secret: STANDARD.decode(secret)?,
        client: reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?,
        seen: Mutex::default(),
    });
    let listener = TcpListener::bind(&listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (connection, _) = listener.accept().await?;
        let business = business.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&business, request));
            // A client that breaks off is its own affair.
            let _ =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
        });
    }
}

/// Secrets come from the environment, where no other user of the machine sees them.
#[allow(clippy::disallowed_methods)]
fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

async fn answer(business: &Business, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await.map(http_body_util::Collected::to_bytes) else {
        return Ok(reply(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "too large, or broken off" })));
    };
    let (status, data) = match (&head.method, head.uri.path()) {
        (&Method::POST, "/apply") => apply(business, &body).await,
        (&Method::POST, "/api/business/fupload/callback") => callback(business, &head.headers, &body),
        _ => (StatusCode::NOT_FOUND, json!({ "error": "nothing here" })),
    };
    Ok(reply(status, &data))
}

fn reply(status: StatusCode, data: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(data.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// A client wants to upload a file. Here a real server would ask who it is, and whether it may.
async fn apply(business: &Business, body: &[u8]) -> (StatusCode, Value) {
    let Ok(file) = serde_json::from_slice::<Value>(body) else {
        return (StatusCode::BAD_REQUEST, json!({ "error": "not JSON" }));
    };
    match new_task(business, &file).await {
        // The answer goes to the client as it is: its URLs are the permission to upload this one file.
        Ok(answer) if answer["retCode"] == "0" => (StatusCode::OK, answer["data"].clone()),
        Ok(answer) => (StatusCode::BAD_GATEWAY, json!({ "error": answer["status"] })),
        Err(failure) => {
            eprintln!("Pannier cannot be asked: {failure}");
            (StatusCode::BAD_GATEWAY, json!({ "error": "the upload service does not answer" }))
        }
    }
}

async fn new_task(business: &Business, file: &Value) -> Result<Value, Failure> {
    let task = json!({
        "token": business.token,
        // Whoever is logged in.
        "userId": 1,
        // Below the prefix of this business in the bucket.
        "storePath": "incoming",
        "fileName": file["fileName"],
        "fileSize": file["fileSize"],
        "fileMd5": file["fileMd5"],
        // Comes back with the callback.
        "feedBackParameter": "an order, a case, a user",
    });
    let url = format!("{}/api/upload/new/task", business.pannier);
    let request = business.client.post(url).header(CONTENT_TYPE, "application/json").body(task.to_string());
    // Refusals are JSON, too; whatever is not is a proxy's error page.
    Ok(serde_json::from_slice(&request.send().await?.bytes().await?)?)
}

/// An upload has ended.
fn callback(business: &Business, headers: &HeaderMap, body: &[u8]) -> (StatusCode, Value) {
    let Some(id) = verified(&business.secret, headers, body) else {
        return (StatusCode::UNAUTHORIZED, json!({ "error": "the signature is not right" }));
    };
    // Not `lock().unwrap()`: a set of identifiers is sound whatever panicked beside it. A real server would keep
    // it with the data that the callback changes, in one transaction.
    if !business.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
        return (StatusCode::OK, json!({ "status": "known already" }));
    }
    let Ok(news) = serde_json::from_slice::<Value>(body) else {
        return (StatusCode::BAD_REQUEST, json!({ "error": "not JSON" }));
    };
    let outcome = match news["retCode"].as_str() {
        Some("0") => "is complete and verified",
        Some("-1") => "was given up: nothing came for too long",
        Some("-2") => "is not what was announced: its MD5 differs",
        _ => "ended in a way that this program does not know",
    };
    let text = |name: &str| news[name].as_str().unwrap_or_default().to_owned();
    println!("task {}: {}/{} {outcome} ({})", news["taskId"], text("storePath"), text("fileName"), text("data"));
    (StatusCode::OK, json!({ "status": "ok" }))
}

/// The message's id, if it was signed with our secret, and lately: HMAC-SHA256 of `{id}.{timestamp}.{body}`.
fn verified(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let sent = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(timestamp.parse().ok()?))?;
    // `elapsed` fails for a time to come and then tells how far ahead it is.
    let distance = sent.elapsed().unwrap_or_else(|ahead| ahead.duration());
    if distance > CLOCK_TOLERANCE {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    // Several signatures, while a secret is being replaced; one has to be right. `verify_slice` takes the same time
    // whatever is wrong.
    let given = header("webhook-signature")?.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let mut decoded = given.filter_map(|signature| STANDARD.decode(signature).ok());
    decoded.any(|signature| mac.clone().verify_slice(&signature).is_ok()).then(|| id.to_owned())
}
