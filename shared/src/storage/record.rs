//! Records: small JSON objects that are created once and changed by compare-and-swap.
//!
//! The client below retries a request that got no answer, so a 412 may be the echo of our own first
//! attempt. Each write therefore carries a nonce; on a 412 the record is read again, and our nonce in
//! it means that we won. The nonce also makes every content new, so that an ETag (a digest of the
//! content) never comes back: no ABA.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, Fetch, Put};
use super::fault::{Fault, StoreError};
use super::key::Key;

/// The largest record, in bytes.
const RECORD_LIMIT: u64 = 1024 * 1024;

/// How often a write that met another one is tried before the caller hears of it.
const WRITE_ATTEMPTS: u32 = 64;

/// Whether a record was made or was there before.
#[derive(Debug, PartialEq, Eq)]
pub enum Creation {
    /// By this call.
    Made,
    /// By another; nothing was written.
    Existed,
}

/// A record as it was read.
#[derive(Debug)]
pub struct Versioned<T> {
    /// What it says.
    pub value: T,
    etag: String,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    nonce: String,
    value: T,
}

impl Bucket {
    /// Makes a record, unless there is one.
    pub async fn create<T: Serialize>(&self, key: &Key<'_>, value: &T) -> Result<Creation, StoreError> {
        let made = self.write(key, value, Put { if_absent: true, ..record() }).await?;
        Ok(if made { Creation::Made } else { Creation::Existed })
    }

    /// Reads a record; `None` if there is none.
    pub async fn read<T: DeserializeOwned>(&self, key: &Key<'_>) -> Result<Option<Versioned<T>>, StoreError> {
        Ok(self.read_envelope(key).await?.map(|(envelope, etag)| Versioned { value: envelope.value, etag }))
    }

    /// Changes a record that was read, unless it was changed or deleted since: then `false`.
    pub async fn replace<T: Serialize, U>(
        &self,
        key: &Key<'_>,
        read: &Versioned<U>,
        value: &T,
    ) -> Result<bool, StoreError> {
        self.write(key, value, Put { if_match: Some(&read.etag), ..record() }).await
    }

    /// Reads, changes and writes until no other write came between; returns what was written, `None`
    /// if there is no such record.
    pub async fn update<T, F>(&self, key: &Key<'_>, change: F) -> Result<Option<T>, StoreError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(T) -> T,
    {
        self.update_if(key, |value| Some(change(value))).await
    }

    /// The same with a change that may say no: then nothing is written, and it returns `None`, too.
    pub async fn update_if<T, F>(&self, key: &Key<'_>, change: F) -> Result<Option<T>, StoreError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(T) -> Option<T>,
    {
        for attempt in 0..WRITE_ATTEMPTS {
            let Some(Versioned { value, etag }) = self.read(key).await? else { return Ok(None) };
            let Some(value) = change(value) else { return Ok(None) };
            if self.replace(key, &Versioned { value: (), etag }, &value).await? {
                return Ok(Some(value));
            }
            pause(attempt).await;
        }
        Err(StoreError::new(Fault::Conflict, "update", &self.name, &key.to_string()))
    }

    /// Writes under a condition. `false` if the condition did not hold.
    async fn write<T: Serialize>(&self, key: &Key<'_>, value: &T, put: Put<'_>) -> Result<bool, StoreError> {
        let nonce = URL_SAFE_NO_PAD.encode(crate::random::<12>());
        let bytes = serde_json::to_vec(&Envelope { nonce: nonce.clone(), value }).map_err(|cause| {
            StoreError::new(Fault::Other, "serialise", &self.name, &key.to_string()).caused_by(cause)
        })?;
        let bytes = Bytes::from(bytes);
        for attempt in 0..WRITE_ATTEMPTS {
            let error = match self.put(key, bytes.clone(), put.clone()).await {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            match error.fault {
                Fault::Precondition => {
                    let current = self.read_envelope::<serde::de::IgnoredAny>(key).await?;
                    return Ok(current.is_some_and(|(envelope, _)| envelope.nonce == nonce));
                }
                // If-Match on a key that is gone is 404 on AWS, 412 elsewhere.
                Fault::Missing if put.if_match.is_some() => return Ok(false),
                Fault::Conflict => pause(attempt).await,
                _ => return Err(error),
            }
        }
        Err(StoreError::new(Fault::Conflict, "write", &self.name, &key.to_string()))
    }

    async fn read_envelope<T: DeserializeOwned>(
        &self,
        key: &Key<'_>,
    ) -> Result<Option<(Envelope<T>, String)>, StoreError> {
        let fetched = match self.get(key, Fetch::default()).await {
            Ok(fetched) => fetched,
            Err(error) if error.fault == Fault::Missing => return Ok(None),
            Err(error) => return Err(error),
        };
        let broken = |fault| StoreError::new(fault, "read record", &self.name, &key.to_string());
        if fetched.length > RECORD_LIMIT {
            return Err(broken(Fault::Other).caused_by("a record has at most 1 MiB"));
        }
        let etag = fetched.etag.clone();
        let bytes = fetched.bytes().await.map_err(|cause| broken(Fault::Unavailable).caused_by(cause))?;
        let envelope = serde_json::from_slice(&bytes).map_err(|cause| broken(Fault::Other).caused_by(cause))?;
        Ok(Some((envelope, etag)))
    }
}

fn record() -> Put<'static> {
    Put { content_type: Some("application/json"), ..Put::default() }
}

/// Waits a random while, longer with each attempt: writers that met once must not meet again in step.
async fn pause(attempt: u32) {
    let ceiling = 4_u64 << attempt.min(7);
    let spread = u64::from(u32::from_le_bytes(crate::random()));
    // A back-off is the point here, not a wait for a condition.
    #[allow(clippy::disallowed_methods)]
    tokio::time::sleep(Duration::from_millis(1 + spread % ceiling)).await;
}
