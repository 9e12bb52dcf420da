//! The plan of an archive: its entries in their final order, names and forms, and what follows from them.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::checksums::{self, Checksums};
use super::layout::{Form, Layout, Member};
use super::names::{Unique, entry_name};
use crate::error::{Error, Kind};
use crate::hex;
use crate::http::range::Representation;
use crate::storage::{Key, Listed, Storage, StoreError, key};

/// The most entries of one archive; the list of them is held in memory, about 250 bytes each.
pub const ENTRIES_LIMIT: usize = 1_000_000;

/// Content up to this many bytes is buffered where its CRC-32 is not known.
pub const BUFFER_LIMIT: u64 = 256 * 1024;

/// About how many large objects of unknown CRC-32 the store is asked in one request; the others are
/// sent as blocks.
const QUESTIONS_LIMIT: usize = 1_000;

/// How many such questions are under way at once.
const QUESTIONS_AT_ONCE: usize = 32;

/// Part of every entity tag: to be changed with anything that changes the bytes made from the same
/// folder, so that no download is resumed across the change.
const LAYOUT_VERSION: &[u8] = b"pannier-zip-1";

/// One entry.
#[derive(Debug)]
pub struct Entry {
    /// The object's key.
    pub key: Box<str>,
    /// Its ETag, with quotes: the version that belongs into this archive.
    pub etag: Box<str>,
    /// Its bytes.
    pub size: u64,
    /// Its last modification, in seconds since 1970.
    pub modified: u64,
    /// Its CRC-32, if known.
    pub crc32: Option<u32>,
    /// Whether the store says it has a checksum of it.
    asks_store: bool,
    /// Its name in the archive, where that is not simply the key below the folder.
    renamed: Option<Box<str>>,
}

/// All that is known of an archive before it is sent.
#[derive(Debug)]
pub struct Plan {
    /// The archive's hash.
    pub folder: String,
    /// The entries, sorted by the bytes of their keys.
    pub entries: Vec<Entry>,
    /// Where everything is.
    pub layout: Layout,
    /// The length of what all keys begin with.
    prefix_length: usize,
}

/// Plans the archive of a folder; `None` if the folder has no objects.
pub async fn plan(storage: &Storage, archive_prefix: &str, folder: &str) -> Result<Option<Plan>, Error> {
    let prefix = Key::ArchiveFolder { prefix: archive_prefix, folder };
    // Where archives lie at the top of the bucket our own state lies beside them.
    if storage.archives.name() == storage.main.name() && key::is_own(&prefix.to_string()) {
        return Ok(None);
    }
    let (mut entries, known) = futures_util::try_join!(list(storage, &prefix), recorded(storage, folder))?;
    if entries.is_empty() {
        return Ok(None);
    }
    for entry in &mut entries {
        entry.crc32 = known.get(&entry.key, &entry.etag, entry.size);
    }
    drop(known);
    ask_store(storage, folder, &mut entries).await?;
    Ok(Some(Plan::new(folder, prefix.to_string().len(), entries)))
}

impl Entry {
    /// An entry whose CRC-32 is yet to be found.
    pub fn new(object: Listed) -> Self {
        Self {
            modified: object.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
            key: object.key.into(),
            etag: object.etag.into(),
            size: object.size,
            crc32: None,
            asks_store: object.has_crc32,
            renamed: None,
        }
    }

    /// How its content is written: in blocks only if its CRC-32 comes too late for its header.
    pub fn form(&self) -> Form {
        if self.crc32.is_none() && self.size > BUFFER_LIMIT { Form::Blocks } else { Form::Stored }
    }

    /// Whether its content is held in memory until its CRC-32 is known.
    pub(super) fn is_buffered(&self) -> bool {
        self.crc32.is_none() && self.size <= BUFFER_LIMIT
    }
}

impl Plan {
    /// The plan of `entries`, which are in the order of their keys; each key begins with the same
    /// `prefix_length` bytes, the folder's.
    pub fn new(folder: &str, prefix_length: usize, mut entries: Vec<Entry>) -> Self {
        for entry in entries.iter_mut().filter(|entry| entry.size == 0) {
            // Of no bytes; there is nothing to fetch.
            entry.crc32 = Some(0);
        }
        rename(prefix_length, &mut entries);
        let layout = Layout::new(entries.iter().map(|entry| member(entry, prefix_length)));
        Self { folder: folder.to_owned(), entries, layout, prefix_length }
    }

    /// What the layout sees of an entry.
    pub fn member(&self, index: usize) -> Member<'_> {
        member(&self.entries[index], self.prefix_length)
    }

    /// The length of what all keys begin with: the folder.
    pub fn prefix_length(&self) -> usize {
        self.prefix_length
    }

    /// Whether the bytes of the whole archive are determined already: only then can a part be sent.
    pub fn is_settled(&self) -> bool {
        self.entries.iter().all(|entry| entry.crc32.is_some())
    }

    /// The archive as something to be served: validators, length, ranges.
    pub fn representation(&self) -> Representation {
        let newest = self.entries.iter().map(|entry| entry.modified).max().unwrap_or(0);
        Representation {
            etag: self.entity_tag(),
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(newest),
            length: self.layout.total(),
            ranges: self.is_settled(),
            // An entry may go, or an older one come, without any effect on the newest date.
            dated: false,
        }
    }

    /// The entity tag without its quotes.
    pub(super) fn tag(&self) -> String {
        self.entity_tag().trim_matches('"').to_owned()
    }

    /// A digest of everything that the bytes depend on.
    fn entity_tag(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(LAYOUT_VERSION);
        for (index, entry) in self.entries.iter().enumerate() {
            let member = self.member(index);
            // Names and ETags have no NUL, so no two lists of entries run together to the same bytes.
            hash.update(member.name);
            hash.update([0, u8::from(member.form == Form::Blocks)]);
            hash.update(&*entry.etag);
            hash.update([0]);
            hash.update(entry.size.to_le_bytes());
            hash.update(entry.modified.to_le_bytes());
        }
        let digest = hash.finalize();
        format!("\"{}\"", hex(&digest[..16]))
    }
}

fn member(entry: &Entry, prefix_length: usize) -> Member<'_> {
    let name = entry.renamed.as_deref().unwrap_or(&entry.key[prefix_length..]);
    Member { name, size: entry.size, modified: entry.modified, form: entry.form() }
}

/// The folder's objects. Its own marker names no entry.
async fn list(storage: &Storage, prefix: &Key<'_>) -> Result<Vec<Entry>, Error> {
    let own_marker = prefix.to_string();
    let mut entries = Vec::new();
    let mut pages = storage.archives.list(prefix);
    while let Some(page) = pages.next().await? {
        entries.extend(page.into_iter().filter(|object| object.key != own_marker).map(Entry::new));
        if entries.len() > ENTRIES_LIMIT {
            return Err(Error::new(Kind::Unprocessable, "This folder has too many objects for an archive."));
        }
    }
    Ok(entries)
}

async fn recorded(storage: &Storage, folder: &str) -> Result<Checksums, Error> {
    Ok(Checksums::of(storage, folder).await?)
}

/// Asks the store for the checksums of large objects that it has and we do not, and records them.
async fn ask_store(storage: &Storage, folder: &str, entries: &mut [Entry]) -> Result<(), StoreError> {
    let mut unknown: Vec<usize> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.form() == Form::Blocks && entry.asks_store && unknown.len() < QUESTIONS_LIMIT {
            unknown.push(index);
        }
    }
    let asked = &*entries;
    let questions = stream::iter(unknown).map(|index| async move {
        let Entry { key, etag, size, .. } = &asked[index];
        let crc32 = storage.archives.crc32(&Key::Listed(key), etag).await?;
        if let Some(crc32) = crc32 {
            checksums::record(storage, folder, (key, etag, *size), crc32).await?;
        }
        Ok::<_, StoreError>((index, crc32))
    });
    let answers: Vec<_> = questions.buffer_unordered(QUESTIONS_AT_ONCE).try_collect().await?;
    for (index, crc32) in answers {
        entries[index].crc32 = crc32;
    }
    Ok(())
}

/// Gives every entry a name that is safe, not empty and its own. Keys differ, so names only collide
/// where one had to be changed, or where a file is called like a folder.
fn rename(prefix_length: usize, entries: &mut [Entry]) {
    let changed = |entry: &Entry| wanted(prefix_length, entry) != entry.key[prefix_length..];
    if !entries.iter().any(changed) && !has_file_like_folder(prefix_length, entries) {
        return;
    }
    let mut unique = Unique::new(entries.iter().map(|entry| wanted(prefix_length, entry)));
    for entry in entries {
        let name = unique.claim(&wanted(prefix_length, entry));
        entry.renamed = (*name != entry.key[prefix_length..]).then(|| name.into());
    }
}

/// The name of an entry, if no other has it.
fn wanted(prefix_length: usize, entry: &Entry) -> Cow<'_, str> {
    let mut name = entry_name(&entry.key[prefix_length..]);
    if entry.size > 0 && name.ends_with('/') {
        // A directory has no content (APPNOTE 4.3.8): a marker that has some is a file after all.
        name = name.trim_end_matches('/').to_owned().into();
    }
    if name.is_empty() { "_".into() } else { name }
}

/// Whether some key is `a` and another `a/b`, which a bucket has room for and a file system has not.
fn has_file_like_folder(prefix_length: usize, entries: &[Entry]) -> bool {
    let mut previous = "";
    for Entry { key, .. } in entries {
        for (at, _) in key[prefix_length..].match_indices('/') {
            // Keys are sorted: of each folder only the first is looked at.
            let (folder, slash) = (&key[..prefix_length + at], &key[..=prefix_length + at]);
            let is_file = || entries.binary_search_by(|entry| (*entry.key).cmp(folder)).is_ok();
            if !previous.starts_with(slash) && is_file() {
                return true;
            }
        }
        previous = key;
    }
    false
}
