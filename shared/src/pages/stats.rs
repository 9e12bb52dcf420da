//! How much there is: the numbers of the start page.
//!
//! They are counted from listings, each as far as [`COUNT_LIMIT`], and remembered in the process for a moment, so that
//! nobody makes the store work by asking often.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};

use super::texts::Units;
use crate::app::App;
use crate::archive;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Verb};
use crate::storage::image_key::parse_line;
use crate::storage::instance_key::parse_instance;
use crate::storage::{Bucket, ImageKey, InstanceKey, Key, Listed, SpeechKey, Storage};

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
#[derive(Default)]
pub(crate) struct Memory {
    all: Remembered<Stats>,
    spoken: Remembered<Spoken>,
}

/// Numbers that were counted a moment ago.
struct Remembered<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Copy> Remembered<T> {
    async fn or(&self, counting: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let remembered = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counted)) = remembered.filter(|(at, _)| at.elapsed() < REMEMBERED) {
            return Ok(counted);
        }
        let counted = counting.await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), counted));
        Ok(counted)
    }
}

/// What there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stats {
    pub(super) images: Count,
    pub(super) files: Count,
    pub(super) archives: Count,
    pub(super) spoken: Spoken,
    pub(super) instances: Count,
}

/// What there is of speech.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoken {
    pub(crate) routes: Count,
    pub(crate) tracks: Count,
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

impl Count {
    /// As a language writes it.
    pub(super) fn shown(self, units: &Units) -> String {
        format!("{}{}", units.number(self.count), if self.more { "+" } else { "" })
    }
}

/// The numbers as of now, or of a moment ago.
pub(super) async fn of(app: &App) -> Result<Stats, Error> {
    let storage = app.storage()?;
    let counting = async {
        // Boxed: a listing that is under way is large.
        let (images, files, archives, spoken, instances) = futures_util::try_join!(
            Box::pin(images(storage)),
            Box::pin(files(storage)),
            Box::pin(folders(storage, &app.config.archive_prefix)),
            Box::pin(spoken(app)),
            Box::pin(instances(storage)),
        )?;
        Ok(Stats { images, files, archives, spoken, instances })
    };
    app.stats.all.or(counting).await
}

/// The numbers of speech alone.
pub(crate) async fn spoken(app: &App) -> Result<Spoken, Error> {
    let bucket = &app.storage()?.main;
    let (lines, tracks) = (Key::Speech(SpeechKey::Lines), Key::Speech(SpeechKey::Tracks));
    let counting = async {
        let routes = Box::pin(count(bucket, &lines, |_| Some(0)));
        let tracks = Box::pin(count(bucket, &tracks, |object| Some(object.size)));
        let (routes, tracks) = futures_util::try_join!(routes, tracks)?;
        Ok(Spoken { routes, tracks })
    };
    app.stats.spoken.or(counting).await
}

impl Spoken {
    pub(crate) fn json(&self) -> Value {
        let Self { routes, tracks } = self;
        json!({
            "routes": { "count": routes.count, "more": routes.more },
            "tracks": { "count": tracks.count, "bytes": tracks.bytes, "more": tracks.more },
        })
    }
}

impl Stats {
    fn json(&self) -> Value {
        let Self { images, files, archives, spoken, instances } = self;
        json!({
            "images": { "count": images.count, "bytes": images.bytes, "more": images.more },
            "files": { "count": files.count, "bytes": files.bytes, "more": files.more },
            "archives": { "count": archives.count, "more": archives.more },
            "speech": spoken.json(),
            "instances": { "count": instances.count, "more": instances.more },
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

/// Databases of everybody, those that failed and those on their way included.
async fn instances(storage: &Storage) -> Result<Count, Error> {
    let all = Key::Instance(InstanceKey::All);
    count(&storage.main, &all, |object| parse_instance(&object.key).map(|_| 0)).await
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
