//! Opening what a key names, never anything outside the directory.
//!
//! The kernel resolves the whole path beneath the directory (`openat2`, RESOLVE_BENEATH), so that no
//! race with a rename or a new link can lead out of it. Where that call is missing, the path is walked
//! component by component and no link is followed at all.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::stamp::Stamp;

/// Bytes of a key.
const KEY_LIMIT: usize = 1024;
/// How often a resolution that raced with a rename is repeated.
const RACE_LIMIT: usize = 16;

/// The directory that is mounted.
pub(super) struct Root(OwnedFd);

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// The regular file of that name; nothing when it is something else.
    pub(super) fn open_file(&self, path: &str) -> io::Result<Option<(File, Stamp)>> {
        // NONBLOCK: opening a named pipe must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(self.beneath(path, flags, ResolveFlags::empty())?);
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then(|| (file, Stamp::of_file(&metadata))))
    }

    /// The folder of that name, when it is empty.
    pub(super) fn open_empty_folder(&self, path: &str) -> io::Result<Option<(File, Stamp)>> {
        let folder = self.open_folder(path)?;
        let is_empty = entries(&folder)?.next().transpose()?.is_none();
        let file = File::from(folder);
        let stamp = Stamp::of_folder(&file.metadata()?);
        Ok(is_empty.then_some((file, stamp)))
    }

    /// A directory, `""` being the root; reached without any link.
    pub(super) fn open_folder(&self, path: &str) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        self.beneath(path, OFlags::RDONLY | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS)
    }

    /// Whether the path leads, by whatever links inside, to a regular file.
    pub(super) fn is_file(&self, path: &str) -> bool {
        let found = self.beneath(path, OFlags::PATH, ResolveFlags::empty());
        found.and_then(|fd| File::from(fd).metadata()).is_ok_and(|metadata| metadata.is_file())
    }

    fn beneath(&self, path: &str, flags: OFlags, resolve: ResolveFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let resolve = resolve | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..RACE_LIMIT {
            match openat2(&self.0, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                Err(Errno::NOSYS | Errno::PERM) => return Ok(self.by_component(path, flags)?),
                opened => return Ok(opened?),
            }
        }
        Err(Errno::AGAIN.into())
    }

    fn by_component(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = openat(&self.0, ".", step, Mode::empty())?;
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        for parent in parents.split('/').filter(|parent| !parent.is_empty()) {
            folder = openat(&folder, parent, step, Mode::empty())?;
        }
        let opened = openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
        // With PATH a link is opened itself instead of being refused.
        match FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode) {
            FileType::Symlink => Err(Errno::LOOP),
            _ => Ok(opened),
        }
    }
}

/// The entries of a directory but for itself and its parent.
pub(super) fn entries(folder: &OwnedFd) -> io::Result<impl Iterator<Item = io::Result<rustix::fs::DirEntry>>> {
    let is_real = |entry: &Result<rustix::fs::DirEntry, Errno>| {
        entry.as_ref().map_or(true, |entry| !matches!(entry.file_name().to_bytes(), b"." | b".."))
    };
    Ok(Dir::read_from(folder)?.filter(is_real).map(|entry| Ok(entry?)))
}

/// Whether a key can be in the listing at all: no other spelling of a path is an object.
pub(super) fn is_listable(key: &str) -> bool {
    let path = key.strip_suffix('/').unwrap_or(key);
    key.len() <= KEY_LIMIT
        && !key.chars().any(char::is_control)
        && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_are_keys() {
        for key in ["a", "a/b", "a/b/", "..a", "a/...", "日本/ü.jpg"] {
            assert!(is_listable(key), "{key}");
        }
        for key in ["", "/", "/a", "a//b", "a//", ".", "..", "../a", "a/../b", "a/.", "a\nb", "a\0", &"x".repeat(1025)]
        {
            assert!(!is_listable(key), "{key:?}");
        }
    }

    #[test]
    fn the_walk_by_component_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("b", folder.path().join("a/link")).unwrap();
        std::os::unix::fs::symlink("file", folder.path().join("a/b/alias")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        assert!(root.by_component("a/b/file", flags).is_ok());
        assert!(root.by_component("a/link/file", flags).is_err());
        assert!(root.by_component("a/b/alias", flags).is_err());
        assert!(root.by_component("a/b/alias", flags | OFlags::PATH).is_err());
    }
}
