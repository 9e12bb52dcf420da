//! What is checked over random schedules of store calls: see [`gate`]. The store is the embedded one, in memory.

pub(crate) mod gate;

use std::path::Path;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use local::store::{Credentials, Options, Store};
use shared::config::Config;
use shared::storage::{Storage, Transport};
use tempfile::TempDir;

/// The store as an actor reaches it.
pub(crate) async fn storage(client: SharedHttpClient) -> Storage {
    let config = Config::read(|_| None, None).unwrap();
    let credentials = ("model".to_owned(), "model-secret".to_owned());
    Storage::connect(&config, Transport::InProcess { client, credentials }).await
}

/// A new store.
pub(crate) async fn store(home: &Path) -> Store {
    let credentials = Credentials { access_key: "model".to_owned(), secret_key: "model-secret".to_owned() };
    let options = Options { credentials, cors_origins: Vec::new(), directory: None };
    let store = Store::open(home, options).await.unwrap();
    storage(store.http_client()).await.prepare().await.unwrap();
    store
}

/// Where syncing a file costs nothing, if there is such a place.
pub(crate) fn memory_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}
