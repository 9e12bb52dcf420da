//! The embedded store: an S3 server in the process, on one data folder.
//!
//! ```text
//! lock                 held while the store is open: one program a folder
//! index.redb           every bucket, object, upload and part; bodies up to 64 KiB
//! blobs/xx/{id}        larger bodies, immutable, xx = the last byte of the id
//! ```
//!
//! What holds always:
//! - What was acknowledged is on disk, also after `kill -9`; what was not is there whole or not at all.
//! - Racing conditional writes have one winner: conditions are decided inside the one transaction.
//! - A key never touches the file system, so no key can leave its bucket.
//! - A reader gets the bytes of one version, also while it is overwritten or deleted.
//! - All that is written is private to the owner (files 0600, folders 0700).
//!
//! Reads of rows run on the calling thread (microseconds out of a cache); files, listings and hashes of
//! large bodies are on blocking threads; all writes of rows are on the commit thread.

mod api;
mod blobs;
mod client;
mod commit;
mod condition;
mod cors;
mod digest;
mod directory;
mod error;
mod event;
mod front;
mod index;
mod listing;
mod ops;
mod range;
mod receive;
mod row;
mod serve;
mod state;
mod stream;
mod writer;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use self::blobs::Blobs;
use self::commit::Commits;
use self::directory::DirectoryBucket;
use self::event::Subscribers;
pub use self::event::{Event, EventKind};
use self::front::Front;
use self::index::Index;
use self::state::State;

/// The open store; cheap to clone, closed when [`Store::close`] was called or the last clone (and the
/// last client made from it) is gone.
#[derive(Clone)]
pub struct Store {
    state: Arc<State>,
    front: Front,
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may use it.
    pub credentials: Credentials,
    /// Origins whose pages may use it from a browser; `*` is any.
    pub cors_origins: Vec<String>,
    /// A directory to be mounted read-only as the bucket of that name.
    pub directory: Option<(String, PathBuf)>,
}

/// The one key pair that the store accepts.
#[derive(Clone)]
pub struct Credentials {
    /// The public half.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Why a store cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another program (or another store in this one) has the folder open.
    InUse(PathBuf),
    /// The folder cannot be made, read or written.
    Folder(PathBuf, io::Error),
    /// The index is damaged or from another version.
    Index(PathBuf, Box<redb::Error>),
    /// The directory to be mounted cannot be opened.
    Directory(PathBuf, io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(f, "the data folder {} is in use by another program", path.display()),
            Self::Folder(path, error) => write!(f, "the data folder {} cannot be used: {error}", path.display()),
            Self::Index(path, error) => {
                write!(f, "the index {} cannot be opened: {error}", path.display())
            }
            Self::Directory(path, error) => write!(f, "the directory {} cannot be opened: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InUse(_) => None,
            Self::Folder(_, error) | Self::Directory(_, error) => Some(error),
            Self::Index(_, error) => Some(error),
        }
    }
}

impl Store {
    /// Opens the store in `dir`, making it when it is missing, and cleans up after a crash.
    ///
    /// # Errors
    /// [`OpenError`]; each says in one line what is wrong and where.
    pub async fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let (dir, directory) = (dir.to_owned(), options.directory.clone());
        let opened = spawn_blocking(move || open_state(&dir, directory)).await;
        let state = opened.map_err(|error| OpenError::Folder(PathBuf::new(), io::Error::other(error)))??;
        let state = Arc::new(state);
        let front = Front::new(Arc::clone(&state), options);
        Ok(Self { state, front })
    }

    /// Every object created or deleted from now on, after it is durable and in commit order.
    ///
    /// The queue is bounded (65,536). The store never waits for a subscriber, because a subscriber that
    /// writes to the store would then wait for itself; what a full queue drops is counted by
    /// [`Store::lost_events`], and a scan (as at every start) finds it.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::Receiver<Event> {
        self.state.subscribers.subscribe()
    }

    /// How many events were dropped because a subscriber was too slow: when it grows, scan.
    #[must_use]
    pub fn lost_events(&self) -> u64 {
        self.state.subscribers.lost()
    }

    /// A client for the SDK that calls the store directly. Requests are signed as ever; any endpoint
    /// will do, with path-style addressing.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        client::http_client(self.front.clone())
    }

    /// Serves the S3 API until `shutdown`, then finishes running requests for at most ten seconds.
    ///
    /// # Errors
    /// None at present: a connection that cannot be accepted is logged.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
        serve::serve(&self.front, listener, shutdown).await
    }

    /// Finishes what is queued and stops writing; a write after that fails. The folder is given up when
    /// the last clone of the store and of its clients is dropped.
    pub async fn close(&self) {
        let state = Arc::clone(&self.state);
        let stop = move || {
            state.commits.stop();
            state.blobs.settle();
        };
        if spawn_blocking(stop).await.is_err() {
            tracing::error!("closing the store panicked");
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

fn open_state(dir: &Path, directory: Option<(String, PathBuf)>) -> Result<State, OpenError> {
    let unusable = |error| OpenError::Folder(dir.to_owned(), error);
    blobs::make_private_folder(dir).map_err(unusable)?;
    let lock = lock(dir)?;
    let path = dir.join("index.redb");
    let damaged = |error| OpenError::Index(path.clone(), Box::new(error));
    let index = Index::open(&path).map_err(damaged)?;
    let blobs = Arc::new(Blobs::open(dir.join("blobs")).map_err(unusable)?);
    let removed = blobs.sweep(&index.referenced_blobs().map_err(damaged)?).map_err(unusable)?;
    if removed > 0 {
        tracing::info!(removed, "blobs left behind by a crash were removed");
    }
    // The names of the index and of the lock are durable before the first answer is.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(unusable)?;
    let subscribers = Arc::new(Subscribers::default());
    let commits = Commits::start(index.clone(), Arc::clone(&blobs), Arc::clone(&subscribers)).map_err(unusable)?;
    let directory = directory.map(mount).transpose()?;
    Ok(State { commits, index, blobs, subscribers, directory, _lock: lock })
}

/// How long a program that is just ending may keep the folder: its memory is given back before its files,
/// and a child that it was starting holds them for a moment, too.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

fn lock(dir: &Path) -> Result<File, OpenError> {
    let unusable = |error| OpenError::Folder(dir.to_owned(), error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(dir.join("lock")).map_err(unusable)?;
    let started = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if started.elapsed() >= LOCK_PATIENCE => {
                return Err(OpenError::InUse(dir.to_owned()));
            }
            // On a blocking thread; a lock cannot be waited for with a limit.
            Err(Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
            Err(error) => return Err(unusable(error.into())),
        }
    }
}

fn mount((bucket, path): (String, PathBuf)) -> Result<Arc<DirectoryBucket>, OpenError> {
    DirectoryBucket::mount(bucket, &path).map(Arc::new).map_err(|error| OpenError::Directory(path, error))
}
