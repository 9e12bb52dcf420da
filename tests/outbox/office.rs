//! The real program with its business servers configured, on a store that a test posts into.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use shared::config::BusinessId;
use shared::outbox::{Message, post};
use shared::storage::{Fetch, Key, Storage};
use tempfile::TempDir;
use tests::client::PATIENCE;
use tests::minio;
use tests::program::{Program, log};
use tests::stack::{Backend, free_address, storage_at};

/// Signs the callbacks of every business that [`configuration`] makes.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A document with a business for each token and address.
pub(crate) fn configuration(businesses: &[(&str, &str)]) -> String {
    let one = |(token, url): &(&str, &str)| {
        format!("[business.{token}]\nname = \"{token}\"\nnotify_url = \"{url}\"\nwebhook_secret = \"{SECRET}\"\n")
    };
    businesses.iter().map(one).collect()
}

pub(super) fn message(id: &str, token: &str) -> Message {
    Message {
        id: id.to_owned(),
        business: BusinessId::of(token),
        body: format!("{{\"retCode\": \"0\", \"é\": \"{id}\"}}"),
    }
}

pub(super) struct Office {
    program: Program,
    pub(super) storage: Storage,
    variables: Vec<(&'static str, String)>,
    folder: TempDir,
}

impl Office {
    /// Starts the program; `None` after saying what is missing for it.
    pub(super) async fn open(backend: Backend, configuration: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pannier.toml"), configuration).unwrap();
        let name: String = shared::random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        let bucket = format!("outbox-{name}");
        let (store, endpoint) = match backend {
            Backend::Embedded => {
                let address = free_address();
                (("STORE_LISTEN", address.trim_start_matches("http://").to_owned()), address)
            }
            Backend::Minio => {
                let endpoint = minio::endpoint().await?;
                (("S3_ENDPOINT", endpoint.clone()), endpoint)
            }
        };
        let variables = vec![
            ("AWS_ACCESS_KEY_ID", minio::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", minio::SECRET_KEY.to_owned()),
            ("BUCKET", bucket.clone()),
            store,
        ];
        let program = start(&folder, &variables).await;
        let storage = storage_at(&endpoint, &bucket).await;
        Some(Self { program, storage, variables, folder })
    }

    /// `kill -9`.
    pub(super) async fn kill(self) -> Killed {
        self.program.kill().await;
        Killed { storage: self.storage, variables: self.variables, folder: self.folder }
    }

    /// SIGTERM; the exit code.
    pub(super) async fn stop(self) -> Option<i32> {
        self.program.stop().await
    }

    pub(super) fn log(&self) -> String {
        log(&data(&self.folder))
    }

    pub(super) async fn post(&self, id: &str, token: &str) {
        post(&self.storage, &message(id, token)).await.expect("a message is posted");
    }

    /// Waits until a message is no longer there.
    pub(super) async fn gone(&self, id: &str) {
        eventually(async || self.record(&Key::Outbox(id)).await.is_none()).await;
    }

    /// Waits until a message was tried so often and put off.
    pub(super) async fn put_off(&self, id: &str, attempts: u64) {
        eventually(async || {
            let Some(record) = self.record(&Key::Outbox(id)).await else { return false };
            // A claim puts it off for a minute, the first failure for five seconds.
            record["attempts"] == attempts && record["next_attempt"].as_u64().unwrap() < now() + 30
        })
        .await;
    }

    /// A record, read as any client of the bucket would.
    pub(super) async fn record(&self, key: &Key<'_>) -> Option<Value> {
        let bytes = self.storage.main.get(key, Fetch::default()).await.ok()?.bytes().await.expect("a whole record");
        let mut envelope: Value = serde_json::from_slice(&bytes).expect("JSON");
        Some(envelope["value"].take())
    }
}

/// What a killed program leaves.
pub(super) struct Killed {
    storage: Storage,
    variables: Vec<(&'static str, String)>,
    folder: TempDir,
}

impl Killed {
    pub(super) async fn start(self) -> Office {
        let program = start(&self.folder, &self.variables).await;
        Office { program, storage: self.storage, variables: self.variables, folder: self.folder }
    }
}

/// Waits for a condition that only asking can tell.
pub(crate) async fn eventually(condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes true");
}

/// Seconds of Unix time.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

fn data(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

async fn start(folder: &TempDir, variables: &[(&str, String)]) -> Program {
    let document = folder.path().join("pannier.toml");
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
    let arguments = ["--demo-users", "--config", document.to_str().expect("a path in UTF-8")];
    Program::start(&data(folder), &arguments, &variables).await
}
