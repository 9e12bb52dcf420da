//! Bytes that come with their checksum (tus 1.0.0, "Checksum"): nothing of them counts before all were compared.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::BodyDataStream;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Kind};
use crate::http::{Body, body, detached};
use crate::memory::{Room, UPLOADS};
use crate::random_name;
use crate::storage::{Fetch, Item, Put};
use crate::uploads::append::{Appended, Content, Then, Turn};
use crate::uploads::receive::IDLE_LIMIT;
use crate::uploads::task::Upload;

/// `Tus-Checksum-Algorithm`
pub(super) const ALGORITHMS: &str = "sha1,md5,crc32,sha256";

/// Up to this many bytes are held in memory until they are compared; more are put aside in the store.
const HELD_LIMIT: u64 = 16 << 20;

/// How long bytes that are held may take: room for them is kept free all the while.
const HOLD_TIME: Duration = Duration::from_secs(5 * 60);

/// The most bytes that are put aside: the largest object that a store takes in one piece, 5 GiB.
const ASIDE_LIMIT: u64 = 5 << 30;

/// How much is hashed at once before other work gets its turn.
const FRAME: usize = 1 << 20;

/// What a checksum is to be.
pub(super) struct Expected {
    hasher: Hasher,
    digest: Vec<u8>,
}

#[derive(Clone)]
enum Hasher {
    Sha1(Sha1),
    Md5(Md5),
    /// Its digest is the number in network byte order.
    Crc32(crc32fast::Hasher),
    Sha256(Sha256),
}

impl Expected {
    /// Reads `Upload-Checksum: {algorithm} {base64}`.
    ///
    /// # Errors
    /// 400 if it is malformed or of another algorithm.
    pub(super) fn parse(value: &str) -> Result<Self, Error> {
        let malformed = || Error::invalid("Upload-Checksum must be an algorithm and a digest in base64.");
        let (name, digest) = value.split_once(' ').ok_or_else(malformed)?;
        let hasher = match name {
            "sha1" => Hasher::Sha1(Sha1::new()),
            "md5" => Hasher::Md5(Md5::new()),
            "crc32" => Hasher::Crc32(crc32fast::Hasher::new()),
            "sha256" => Hasher::Sha256(Sha256::new()),
            _ => return Err(Error::invalid(format!("Upload-Checksum must be one of {ALGORITHMS}."))),
        };
        let digest = STANDARD.decode(digest).map_err(|cause| malformed().caused_by(cause))?;
        if digest.len() != hasher.clone().digest().len() {
            return Err(malformed());
        }
        Ok(Self { hasher, digest })
    }

    /// Appends a body that matches, of `length` bytes if that is known.
    ///
    /// # Errors
    /// 460 if it does not match: nothing was appended.
    pub(super) async fn append(
        self,
        upload: &Upload,
        turn: Turn,
        (body, length): (Body, Option<u64>),
    ) -> Result<Appended, Error> {
        match length {
            Some(length) if length > HELD_LIMIT => {
                let nonce = self.put_aside(upload, body, length).await?;
                let upload = upload.clone();
                // Once it is compared it is ours to take in, whether the client stays or not.
                detached("take in", async move { take_in(&upload, turn, &nonce).await }).await
            }
            _ => {
                let (bytes, room) = self.hold(body, length.unwrap_or(HELD_LIMIT)).await?;
                upload.append(turn, Content::Held(bytes, room), Then::Proceed).await
            }
        }
    }

    async fn hold(mut self, body: Body, limit: u64) -> Result<(Bytes, Room), Error> {
        let room = UPLOADS.room(limit).await?;
        let collected = tokio::time::timeout(HOLD_TIME, body::collect(body::impatient(body, IDLE_LIMIT), limit)).await;
        let late = |elapsed| Error::new(Kind::Timeout, "The body comes too slowly.").caused_by(elapsed);
        let bytes = collected.map_err(late)??;
        for frame in bytes.chunks(FRAME) {
            self.hasher.update(frame);
            tokio::task::yield_now().await;
        }
        self.check()?;
        Ok((bytes, room))
    }

    /// Puts bytes aside that match, under the name that it returns.
    async fn put_aside(self, upload: &Upload, body: Body, length: u64) -> Result<String, Error> {
        if length > ASIDE_LIMIT {
            return Err(Error::new(Kind::TooLarge, "With a checksum, a request has at most 5 GiB."));
        }
        let nonce = random_name();
        let key = upload.key(Item::Incoming(&nonce));
        let hasher = Arc::new(Mutex::new(self.hasher));
        let passing = hasher.clone();
        let frames = BodyDataStream::new(body::impatient(body, IDLE_LIMIT))
            .inspect_ok(move |frame| passing.lock().unwrap_or_else(PoisonError::into_inner).update(frame));
        upload.storage.main.put_stream(&key, body::stream(frames), length, Put::default()).await?;
        let hasher = hasher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let checked = Self { hasher, digest: self.digest }.check();
        if checked.is_err() {
            upload.storage.main.delete(&key).await?;
        }
        checked.map(|()| nonce)
    }

    fn check(self) -> Result<(), Error> {
        if self.hasher.digest() == self.digest {
            return Ok(());
        }
        Err(Error::new(Kind::ChecksumMismatch, "The bytes do not match Upload-Checksum; none were kept."))
    }
}

async fn take_in(upload: &Upload, turn: Turn, nonce: &str) -> Result<Appended, Error> {
    let key = upload.key(Item::Incoming(nonce));
    let fetched = upload.storage.main.get(&key, Fetch::default()).await?;
    let appended = upload.append(turn, Content::Stream(fetched.body), Then::Proceed).await?;
    // The sweep would do it too.
    if let Err(error) = upload.storage.main.delete(&key).await {
        tracing::warn!(upload = upload.id, %error, "bytes that were put aside stay for now");
    }
    Ok(appended)
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn digest(self) -> Vec<u8> {
        match self {
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Md5(hasher) => hasher.finalize().to_vec(),
            Self::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
        }
    }
}
