//! What a process is made of: built once, borrowed by every handler.

use std::sync::OnceLock;

use crate::config::Config;
use crate::error::Error;
use crate::storage::Storage;

/// The settings and the clients of a process.
pub struct App {
    /// The settings.
    pub config: Config,
    storage: OnceLock<Storage>,
}

impl App {
    /// An app whose store is still to be reached.
    pub fn new(config: Config) -> Self {
        Self { config, storage: OnceLock::new() }
    }

    /// An app with its store.
    pub fn with_storage(config: Config, storage: Storage) -> Self {
        Self { config, storage: OnceLock::from(storage) }
    }

    /// Hands over the store once it is reached; a second call changes nothing.
    pub fn store_reached(&self, storage: Storage) {
        // The first one stays: handlers may hold references to it.
        let _ = self.storage.set(storage);
    }

    /// The store, or 503 while it is not reached yet.
    pub fn storage(&self) -> Result<&Storage, Error> {
        self.storage.get().ok_or_else(|| Error::unavailable("Storage is not initialized yet!"))
    }
}
