//! The sorted names of a listing: one walk, kept for the pages that follow.
//!
//! A walk reads directories only (the kind of an entry comes with its name); sizes and times are looked
//! up for the entries of a page when it is made, so they are never older than the answer. The names of a
//! walk are kept for [`FRESH_FOR`] and used only by requests that continue a listing; without them the
//! next page walks again and continues after its marker all the same.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{DirEntry, FileType};
use s3s::{S3Error, S3Result, s3_error};

use super::Missing;
use super::open::{Root, entries, is_listable};
use crate::store::listing::Query;

/// How long the names of a walk may be used by the pages that follow.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// Names in one walk, and in all that are kept together.
const NAMES_LIMIT: usize = 1_000_000;

/// Walks, and remembers the latest ones.
#[derive(Default)]
pub(super) struct Names {
    walks: Mutex<VecDeque<Walk>>,
    has_warned: AtomicBool,
}

/// The outcome of one walk.
struct Walk {
    prefix: String,
    shallow: bool,
    at: Instant,
    names: Arc<Vec<String>>,
}

impl Names {
    /// Every key that the query can show, sorted by bytes. With the delimiter `/` that is one level: a
    /// sub-directory is then the key `sub/`.
    pub(super) fn sorted(&self, root: &Root, query: &Query) -> S3Result<Arc<Vec<String>>> {
        let shallow = query.delimiter.as_deref() == Some("/");
        let is_continued = !query.after.is_empty();
        if let Some(names) = is_continued.then(|| self.remembered(&query.prefix, shallow)).flatten() {
            return Ok(names);
        }
        let mut names = self.walk(root, &query.prefix, shallow)?;
        names.sort_unstable();
        let names = Arc::new(names);
        self.remember(Walk { prefix: query.prefix.clone(), shallow, at: Instant::now(), names: Arc::clone(&names) });
        Ok(names)
    }

    fn remembered(&self, prefix: &str, shallow: bool) -> Option<Arc<Vec<String>>> {
        let walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |walk: &&Walk| walk.prefix == prefix && walk.shallow == shallow && walk.at.elapsed() < FRESH_FOR;
        walks.iter().rev().find(is_it).map(|walk| Arc::clone(&walk.names))
    }

    fn remember(&self, walk: Walk) {
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        walks.retain(|old| old.at.elapsed() < FRESH_FOR && (old.prefix != walk.prefix || old.shallow != walk.shallow));
        walks.push_back(walk);
        while walks.iter().map(|walk| walk.names.len()).sum::<usize>() > NAMES_LIMIT {
            walks.pop_front();
        }
    }

    fn walk(&self, root: &Root, prefix: &str, shallow: bool) -> S3Result<Vec<String>> {
        let base = prefix.rsplit_once('/').map_or("", |(base, _)| base);
        if prefix.contains('/') && !is_listable(base) {
            return Ok(Vec::new());
        }
        let has_warned = &self.has_warned;
        let (names, folders) = (Vec::new(), vec![base.to_owned()]);
        let mut walker = Walker { root, prefix, shallow, has_warned, names, folders };
        while let Some(folder) = walker.folders.pop() {
            walker.read(&folder).or_else(skip_vanished)?;
            if walker.names.len() + walker.folders.len() > NAMES_LIMIT {
                return Err(s3_error!(InvalidRequest, "The directory holds more than {NAMES_LIMIT} names"));
            }
        }
        Ok(walker.names)
    }
}

/// One walk under way.
struct Walker<'w> {
    root: &'w Root,
    prefix: &'w str,
    shallow: bool,
    has_warned: &'w AtomicBool,
    names: Vec<String>,
    /// Still to be read.
    folders: Vec<String>,
}

impl Walker<'_> {
    fn read(&mut self, folder: &str) -> io::Result<()> {
        let mut is_empty = true;
        for entry in entries(&self.root.open_folder(folder)?)? {
            is_empty = false;
            let entry = entry?;
            let Some(path) = self.path_of(folder, &entry) else {
                continue;
            };
            if !path.starts_with(self.prefix) {
                continue;
            }
            match kind(self.root, &path, &entry) {
                Kind::File => self.names.push(path),
                Kind::Folder if self.shallow => self.names.push(path + "/"),
                Kind::Folder => self.folders.push(path),
                Kind::Other => {}
            }
        }
        if is_empty && !folder.is_empty() {
            self.names.push(format!("{folder}/"));
        }
        Ok(())
    }

    fn path_of(&self, folder: &str, entry: &DirEntry) -> Option<String> {
        let name = entry.file_name().to_str().ok();
        let join = |name: &str| {
            if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
        };
        let path = name.map(join).filter(|path| is_listable(path));
        if path.is_none() && !self.has_warned.swap(true, Ordering::Relaxed) {
            let name = entry.file_name();
            tracing::warn!(folder, ?name, "names that are not UTF-8, too long or with control characters are skipped");
        }
        path
    }
}

enum Kind {
    File,
    Folder,
    Other,
}

fn kind(root: &Root, path: &str, entry: &DirEntry) -> Kind {
    match entry.file_type() {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink if root.is_file(path) => Kind::File,
        // Some file systems do not tell with the name.
        FileType::Unknown if root.is_file(path) => Kind::File,
        FileType::Unknown if root.open_folder(path).is_ok() => Kind::Folder,
        _ => Kind::Other,
    }
}

/// A folder that went away while the walk came to it has no names; one that cannot be read makes the
/// listing fail, because a listing that leaves files out is a wrong answer.
fn skip_vanished(error: io::Error) -> S3Result<()> {
    match Missing::from(error) {
        Missing::Gone => Ok(()),
        missing => Err(S3Error::from(missing)),
    }
}
