//! What a process is made of: built once, borrowed by every handler.

use std::sync::OnceLock;

use tokio::sync::{OnceCell, watch};

use crate::config::Config;
use crate::error::Error;
use crate::instances::engine::Engine;
use crate::outbox;
use crate::pages::stats;
use crate::speech::engine::Engines;
use crate::storage::Storage;

/// The settings and the clients of a process.
pub struct App {
    /// The settings.
    pub config: Config,
    storage: OnceLock<Storage>,
    hint: watch::Sender<()>,
    /// What speaks.
    pub engines: Engines,
    /// What makes databases.
    pub instances: Instances,
    pub(crate) outbox: outbox::Memory,
    pub(crate) stats: stats::Memory,
}

/// What makes databases, and for which store.
pub struct Instances {
    /// What makes them.
    pub engine: Engine,
    pub(crate) site: OnceCell<String>,
}

impl App {
    /// An app whose store is still to be reached.
    pub fn new(config: Config) -> Self {
        Self {
            engines: Engines::of(&config),
            instances: Instances { engine: Engine::of(&config), site: OnceCell::new() },
            config,
            storage: OnceLock::new(),
            hint: watch::Sender::default(),
            outbox: outbox::Memory::default(),
            stats: stats::Memory::default(),
        }
    }

    /// An app with its store.
    pub fn with_storage(config: Config, storage: Storage) -> Self {
        let app = Self::new(config);
        app.store_reached(storage);
        app
    }

    /// The same with another engine, for tests.
    #[must_use]
    pub fn with_engine(self, engine: Engine) -> Self {
        Self { instances: Instances { engine, site: OnceCell::new() }, ..self }
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

    /// Hints that work was left for a worker on a schedule, so that it need not wait for its next time. Whether
    /// any such worker runs in this process: in a function none does, and nothing happens.
    pub fn wake_workers(&self) -> bool {
        self.hint.send(()).is_ok()
    }

    /// Whether workers on a schedule run in this process.
    pub fn runs_workers(&self) -> bool {
        self.hint.receiver_count() > 0
    }

    /// Changes with each hint from now on. Hints are not counted: one that comes during a run asks for another.
    pub fn hints(&self) -> watch::Receiver<()> {
        self.hint.subscribe()
    }
}
