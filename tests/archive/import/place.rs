//! An app over a store, and a ZIP in it as an upload would leave it.

use bytes::Bytes;
use local::store::Store;
use shared::app::App;
use shared::archive::import::{Imported, import};
use shared::config::Config;
use shared::endpoints;
use shared::error::Error;
use shared::http::dispatch;
use shared::storage::{Key, Put, Storage};
use shared::uploads::Finished;
use tempfile::TempDir;
use tests::client::{self, Answer};
use tests::stack::{Backend, storage};

use super::super::unzip;

/// Where the ZIP is.
const UPLOAD: &str = "uploaded/a.zip";

/// An app, and what keeps its store.
pub(crate) struct Place {
    pub(crate) app: App,
    _kept: Option<(Store, TempDir)>,
}

impl Place {
    /// One on each store that there is.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for backend in [Backend::Embedded, Backend::Minio] {
            all.extend(Self::on(backend).await);
        }
        all
    }

    /// One on this store.
    pub(crate) async fn on(backend: Backend) -> Option<Self> {
        let (storage, kept) = storage(backend).await?;
        Some(Self { _kept: kept, ..Self::over(storage) })
    }

    /// One over a store that somebody else keeps.
    pub(crate) fn over(storage: Storage) -> Self {
        let config = Config::read(|_| None, None).expect("the defaults are right");
        Self { app: App::with_storage(config, storage), _kept: None }
    }

    /// Leaves a ZIP there.
    pub(crate) async fn upload(&self, zip: impl Into<Bytes>) -> Finished {
        let (zip, main) = (zip.into(), &self.app.storage().expect("a store").main);
        let size = zip.len() as u64;
        let etag = main.put(&Key::Listed(UPLOAD), zip, Put::default()).await.expect("a ZIP is put");
        Finished { key: UPLOAD.to_owned(), etag, size }
    }

    /// Imports a ZIP.
    pub(crate) async fn import(&self, zip: impl Into<Bytes>) -> Result<Imported, Error> {
        import(&self.app, &self.upload(zip).await).await
    }

    /// GET of a path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        client::read(dispatch(&self.app, endpoints::ALL, client::get(path)).await).await
    }

    /// What the archive holds; its first download has ranges.
    pub(crate) async fn contents(&self, imported: &Imported) -> Vec<(String, Bytes)> {
        let archive = self.get(&format!("/archive/{}/", imported.hash)).await;
        assert!(archive.status == 200 && archive.whole, "{}", archive.text());
        assert_eq!(archive.header("accept-ranges"), "bytes", "every CRC-32 is recorded");
        unzip::entries(&archive.body)
    }

    /// Every key but the upload's.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut pages = self.app.storage().expect("a store").main.list(&Key::Listed(""));
        while let Some(page) = pages.next().await.expect("a listing") {
            keys.extend(page.into_iter().map(|object| object.key).filter(|key| key != UPLOAD));
        }
        keys
    }
}
