//! How much there is: the numbers of the start page.
//!
//! They are counted from listings, each as far as [`COUNT_LIMIT`], and remembered in the process for a moment, so that
//! nobody makes the store work by asking often.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::archive;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Verb};
use crate::storage::image_key::parse_line;
use crate::storage::{Bucket, ImageKey, Key, Listed, SpeechKey, Storage};

/// `GET /api/stats`
pub const STATS: Endpoint = Endpoint {
    name: "stats",
    methods: &[Verb::Get],
    paths: &["/api/stats"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, _| Box::pin(async move { Ok(Reply::Json(StatusCode::OK, of(app).await?.json())) }),
};

/// Where counting stops: ten requests to the store.
const COUNT_LIMIT: u64 = 10_000;

/// How many listings of a thousand objects are made to count the archives, which may have many objects each.
const LISTINGS_LIMIT: usize = 20;

/// How old remembered numbers may be.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What a process remembers.
pub(crate) type Memory = Mutex<Option<(Instant, Stats)>>;

/// What there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stats {
    pub(super) images: Count,
    pub(super) files: Count,
    pub(super) archives: Count,
    pub(super) routes: Count,
    pub(super) tracks: Count,
}

/// Some things, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(super) count: u64,
    /// Of all that were counted.
    pub(super) bytes: u64,
    /// Whether there are more than were counted.
    pub(super) more: bool,
}

/// The numbers as of now, or of a moment ago.
pub(crate) async fn of(app: &App) -> Result<Stats, Error> {
    let remembered = *app.stats.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, stats)) = remembered.filter(|(at, _)| at.elapsed() < REMEMBERED) {
        return Ok(stats);
    }
    let storage = app.storage()?;
    // Boxed: a listing that is under way is large.
    let (images, files, archives, routes, tracks) = futures_util::try_join!(
        Box::pin(images(storage)),
        Box::pin(files(storage)),
        Box::pin(folders(storage, &app.config.archive_prefix)),
        Box::pin(count(&storage.main, &Key::Speech(SpeechKey::Lines), |_| Some(0))),
        Box::pin(count(&storage.main, &Key::Speech(SpeechKey::Tracks), |object| Some(object.size))),
    )?;
    let stats = Stats { images, files, archives, routes, tracks };
    *app.stats.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), stats));
    Ok(stats)
}

impl Stats {
    /// Those of speech.
    pub(crate) fn speech(&self) -> Value {
        let Self { routes, tracks, .. } = self;
        json!({
            "routes": { "count": routes.count, "more": routes.more },
            "tracks": { "count": tracks.count, "bytes": tracks.bytes, "more": tracks.more },
        })
    }

    fn json(&self) -> Value {
        let Self { images, files, archives, .. } = self;
        json!({
            "images": { "count": images.count, "bytes": images.bytes, "more": images.more },
            "files": { "count": files.count, "bytes": files.bytes, "more": files.more },
            "archives": { "count": archives.count, "more": archives.more },
            "speech": self.speech(),
        })
    }
}

async fn images(storage: &Storage) -> Result<Count, Error> {
    let lines = Key::Image(ImageKey::Lines);
    count(&storage.main, &lines, |object| parse_line(&object.key).map(|line| line.bytes)).await
}

/// Files that are finished. What was published under a path of a business is its own.
async fn files(storage: &Storage) -> Result<Count, Error> {
    count(&storage.main, &Key::File(""), |object| Some(object.size)).await
}

/// The objects under a prefix that stand for something of so many bytes.
async fn count(bucket: &Bucket, prefix: &Key<'_>, bytes: impl Fn(&Listed) -> Option<u64>) -> Result<Count, Error> {
    let (mut pages, mut found) = (bucket.list(prefix), Count::default());
    while let Some(page) = pages.next().await? {
        for bytes in page.iter().filter_map(&bytes) {
            if found.count == COUNT_LIMIT {
                return Ok(Count { more: true, ..found });
            }
            found.count += 1;
            found.bytes += bytes;
        }
    }
    Ok(found)
}

/// The folders that are archives. A folder that is longer than a listing is passed over as a whole.
async fn folders(storage: &Storage, prefix: &str) -> Result<Count, Error> {
    let mut found = HashSet::new();
    let all = Key::Listed(prefix);
    let mut pages = storage.archives.list(&all);
    for _ in 0..LISTINGS_LIMIT {
        let Some(page) = pages.next().await? else { return Ok(counted(&found, false)) };
        let mut last = None;
        for object in &page {
            let Some(folder) = archive::folder_of(prefix, &object.key) else { continue };
            if found.len() as u64 == COUNT_LIMIT && !found.contains(folder) {
                return Ok(counted(&found, true));
            }
            found.insert(folder.to_owned());
            last = Some(folder);
        }
        if let Some(folder) = last {
            let beyond = Key::ArchiveObject { prefix, folder, name: "\u{10ffff}" };
            pages = storage.archives.list_after(&all, &beyond);
        }
    }
    Ok(counted(&found, true))
}

fn counted(folders: &HashSet<String>, more: bool) -> Count {
    Count { count: folders.len() as u64, bytes: 0, more }
}
