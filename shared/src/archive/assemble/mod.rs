//! Archives above a size, put together inside the bucket: for a platform that lets a function stream only so much.
//!
//! With `ARCHIVE_ASSEMBLE` set, a GET of a larger archive is answered 302 to a presigned URL of an object that has the
//! very bytes that would be streamed. It is one multipart upload: large contents are copied by the store itself
//! (UploadPartCopy, each with `copy-source-if-match`), all else is sent as parts, by the code that streams.
//! `parts` says which is which.
//!
//! | key | object |
//! |---|---|
//! | `assembled/{folder}/{entity tag}.{id}.zip` | an archive; never written twice, and no older than a day |
//! | `assemblies/{folder}` | the work on one: its entity tag, its multipart upload, and whose it is |
//!
//! Whoever asks first begins. The work belongs to a holder for a while (`claim`); others wait for it to end, which they see
//! in a listing. A holder that dies is followed by the next request or by the worker [`ASSEMBLE_ARCHIVES`], which find the
//! parts that are there. The lease only keeps them from doing things twice: two that work on one multipart upload send the
//! same parts, and it can be completed once. A request works for as long as its client may wait, and then says 503 with
//! `Retry-After`; a browser asks again by itself (`Refresh`). Each request goes on where the last one stopped.
//!
//! What a client sees of it:
//! - HEAD is as ever: 200, the exact length, the archive's entity tag. It begins nothing.
//! - GET with `If-None-Match` of that tag is 304. Every other condition, and every range, goes with the redirect to the store,
//!   which knows its own tag and date. `If-Match` with the tag that HEAD told is therefore 412 there.
//! - `If-Range` with what is neither ours nor the store's is 412 here: not every store heeds it, and a client must not join the
//!   rest of one archive to the beginning of another.
//!
//! Streamed all the same: archives from a directory on disk, those of a store that clients cannot reach, and those that no
//! 10,000 parts make up (hundreds of gigabytes of nothing but small files).
//!
//! What may never happen: an assembled archive with another byte than the streamed one of its entity tag; a URL that outlives
//! its object; a key that is written twice.

mod claim;
mod make;
mod parts;
mod worker;

pub use worker::{ASSEMBLE_ARCHIVES, sweep_older};

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{IF_RANGE, REFRESH, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Response};
use tokio::time::Instant;
use tracing::warn;

use self::make::Outcome;
use self::parts::Part;
use super::names;
use super::plan::{Plan, plan};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::object::elsewhere;
use crate::http::{Body, detached};
use crate::storage::{Key, Listed, Shown, Storage, StoreError};

/// How long a request works, or waits for another that does: less than a proxy waits for an answer.
const REQUEST_BUDGET: Duration = Duration::from_secs(20);

/// How often it is looked whether another has done it.
const LOOK: Duration = Duration::from_millis(300);

/// How old an assembled archive is when it is deleted.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How old one may be to be told of: its URL is to end before it does. An hour lies between, so that clocks may differ.
const FRESH: Duration = Duration::from_secs(17 * 3600);

/// What a client is told to wait before it asks again, in seconds.
const AGAIN: HeaderValue = HeaderValue::from_static("5");

/// How an archive reaches its client.
enum Way {
    /// As it is made.
    Streamed,
    /// From the bucket, made of these parts.
    Assembled(Vec<Part>),
    /// The same, once every CRC-32 is known.
    Unsettled,
}

impl Way {
    /// How the archive of a plan does.
    fn of(app: &App, storage: &Storage, plan: &Plan) -> Self {
        let large = app.config.archive_assemble.is_some_and(|limit| plan.layout.total() > limit);
        let copied = storage.archives.name() == storage.main.name();
        let reached = !storage.in_process || app.config.store_public_url.is_some();
        if !(large && copied && reached) {
            return Self::Streamed;
        }
        if !plan.is_settled() {
            return Self::Unsettled;
        }
        let parts = parts::of(plan);
        if parts.is_none() {
            warn!(folder = plan.folder, bytes = plan.layout.total(), "too many small entries to assemble the archive");
        }
        parts.map_or(Self::Streamed, Self::Assembled)
    }
}

/// What of a request decides.
pub(super) struct Asked<'a> {
    /// Its method.
    pub(super) method: &'a Method,
    /// Its headers.
    pub(super) headers: &'a HeaderMap,
    /// What the file is to be called, without its ending.
    pub(super) name: &'a str,
}

/// The answer to a GET of an archive that is not to be streamed; `None` for all else. `plan` is renewed where the archive was
/// not settled.
///
/// # Errors
/// 503 while it is being put together; 412 for a range of another archive.
pub(super) async fn answer(app: &App, asked: Asked<'_>, plan: &mut Arc<Plan>) -> Result<Option<Response<Body>>, Error> {
    let (storage, deadline) = (app.storage()?, Instant::now() + REQUEST_BUDGET);
    let (mut first, mut made) = (true, false);
    loop {
        let here = asked.method != Method::GET || plan.representation().is_unmodified(asked.headers);
        let parts = match Way::of(app, storage, plan) {
            Way::Streamed => return Ok(None),
            _ if here => return Ok(None),
            Way::Assembled(parts) => Some(parts),
            Way::Unsettled => None,
        };
        if let Some(object) = find(storage, plan).await? {
            check_range(asked.headers, &plan.representation().etag, &object)?;
            let shown = Shown { content_type: "application/zip", disposition: &names::disposition(asked.name) };
            return elsewhere(app, &storage.main, &Key::Listed(&object.key), shown).await.map(Some);
        }
        if made {
            return Err(Error::internal("assemble an archive", "what was made is not found"));
        }
        match claim::take(storage, plan, parts.as_deref(), first).await? {
            Some(holder) => {
                let work = make::work(storage.clone(), plan.clone(), parts, holder, deadline);
                match detached("assemble an archive", Box::pin(work)).await? {
                    Outcome::Made => made = true,
                    Outcome::Settled => *plan = renewed(app, storage, plan).await?,
                    Outcome::Late => return Err(being_made()),
                }
            }
            None if Instant::now() >= deadline => return Err(being_made()),
            None => {
                // Another process may be the other; only the store tells.
                #[allow(clippy::disallowed_methods)]
                tokio::time::sleep(LOOK).await;
            }
        }
        first = false;
    }
}

async fn renewed(app: &App, storage: &Storage, old: &Plan) -> Result<Arc<Plan>, Error> {
    let plan = plan(storage, &app.config.archive_prefix, &old.folder).await?;
    plan.map(Arc::new).ok_or_else(super::missing)
}

/// The archive of a plan, if it has been put together and is young enough to be told of.
async fn find(storage: &Storage, plan: &Plan) -> Result<Option<Listed>, StoreError> {
    if !plan.is_settled() {
        return Ok(None);
    }
    let (oldest, mut found) = (SystemTime::now() - FRESH, None::<Listed>);
    let mut pages = storage.main.list(&Key::AssembledOf { folder: &plan.folder, etag: &plan.tag() });
    while let Some(page) = pages.next().await? {
        let fitting = page.into_iter().filter(|object| object.modified > oldest && object.size == plan.layout.total());
        found = fitting.chain(found).max_by_key(|object| object.modified);
    }
    Ok(found)
}

/// Refuses the rest of an archive that is not this one. See [the module](self).
fn check_range(headers: &HeaderMap, ours: &str, object: &Listed) -> Result<(), Error> {
    let Some(validator) = headers.get(IF_RANGE) else { return Ok(()) };
    let validator = validator.to_str().unwrap_or_default().trim();
    let same_date = || {
        let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).ok();
        httpdate::parse_http_date(validator).is_ok_and(|date| seconds(date) == seconds(object.modified))
    };
    if validator == ours || validator == object.etag || same_date() {
        return Ok(());
    }
    Err(Error::new(Kind::PreconditionFailed, "The archive has changed since: begin anew."))
}

fn being_made() -> Error {
    later("The archive is being put together. Ask again in a moment.")
}

/// 503 that makes clients ask again, a browser by itself.
fn later(message: &'static str) -> Error {
    Error::new(Kind::Unavailable, message).with_header(RETRY_AFTER, AGAIN).with_header(REFRESH, AGAIN)
}
