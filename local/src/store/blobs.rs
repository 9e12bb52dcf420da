//! Blob files: immutable bodies too large for the index, one random number each.
//!
//! A blob is written and fsynced with its directory before any row refers to it, and removed only
//! after the commit that dropped its last reference, by a thread of its own: giving back the space of a
//! large file takes the file system hundreds of milliseconds. While a reader streams a blob, it is
//! pinned: the file goes when the last reader ends. No object key ever becomes a path. What a crash leaves behind (a
//! blob without a row, half written or not) is removed by the sweep at the next start.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

/// Directories that the blobs are spread over, by the first byte of their number.
const SHARDS: u64 = 256;

/// The folder of blobs.
pub(super) struct Blobs {
    folder: PathBuf,
    pins: Mutex<HashMap<u64, Pin>>,
    remover: Mutex<Option<Remover>>,
}

/// The thread that removes files.
struct Remover {
    queue: mpsc::Sender<PathBuf>,
    thread: JoinHandle<()>,
}

/// A blob that is being read.
#[derive(Default)]
struct Pin {
    readers: u32,
    /// No row refers to it any more: the last reader removes it.
    doomed: bool,
}

/// A blob that no committed row refers to yet; its file goes with this value unless it is kept.
pub(super) struct NewBlob {
    blobs: Arc<Blobs>,
    id: u64,
    kept: bool,
}

/// Keeps blobs from being removed while they are read.
pub(super) struct Pinned {
    blobs: Arc<Blobs>,
    ids: Vec<u64>,
}

impl Blobs {
    /// Opens the folder, making it and its shards where they are missing.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        make_private_folder(&folder)?;
        for shard in 0..SHARDS {
            make_private_folder(&folder.join(format!("{shard:02x}")))?;
        }
        File::open(&folder)?.sync_all()?;
        Ok(Self { folder, pins: Mutex::default(), remover: Mutex::new(Some(Remover::start()?)) })
    }

    /// A new, empty blob, open for writing.
    pub(super) fn create(self: &Arc<Self>) -> io::Result<(NewBlob, File)> {
        let id = random_id()?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(id))?;
        Ok((NewBlob { blobs: Arc::clone(self), id, kept: false }, file))
    }

    /// Makes a written blob durable: the file and its name.
    pub(super) fn seal(&self, blob: &NewBlob, file: &File) -> io::Result<()> {
        file.sync_all()?;
        let path = self.path(blob.id);
        let shard = path.parent().unwrap_or(&self.folder);
        File::open(shard)?.sync_all()
    }

    pub(super) fn read(&self, id: u64) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Keeps `ids` readable until the answer is dropped. A caller reads the row again afterwards: if it
    /// still names the same blobs, no removal can have come in between.
    pub(super) fn pin(self: &Arc<Self>, ids: impl Iterator<Item = u64>) -> Pinned {
        let ids: HashSet<u64> = ids.collect();
        let mut pins = self.pins();
        for id in &ids {
            pins.entry(*id).or_default().readers += 1;
        }
        drop(pins);
        Pinned { blobs: Arc::clone(self), ids: ids.into_iter().collect() }
    }

    /// Removes blobs that no row refers to any more, now or when their last reader ends.
    pub(super) fn discard(&self, ids: &[u64]) {
        let mut pins = self.pins();
        let free: Vec<u64> = ids.iter().copied().filter(|id| !doom(&mut pins, *id)).collect();
        drop(pins);
        free.iter().for_each(|id| self.remove(*id));
    }

    /// Removes every file that `is_referenced` does not know; tells how many.
    pub(super) fn sweep(&self, referenced: &HashSet<u64>) -> io::Result<u64> {
        let mut removed = 0;
        for shard in fs::read_dir(&self.folder)? {
            for entry in fs::read_dir(shard?.path())? {
                let entry = entry?;
                let id = entry.file_name().to_str().and_then(|name| u64::from_str_radix(name, 16).ok());
                if !id.is_some_and(|id| referenced.contains(&id)) {
                    fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Waits until every file that is to go is gone; after that, files are removed at once.
    pub(super) fn settle(&self) {
        let remover = self.remover.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Remover { queue, thread }) = remover {
            drop(queue);
            if thread.join().is_err() {
                tracing::error!("the thread that removes blobs panicked");
            }
        }
    }

    fn remove(&self, id: u64) {
        let path = self.path(id);
        let remover = self.remover.lock().unwrap_or_else(PoisonError::into_inner);
        match remover.as_ref().map(|remover| remover.queue.send(path.clone())) {
            Some(Ok(())) => {}
            Some(Err(_)) | None => remove_file(&path),
        }
    }

    fn path(&self, id: u64) -> PathBuf {
        self.folder.join(format!("{:02x}", id % SHARDS)).join(format!("{id:016x}"))
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<u64, Pin>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        self.settle();
    }
}

impl Remover {
    fn start() -> io::Result<Self> {
        let (queue, paths) = mpsc::channel::<PathBuf>();
        let thread = std::thread::Builder::new().name("store-remove".into());
        let thread = thread.spawn(move || paths.iter().for_each(|path| remove_file(&path)))?;
        Ok(Self { queue, thread })
    }
}

impl NewBlob {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// A committed row refers to it now.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewBlob {
    fn drop(&mut self) {
        if !self.kept {
            self.blobs.remove(self.id);
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut pins = self.blobs.pins();
        let last = self.ids.iter().copied().filter(|id| unpin(&mut pins, *id)).collect::<Vec<_>>();
        drop(pins);
        last.iter().for_each(|id| self.blobs.remove(*id));
    }
}

fn remove_file(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, path = %path.display(), "a blob could not be removed; the next start tries again");
    }
}

/// Makes a folder that only its owner may enter.
pub(super) fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Marks a pinned blob for removal; false when nobody reads it.
fn doom(pins: &mut HashMap<u64, Pin>, id: u64) -> bool {
    pins.get_mut(&id).map(|pin| pin.doomed = true).is_some()
}

/// One reader less; true when it was the last one of a doomed blob.
fn unpin(pins: &mut HashMap<u64, Pin>, id: u64) -> bool {
    let Some(pin) = pins.get_mut(&id) else {
        return false;
    };
    pin.readers -= 1;
    let doomed = pin.doomed;
    pin.readers == 0 && pins.remove(&id).is_some() && doomed
}

fn random_id() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn blob(blobs: &Arc<Blobs>) -> u64 {
        let (blob, mut file) = blobs.create().unwrap();
        file.write_all(b"x").unwrap();
        blobs.seal(&blob, &file).unwrap();
        let id = blob.id();
        blob.keep();
        id
    }

    #[test]
    fn a_pinned_blob_goes_with_its_last_reader() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(Blobs::open(folder.path().join("blobs")).unwrap());
        let id = blob(&blobs);
        let (first, second) = (blobs.pin([id].into_iter()), blobs.pin([id, id].into_iter()));
        blobs.discard(&[id]);
        assert!(blobs.read(id).is_ok());
        drop(first);
        assert!(blobs.read(id).is_ok());
        drop(second);
        blobs.settle();
        assert!(blobs.read(id).is_err());
        assert!(blobs.pins().is_empty());
    }

    #[test]
    fn an_unkept_blob_and_an_unreferenced_one_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(Blobs::open(folder.path().join("blobs")).unwrap());
        let (dropped, _) = blobs.create().unwrap();
        let gone = dropped.id();
        drop(dropped);
        blobs.settle();
        assert!(blobs.read(gone).is_err());
        let (kept, orphan) = (blob(&blobs), blob(&blobs));
        assert_eq!(blobs.sweep(&HashSet::from([kept])).unwrap(), 1);
        assert!(blobs.read(kept).is_ok());
        assert!(blobs.read(orphan).is_err());
    }
}
