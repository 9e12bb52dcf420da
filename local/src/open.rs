//! Opens what the flags name.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use shared::config::{Config, Secret, variable};
use shared::storage::{Fault, Storage, StoreError, Transport};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::flags::Flags;
use crate::store::{Credentials, Options, Store};
use crate::workers::Events;

/// How long a store that does not answer yet is waited for.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// The bucket under which a directory is mounted.
const DIRECTORY_BUCKET: &str = "directory";

/// A kept secret has 44 characters; more of a file is not looked at.
const SECRET_LIMIT: u64 = 1024;

/// Pause between two tries to reach a store.
const REACH_PAUSE: Duration = Duration::from_millis(500);

/// The access key of the embedded store, unless the configuration names another.
const ACCESS_KEY: &str = "pannier";

/// What was opened.
pub struct Opened {
    /// The settings, with the secret.
    pub config: Config,
    /// Clients of the store; it may not be reachable yet.
    pub storage: Storage,
    /// The embedded store, if it is used.
    pub store: Option<Store>,
    /// What arrives in the embedded store.
    pub events: Option<Events>,
    /// Where to serve the embedded store's own API.
    pub store_api: Option<(Store, TcpListener)>,
}

/// Opens everything that is on this machine. An error is one line for whoever started the program.
pub async fn open(flags: &Flags, mut config: Config) -> Result<Opened, String> {
    let data = &flags.data;
    let named = |error: std::io::Error| format!("--data {}: {error}", data.display());
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(named)?;
    if config.secret.is_none() {
        let text = kept_secret(&data.join("secret")).map_err(named)?;
        config.secret =
            Some(Secret::from_base64(&text).map_err(|error| format!("{}/secret: {error}", data.display()))?);
    }
    let embedded = config.s3_endpoint.is_none();
    if !embedded && flags.store_listen.is_some() {
        return Err("--store-listen serves the embedded store, which --s3-endpoint replaces".to_owned());
    }
    let store = if embedded || flags.path.is_some() { Some(open_store(flags, &config).await?) } else { None };
    let storage = clients(&config, store.as_ref(), embedded, flags.path.is_some()).await;
    let store = store.map(|(store, _)| store);
    let store_api = match (&store, flags.store_listen) {
        (Some(store), Some(address)) => {
            let listener =
                TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
            let address = listener.local_addr().map_err(named)?;
            info!(%address, "store listens");
            config.store_public_url.get_or_insert_with(|| format!("http://{address}"));
            Some((store.clone(), listener))
        }
        _ => None,
    };
    // A directory has no events, and its files may be too many to read unasked.
    let heard = store.as_ref().filter(|_| flags.path.is_none());
    let events = heard.map(|store| Events { queue: store.subscribe(), store: store.clone() });
    Ok(Opened { config, storage, store, events, store_api })
}

/// Serves the embedded store's S3 API until the signal comes.
pub async fn serve_store(api: Option<(Store, TcpListener)>, mut signal: watch::Receiver<bool>) -> Result<(), String> {
    let Some((store, listener)) = api else { return Ok(()) };
    let stop = async move {
        // A sender that is gone is a signal as well.
        let _ = signal.wait_for(|stop| *stop).await;
    };
    store.serve(listener, stop).await.map_err(|error| format!("--store-listen: {error}"))
}

/// Waits, within bounds, until the store answers and has proved itself.
pub async fn reach(storage: Storage) -> Result<Storage, String> {
    let started = Instant::now();
    loop {
        let error = match storage.prepare().await {
            Ok(()) => return Ok(storage),
            Err(error) => error,
        };
        if error.fault != Fault::Unavailable || started.elapsed() >= STORE_PATIENCE {
            return Err(unreachable(&error));
        }
        warn!(%error, "the store does not answer yet");
        // A pause between tries: there is no condition to wait for but the store itself.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(REACH_PAUSE).await;
    }
}

fn unreachable(error: &StoreError) -> String {
    let mut line = format!("the store cannot be used: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        line = format!("{line}: {next}");
        cause = next.source();
    }
    line.replace('\n', " ")
}

async fn open_store(flags: &Flags, config: &Config) -> Result<(Store, Credentials), String> {
    let directory = flags.path.as_ref().map(|path| (DIRECTORY_BUCKET.to_owned(), path.clone()));
    if let Some((_, path)) = &directory {
        let found = std::fs::metadata(path).map_err(|error| format!("--path {}: {error}", path.display()))?;
        if !found.is_dir() {
            return Err(format!("--path {}: not a directory", path.display()));
        }
        check_apart(&flags.data, path)?;
    }
    let keys = credentials(&flags.data)?;
    let options = Options { credentials: keys.clone(), cors_origins: config.cors_origins.clone(), directory };
    let store = Store::open(&flags.data.join("store"), options).await.map_err(|error| error.to_string())?;
    Ok((store, keys))
}

/// The main bucket is in the configured store, archives come from the directory where one is named.
async fn clients(config: &Config, store: Option<&(Store, Credentials)>, embedded: bool, directory: bool) -> Storage {
    let in_process = |(store, keys): &(Store, Credentials)| Transport::InProcess {
        client: store.http_client(),
        credentials: (keys.access_key.clone(), keys.secret_key.clone()),
    };
    let main = match store.filter(|_| embedded) {
        Some(store) => in_process(store),
        None => Transport::Network,
    };
    let storage = Storage::connect(config, main).await;
    match store.filter(|_| directory) {
        Some(store) => storage.with_archives(config, in_process(store), DIRECTORY_BUCKET).await,
        None => storage,
    }
}

/// The embedded store's own credentials: the usual variables, else a secret of this data folder.
fn credentials(data: &Path) -> Result<Credentials, String> {
    let access_key = variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| ACCESS_KEY.to_owned());
    let secret_key = match variable("AWS_SECRET_ACCESS_KEY") {
        Some(secret) => secret,
        None => {
            kept_secret(&data.join("store-secret")).map_err(|error| format!("--data {}: {error}", data.display()))?
        }
    };
    Ok(Credentials { access_key, secret_key })
}

/// A secret that is made once and kept in a file that only its owner reads. The file appears with its
/// content or not at all: half a secret would be one that can be guessed.
fn kept_secret(path: &Path) -> std::io::Result<String> {
    if !path.exists() {
        let made = path.with_extension(std::process::id().to_string());
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&made)?;
        file.write_all(Secret::generate().to_base64().as_bytes())?;
        file.sync_all()?;
        // Unlike a rename this leaves one that another program made meanwhile.
        let linked = std::fs::hard_link(&made, path);
        std::fs::remove_file(&made)?;
        linked.or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let mut kept = String::new();
    File::open(path)?.take(SECRET_LIMIT).read_to_string(&mut kept)?;
    let invalid = |error| std::io::Error::new(ErrorKind::InvalidData, format!("{}: {error}", path.display()));
    Secret::from_base64(&kept).map(|secret| secret.to_base64()).map_err(invalid)
}

/// A directory that is served must not hold the secrets and the store, nor be a part of them.
fn check_apart(data: &Path, served: &Path) -> Result<(), String> {
    let real = |path: &Path| path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
    let (real_data, real_served) = (real(data)?, real(served)?);
    let (data, served) = (data.display(), served.display());
    if real_data.starts_with(&real_served) {
        return Err(format!("--data {data} lies inside of --path {served}, which is served"));
    }
    if real_served.starts_with(&real_data) {
        return Err(format!("--path {served} lies inside of --data {data}, which is never served"));
    }
    Ok(())
}
