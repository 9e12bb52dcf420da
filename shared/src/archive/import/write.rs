//! One entry becomes one object.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::io::{AsyncBufRead, AsyncRead, AsyncReadExt, Take};
use futures_util::{FutureExt, TryStreamExt, stream};

use tracing::warn;

use super::directory::Entry;
use super::{refuse, shown, single};
use crate::archive::checksums;
use crate::error::Error;
use crate::storage::{Key, Making, Multipart, Part, Put, Storage};

/// Bytes of one part; an object that fits into one is written whole. 5 GiB are 640 of them.
pub(super) const PART: usize = 8 * 1024 * 1024;

/// Parts of one object on their way at once.
const PARTS_AT_ONCE: usize = 3;

/// Bytes unpacked before others have their turn.
const CHUNK: usize = 64 * 1024;

/// The folder that is being written. Cheap to clone.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) storage: Storage,
    /// `ARCHIVE_PREFIX`
    pub(super) prefix: Arc<str>,
    /// The archive's hash.
    pub(super) folder: Arc<str>,
}

impl Target {
    pub(super) fn key<'a>(&'a self, name: &'a str) -> Key<'a> {
        Key::ArchiveObject { prefix: &self.prefix, folder: &self.folder, name }
    }

    /// Marks a folder, as an archive that is sent reads it.
    pub(super) async fn write_folder(&self, entry: &Entry) -> Result<(), Error> {
        self.storage.archives.put(&self.key(&entry.name), Bytes::new(), Put::default()).await?;
        Ok(())
    }

    /// Unpacks an entry out of exactly the bytes of `packed`, and records its CRC-32. There is no object
    /// unless it has come out right.
    pub(super) async fn write<R>(&self, entry: &Entry, mut packed: Take<R>) -> Result<(), Error>
    where
        R: AsyncBufRead + Unpin + Send,
    {
        let mut content = single::open(entry, &mut packed).await.map_err(|error| blame(entry, single::cause(error)))?;
        let first = part(entry, &mut content).await?;
        let key = self.key(&entry.name);
        let etag = if first.len() < PART {
            drop(content);
            used_up(entry, &packed)?;
            self.storage.archives.put(&key, first, Put::default()).await?
        } else {
            let multipart =
                self.storage.archives.multipart(&key, Making { checked: true, ..Making::default() }).await?;
            let parts = write_parts(entry, first, content, &multipart).await;
            match parts.and_then(|parts| used_up(entry, &packed).map(|()| parts)) {
                Ok(parts) => multipart.complete(parts, Put::default()).await?,
                Err(error) => {
                    if let Err(cause) = multipart.abort().await {
                        warn!(folder = &*self.folder, %cause, "the parts of an entry are left");
                    }
                    return Err(error);
                }
            }
        };
        if entry.size > 0 {
            let version = (&*key.to_string(), &*etag, entry.size);
            checksums::record(&self.storage, &self.folder, version, entry.crc32).await?;
        }
        Ok(())
    }
}

/// Nothing may hide behind the end of a compressed stream.
fn used_up<R: AsyncRead>(entry: &Entry, packed: &Take<R>) -> Result<(), Error> {
    if packed.limit() == 0 { Ok(()) } else { Err(damaged(entry)) }
}

/// Sends the parts, the first of which has been read, and reads on meanwhile.
async fn write_parts<R: AsyncRead + Unpin + Send>(
    entry: &Entry,
    first: Bytes,
    content: R,
    multipart: &Multipart,
) -> Result<Vec<Part>, Error> {
    let parts = stream::try_unfold((1, first, content), |(number, bytes, mut content)| async move {
        if bytes.is_empty() {
            return Ok::<_, Error>(None);
        }
        let next = if bytes.len() < PART { Bytes::new() } else { part(entry, &mut content).await? };
        Ok(Some(((number, bytes), (number + 1, next, content))))
    });
    let sending = parts.map_ok(|(number, bytes)| async move { Ok(multipart.part(number, bytes).await?) });
    sending.try_buffered(PARTS_AT_ONCE).try_collect().boxed().await
}

/// The next [`PART`] bytes, or what is left; the end is only reached if all of it was right.
async fn part<R: AsyncRead + Unpin>(entry: &Entry, content: &mut R) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::new();
    while bytes.len() < PART {
        // A small object needs no more memory than it has bytes, and one byte more to find its end.
        let filled = bytes.len();
        bytes.resize((filled + CHUNK).min(PART), 0);
        let read = content.read(&mut bytes[filled..]).await.map_err(|error| blame(entry, error))?;
        bytes.truncate(filled + read);
        if read == 0 {
            break;
        }
        tokio::task::consume_budget().await;
    }
    Ok(bytes.freeze())
}

/// Whose fault it is that an entry could not be read.
pub(super) fn blame(entry: &Entry, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::Other) => {
            damaged(entry).caused_by(error)
        }
        Err(error) => Error::internal("unpack an entry", error),
    }
}

/// An entry is not what the list of entries says.
pub(super) fn damaged(entry: &Entry) -> Error {
    refuse(format!("Entry {}: it is damaged.", shown(entry.name.as_bytes())))
}
