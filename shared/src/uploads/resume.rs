//! Finding the upload again that a client means when it applies for the same once more.
//!
//! Each time the upload that was meant has ended, the next one gets the next number; a number is given once.

use sha2::{Digest, Sha256};

use super::standing::Phase;
use super::task::{Task, Upload};
use crate::error::Error;
use crate::hex;
use crate::storage::{Creation, Key, Storage};

/// How often it is looked again because another client was quicker.
const ATTEMPTS: u32 = 16;

/// A name for what a client means, whatever characters its parts have.
pub fn name(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..16])
}

impl Upload {
    /// The upload under `name` that still lives, or a new one that `make` describes: its id and its task.
    pub async fn resume(
        storage: &Storage,
        name: &str,
        make: impl Fn() -> Result<(String, Task), Error>,
    ) -> Result<Self, Error> {
        for _ in 0..ATTEMPTS {
            let last = last(storage, name).await?;
            if let Some((_, id)) = &last
                && let Some(living) = living(storage, id).await?
            {
                return Ok(living);
            }
            let (id, mut task) = make()?;
            task.name = Some(name.to_owned());
            let Some(upload) = Self::create(storage, &id, task).await? else { continue };
            let seq = last.map_or(1, |(seq, _)| seq + 1);
            if storage.main.create(&Key::UploadName { name, seq: Some(seq) }, &id).await? == Creation::Made {
                return Ok(upload);
            }
            upload.remove().await?;
        }
        Err(Error::unavailable("Too many apply for the same upload."))
    }
}

/// The last upload that a name was given to, and its number.
async fn last(storage: &Storage, name: &str) -> Result<Option<(u32, String)>, Error> {
    let prefix = Key::UploadName { name, seq: None };
    let (mut pages, mut last) = (storage.main.list(&prefix), None);
    while let Some(page) = pages.next().await? {
        last = page.into_iter().last().map(|object| object.key).or(last);
    }
    let Some(seq) = last.and_then(|key| key.rsplit('/').next()?.parse::<u32>().ok()) else { return Ok(None) };
    let read = storage.main.read(&Key::UploadName { name, seq: Some(seq) }).await?;
    Ok(read.map(|read| (seq, read.value)))
}

/// The keys of the names that lead to an upload.
pub(super) async fn names_of(upload: &Upload) -> Result<Vec<String>, Error> {
    let Some(name) = &upload.task.name else { return Ok(Vec::new()) };
    let (bucket, mut own) = (&upload.storage.main, Vec::new());
    let mut pages = bucket.list(&Key::UploadName { name, seq: None });
    while let Some(page) = pages.next().await? {
        for object in page {
            let read = bucket.read::<String>(&Key::Listed(&object.key)).await?;
            if read.is_some_and(|read| read.value == upload.id) {
                own.push(object.key);
            }
        }
    }
    Ok(own)
}

async fn living(storage: &Storage, id: &str) -> Result<Option<Upload>, Error> {
    let Some(upload) = Upload::open(storage, id).await? else { return Ok(None) };
    let phase = upload.standing().await?.phase;
    let lives = matches!(phase, Phase::Open | Phase::Paused | Phase::Ended { settled: false, .. });
    Ok(lives.then_some(upload))
}
