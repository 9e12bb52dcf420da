//! Bodies that are being received in this process, so that a client that comes back is told where it stands.
//!
//! A client that lost its connection asks for the offset at once, while what its last request brought is still being
//! stored. Whoever asks therefore ends that request first and waits until its bytes are counted. Between processes
//! nothing tells; the bytes are safe all the same, and the client learns of them by a conflict.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::task::Upload;
use crate::error::{Error, Kind};

/// How long the end of a request is waited for.
const ENDING_LIMIT: Duration = Duration::from_secs(10);

/// The requests by their uploads.
static RUNNING: LazyLock<Mutex<HashMap<String, Vec<Tokens>>>> = LazyLock::new(Mutex::default);

#[derive(Clone, Default)]
struct Tokens {
    take_over: CancellationToken,
    ended: CancellationToken,
}

/// A request that brings bytes of an upload in their order; it has ended when this is dropped.
pub(super) struct Transfer {
    upload: String,
    tokens: Tokens,
}

impl Transfer {
    /// Of an upload, by its id, beside others.
    pub(super) fn begin(upload: &str) -> Self {
        Self::enter(upload).0
    }

    /// The same, with those that had begun before.
    fn enter(upload: &str) -> (Self, Vec<Tokens>) {
        let tokens = Tokens::default();
        let before = running(|all| {
            let transfers = all.entry(upload.to_owned()).or_default();
            let before = transfers.clone();
            transfers.push(tokens.clone());
            before
        });
        (Self { upload: upload.to_owned(), tokens }, before)
    }

    /// Returns when somebody else goes on with the upload.
    pub(super) async fn taken_over(&self) {
        self.tokens.take_over.cancelled().await;
    }

    /// 409 if somebody else does.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.tokens.take_over.is_cancelled() { Err(taken_over()) } else { Ok(()) }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.tokens.ended.cancel();
        running(|all| {
            if let Some(transfers) = all.get_mut(&self.upload) {
                transfers.retain(|tokens| !tokens.ended.is_cancelled());
                if transfers.is_empty() {
                    all.remove(&self.upload);
                }
            }
        });
    }
}

/// What a request is told that was taken over.
pub(super) fn taken_over() -> Error {
    Error::new(Kind::Conflict, "Another request goes on with this upload.")
}

impl Upload {
    /// Ends the requests of this process that bring bytes of it, and waits until what they brought is stored.
    pub(super) async fn take_over(&self) {
        self.end_all(running(|all| all.get(&self.id).cloned().unwrap_or_default())).await;
    }

    /// The same, to bring bytes oneself: of two at once the later one goes on.
    pub(super) async fn take_turn(&self) -> Transfer {
        let (transfer, before) = Transfer::enter(&self.id);
        self.end_all(before).await;
        transfer
    }

    async fn end_all(&self, transfers: Vec<Tokens>) {
        for transfer in transfers {
            transfer.take_over.cancel();
            if tokio::time::timeout(ENDING_LIMIT, transfer.ended.cancelled()).await.is_err() {
                tracing::warn!(upload = self.id, "a request does not end");
            }
        }
    }
}

fn running<T>(act: impl FnOnce(&mut HashMap<String, Vec<Tokens>>) -> T) -> T {
    act(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner))
}
