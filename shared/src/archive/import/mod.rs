//! `POST /api/archive/import`: an uploaded ZIP becomes an archive.
//!
//! The upload is an object of the main bucket. Its list of entries is read and checked as a whole
//! (`end`, `directory`, `check`), then the entries are written as objects under a fresh folder
//! (`unpack`, `write`), with their CRC-32s recorded, so that the archive has ranges from its first
//! request on. Whoever is told the folder's name may download the archive; nobody can guess it.
//!
//! Objects: `{ARCHIVE_PREFIX}{folder}/...` and `crc32/{folder}/...`, as any archive has them;
//! `imports/{folder}`, which is made before the first and deleted after the last; and
//! `imports-of/{version id}`, by which one upload is one archive, however often it is asked for (`once`). An
//! import that fails takes its folder away; of one that dies the [`sweep`] does.
//!
//! What may never happen: an archive with fewer entries than the ZIP, or with other content, that is
//! told to anybody; a name that is not safe by the rules of [`super::names`]; memory or objects beyond
//! the limits, whatever a list of entries claims; an upload that changes while it is read.

mod check;
mod directory;
mod end;
mod once;
mod single;
mod source;
mod sweep;
mod unpack;
mod write;

pub use check::{RATIO_FLOOR, RATIO_LIMIT, TOTAL_LIMIT};
pub use directory::ENTRY_LIMIT;
pub use end::{DIRECTORY_LIMIT, ENTRIES_LIMIT};
pub use sweep::{ABANDONED, SWEEP_IMPORTS, sweep, sweep_older};

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;
use tracing::{error, info};

use self::directory::Entry;
use self::once::Made;
use self::source::Source;
use self::write::Target;
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body, detached};
use crate::storage::key::VersionId;
use crate::storage::{Creation, Key, Storage, StoreError};
use crate::uploads::{self, Claim, Finished};

/// The longest request body, in bytes: one URL or two words.
const BODY_LIMIT: u64 = 8 * 1024;

/// The longest time for a whole import; what one function may take at most.
const TIME_LIMIT: Duration = Duration::from_secs(15 * 60);

/// After this long it is given up, so that there is time to take away what it wrote.
const UNPACKING_LIMIT: Duration = Duration::from_secs(12 * 60);

/// The most characters of an entry's name that an error repeats.
const SHOWN_LIMIT: usize = 100;

/// What is said of a ZIP that contradicts itself.
const DAMAGED: &str = "This ZIP archive is damaged.";

/// Unpacks an uploaded ZIP.
pub const IMPORT: Endpoint = Endpoint {
    name: "archive-import",
    methods: &[Verb::Post],
    paths: &["/api/archive/import"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits { body: BODY_LIMIT, time: TIME_LIMIT },
    handler: |app, request| Box::pin(answer(app, request)),
};

/// An archive made of a ZIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The folder: 128 random bits, for a path.
    pub hash: String,
    /// Its entries, folders included.
    pub entries: u64,
    /// The bytes of all of them, unpacked.
    pub bytes: u64,
}

async fn answer(app: &App, mut request: Request) -> Result<Reply, Error> {
    let body = body::collect(std::mem::replace(&mut request.body, body::empty()), BODY_LIMIT).await?;
    let finished = uploads::finished(app, &claim(&body)?).await?;
    let Imported { hash, entries, bytes } = import(app, &finished).await?;
    // Not its folder: whoever knows that may download it.
    info!(request = request.id.as_str(), entries, bytes, "archive imported");
    let url = format!("{}/archive/{hash}/", request.base_url(&app.config));
    let location = HeaderValue::try_from(&url).map_err(|cause| Error::internal("tell where it is", cause))?;
    let data = json!({ "hash": hash, "url": url, "entries": entries, "bytes": bytes });
    let mut response = Dialect::Plain.success(StatusCode::CREATED, data);
    response.headers_mut().insert(LOCATION, location);
    Ok(Reply::Raw(response))
}

/// The body: one of two ways to say which upload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    upload: Option<String>,
    #[serde(rename = "taskId")]
    task: Option<Number>,
    key: Option<String>,
}

/// Old clients send numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

fn claim(body: &[u8]) -> Result<Claim, Error> {
    let wrong =
        || Error::invalid("The body must be JSON: {\"upload\": ID or URL} or {\"taskId\": NUMBER, \"key\": KEY}.");
    match serde_json::from_slice(body).map_err(|cause| wrong().caused_by(cause))? {
        // Of a URL the last segment is the id.
        Asked { upload: Some(upload), task: None, key: None } => {
            let path = upload.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
            let id = path.rsplit('/').next().filter(|id| !id.is_empty()).ok_or_else(wrong)?;
            Ok(Claim::Upload(id.to_owned()))
        }
        Asked { upload: None, task: Some(Number::Number(id)), key: Some(key) } => Ok(Claim::Task { id, key }),
        Asked { upload: None, task: Some(Number::Text(id)), key: Some(key) } => {
            Ok(Claim::Task { id: id.parse().map_err(|_| wrong())?, key })
        }
        _ => Err(wrong()),
    }
}

/// Unpacks the ZIP in `source` into a fresh folder, unless that has been done: then it is told of that one. If
/// it fails, nothing of it is left. It goes on when the caller is dropped, as it is when the client has gone.
///
/// # Errors
/// 409 while another import of the same upload is under way; 422 if the ZIP is not one that is taken.
pub async fn import(app: &App, source: &Finished) -> Result<Imported, Error> {
    let (storage, prefix) = (app.storage()?.clone(), Arc::from(&*app.config.archive_prefix));
    if storage.archives.name() != storage.main.name() {
        return Err(Error::new(Kind::Conflict, "The archives of this server are a directory that is only read."));
    }
    let source = source.clone();
    detached("import", async move { import_once(storage, prefix, &source).await }).await
}

async fn import_once(storage: Storage, prefix: Arc<str>, source: &Finished) -> Result<Imported, Error> {
    let deadline = Instant::now() + UNPACKING_LIMIT;
    let of = VersionId::of(&source.key, &source.etag, source.size);
    let before = match once::made(&storage, &prefix, of).await? {
        Made::Whole(imported) => return Ok(imported),
        before => before,
    };
    let hash = crate::random_name();
    let source = Source::new(&storage.main, source, deadline);
    let (entries, end) = list(&source, &Key::ArchiveFolder { prefix: &prefix, folder: &hash }).await?;
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let own = Imported { entries: entries.len() as u64, bytes, hash };
    begin(&storage, &own.hash).await?;
    if let Err(error) = once::claim(&storage, of, &before, &own).await {
        left_to_sweep(&own.hash, storage.main.delete(&Key::Import(&own.hash)).await);
        return Err(error);
    }
    let target = Target { storage, prefix, folder: (&*own.hash).into() };
    if let Err(error) = Box::pin(unpack::unpack(&target, &source, &entries, end)).await {
        // First what leads to the folder, while nobody can have put anything else in its place.
        left_to_sweep(&own.hash, target.storage.main.delete(&Key::ImportOf(of)).await);
        left_to_sweep(&own.hash, sweep::remove(&target.storage, &target.prefix, &own.hash).await);
        return Err(error);
    }
    // If there is no answer, others may already be told of the archive: it is not for us to take it away.
    target.storage.main.delete(&Key::Import(&own.hash)).await?;
    Ok(own)
}

/// What could not be taken away at once.
fn left_to_sweep(folder: &str, removed: Result<(), StoreError>) {
    if let Err(cause) = removed {
        error!(folder, %cause, "an import that failed is left to the sweep");
    }
}

/// The checked entries, in the order of their places, and where the last of them ends at the latest.
async fn list(source: &Source, folder: &Key<'_>) -> Result<(Vec<Entry>, u64), Error> {
    let directory = end::find(source).await?;
    let bytes = source.read(directory.range.clone()).await?;
    let entries = directory::parse(&bytes, directory.entries)?;
    Ok((check::check(entries, &directory, folder)?, directory.range.start))
}

/// Says that the folder is not whole yet.
async fn begin(storage: &Storage, hash: &str) -> Result<(), Error> {
    match storage.main.create(&Key::Import(hash), &()).await? {
        Creation::Made => Ok(()),
        Creation::Existed => Err(Error::internal("begin an import", "two folders have one name")),
    }
}

/// A ZIP that is not taken.
fn refuse(why: impl Into<Cow<'static, str>>) -> Error {
    Error::new(Kind::Unprocessable, why)
}

/// A name as an error may repeat it: short, and without what a terminal or a page would obey.
fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let short: String = name.chars().take(SHOWN_LIMIT).collect();
    let more = if short.len() < name.len() { "..." } else { "" };
    format!("\"{}{more}\"", short.escape_debug())
}
