//! All entries become objects. The upload is read once, from its beginning to its list of entries;
//! what is small is gathered and unpacked beside the reading, what is large passes through.

use futures_util::AsyncReadExt;
use futures_util::io::Cursor;
use tokio::task::JoinSet;

use super::directory::Entry;
use super::source::{Reading, Source};
use super::write::{PART, Target, blame, damaged};
use crate::error::Error;

/// Packed bytes up to which an entry is gathered, if it is also written whole.
const GATHERED: u64 = 1024 * 1024;

/// Gathered entries being unpacked and written at once: at most 72 MiB.
const AT_ONCE: usize = 8;

const HEADER: u64 = 30;
const HEADER_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
/// Bits 0, 6 and 13, as in the list of entries.
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Bit 3: CRC-32 and sizes follow the content.
const FLAG_DESCRIPTOR: u16 = 1 << 3;

/// Writes `entries`, which are in the order of their offsets and end before `end`. When it returns,
/// with an error too, nothing is being written any more.
pub(super) async fn unpack(target: &Target, source: &Source, entries: &[Entry], end: u64) -> Result<(), Error> {
    let mut writing = JoinSet::new();
    let mut walk = Walk { reading: source.stream(0..end), at: 0 };
    let mut outcome = Ok(());
    for (index, entry) in entries.iter().enumerate() {
        let limit = entries.get(index + 1).map_or(end, |next| next.offset);
        outcome = walk.step(target, entry, limit, &mut writing).await;
        if outcome.is_err() {
            break;
        }
    }
    while let Some(written) = writing.join_next().await {
        outcome = outcome.and(written.map_err(|cause| Error::internal("unpack an entry", cause)).flatten());
    }
    outcome
}

/// The way through the upload.
struct Walk {
    reading: Reading,
    /// Where it is.
    at: u64,
}

impl Walk {
    /// Writes one entry, or sees to it that it is written; it ends at `limit` at the latest.
    async fn step(
        &mut self,
        target: &Target,
        entry: &Entry,
        limit: u64,
        writing: &mut JoinSet<Result<(), Error>>,
    ) -> Result<(), Error> {
        while writing.len() >= AT_ONCE {
            let Some(written) = writing.join_next().await else { break };
            written.map_err(|cause| Error::internal("unpack an entry", cause))??;
        }
        self.enter(entry, limit).await?;
        let (target, packed) = (target.clone(), entry.compressed);
        self.at += packed;
        if entry.is_folder() {
            self.skip(entry, packed).await?;
            let entry = entry.clone();
            writing.spawn(async move { target.write_folder(&entry).await });
        } else if packed <= GATHERED && entry.size < PART as u64 {
            let mut bytes = vec![0; usize::try_from(packed).unwrap_or(0)];
            self.reading.read_exact(&mut bytes).await.map_err(|error| blame(entry, error))?;
            let entry = entry.clone();
            writing.spawn(async move { target.write(&entry, Cursor::new(bytes).take(packed)).await });
        } else {
            Box::pin(target.write(entry, (&mut self.reading).take(packed))).await?;
        }
        Ok(())
    }

    /// Goes to an entry's content, past its header, which must not say anything else than the list.
    async fn enter(&mut self, entry: &Entry, limit: u64) -> Result<(), Error> {
        self.skip(entry, entry.offset - self.at).await?;
        let mut header = [0; 30];
        self.read(entry, &mut header).await?;
        let u16_at = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let u32_at = |at: usize| u64::from(u16_at(at)) | u64::from(u16_at(at + 2)) << 16;
        let (flags, method, name_length, extra_length) = (u16_at(6), u16_at(8), u16_at(26), u16_at(28));
        let begin = entry.offset + HEADER + u64::from(name_length) + u64::from(extra_length);
        let fits = begin.checked_add(entry.compressed).is_some_and(|end| end <= limit);
        // What is not known yet, or does not fit, stands elsewhere.
        let agrees = |at: usize, value: u64| {
            flags & FLAG_DESCRIPTOR != 0 || u32_at(at) == value || u32_at(at) == u64::from(u32::MAX)
        };
        let same = header.starts_with(&HEADER_SIGNATURE)
            && flags & FLAGS_ENCRYPTED == 0
            && method == entry.method as u16
            && agrees(14, entry.crc32.into())
            && agrees(18, entry.compressed)
            && agrees(22, entry.size);
        if !same || !fits || usize::from(name_length) != entry.name.len() {
            return Err(damaged(entry));
        }
        let mut name = vec![0; name_length.into()];
        self.read(entry, &mut name).await?;
        if name != entry.name.as_bytes() {
            return Err(damaged(entry));
        }
        self.skip(entry, extra_length.into()).await?;
        self.at = begin;
        Ok(())
    }

    async fn read(&mut self, entry: &Entry, into: &mut [u8]) -> Result<(), Error> {
        self.reading.read_exact(into).await.map_err(|error| blame(entry, error))
    }

    async fn skip(&mut self, entry: &Entry, length: u64) -> Result<(), Error> {
        let skipped = futures_util::io::copy((&mut self.reading).take(length), &mut futures_util::io::sink()).await;
        let skipped = skipped.map_err(|error| blame(entry, error))?;
        if skipped == length { Ok(()) } else { Err(damaged(entry)) }
    }
}
