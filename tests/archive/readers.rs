//! That every reader in wide use takes what we send, at every boundary of the format, and finds in it
//! what was put in: names, sizes, CRC-32s.

mod crates;
mod giants;
mod programs;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use shared::archive::layout::Form;
use shared::archive::plan::{BUFFER_LIMIT, Entry, Plan};
use shared::archive::send::send;
use tempfile::TempDir;
use tests::arbitrary;
use tests::memory::{Content, Memory};

/// Reads all bytes of an archive and says what it found.
type Reader = fn(&Path) -> Verdict;

/// Every reader.
const READERS: &[(&str, Reader)] = &[
    ("unzip", programs::unzip),
    ("zip -T", programs::zip),
    ("7z", programs::seven_zip),
    ("bsdtar", programs::bsdtar_file),
    ("bsdtar, pipe", programs::bsdtar_pipe),
    ("Python", programs::python),
    ("Java", programs::java_file),
    ("Java, stream", programs::java_stream),
    ("async_zip", crates::async_zip_file),
    ("async_zip, stream", crates::async_zip_stream),
    ("rc-zip", crates::rc_zip),
];

/// What a reader says of an archive.
#[derive(Debug)]
enum Verdict {
    /// It is not installed, and that has been said.
    Missing,
    /// It is sound.
    Sound,
    /// It is sound and has these entries.
    Entries(Vec<Found>),
    /// It is sound and has these names, and all its contents one after another are this.
    Contents(Vec<String>, Sum),
    /// It is no archive, for this reason.
    Refused(String),
}

/// An entry.
#[derive(Debug, PartialEq)]
struct Found {
    name: String,
    size: u64,
    crc32: u32,
}

impl Found {
    fn parse(size: &str, crc32: &str, name: &str) -> Self {
        let size = size.parse().unwrap_or_else(|_| panic!("{size:?} is no size"));
        let crc32 = u32::from_str_radix(crc32, 16).unwrap_or_else(|_| panic!("{crc32:?} is no CRC-32"));
        Self { name: name.to_owned(), size, crc32 }
    }
}

/// Size and CRC-32 of bytes that pass.
#[derive(Debug, Default)]
struct Sum {
    size: u64,
    hasher: crc32fast::Hasher,
}

impl Sum {
    fn of(mut content: impl Read) -> std::io::Result<Self> {
        let (mut sum, mut buffer) = (Self::default(), vec![0; 256 * 1024]);
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok(sum),
                count => sum.update(&buffer[..count]),
            }
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    fn named(self, name: String) -> Found {
        Found { name, size: self.size, crc32: self.hasher.finalize() }
    }
}

/// An archive in a file that is gone when this is.
struct Archive {
    _folder: TempDir,
    path: PathBuf,
    expected: Vec<Found>,
    /// Whether a descriptor has sizes of 8 bytes.
    large_descriptors: bool,
}

impl Archive {
    /// Sends the archive of these objects into a file. `known` says whether CRC-32s are recorded.
    fn of(objects: Vec<(String, Content)>, known: bool) -> Self {
        let memory = Memory::new(objects);
        let all_known = memory.plan(true);
        let found = |(index, entry): (usize, &Entry)| {
            let crc32 = entry.crc32.expect("it is known");
            Found { name: all_known.member(index).name.to_owned(), size: entry.size, crc32 }
        };
        let expected = all_known.entries.iter().enumerate().map(found).collect();
        let plan = Arc::new(if known { all_known } else { memory.plan(false) });
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room");
        let path = folder.path().join("archive.zip");
        write(&plan, memory, &path);
        let large = |index| {
            let member = plan.member(index);
            member.form == Form::Blocks && member.content_length() >= u32::MAX.into()
        };
        let large_descriptors = (0..plan.entries.len()).any(large);
        Self { expected, _folder: folder, path, large_descriptors }
    }

    /// Every reader takes it, or refuses it for the reason that is stated here.
    fn check(&self) {
        self.check_except(&[]);
    }

    fn check_except(&self, redundant: &[&str]) {
        for (name, read) in READERS.iter().filter(|(name, _)| !redundant.contains(name)) {
            let verdict = read(&self.path);
            match (&verdict, self.refusal(name)) {
                (Verdict::Missing, _) => (),
                (Verdict::Refused(reason), Some(expected)) => assert!(reason.contains(expected), "{name}: {reason}"),
                (_, Some(expected)) => panic!("{name} should refuse it ({expected}): {verdict:.1000?}"),
                (Verdict::Refused(reason), None) => panic!("{name} refuses it: {reason}"),
                (Verdict::Sound, None) => (),
                (Verdict::Entries(found), None) => self.check_entries(name, found),
                (Verdict::Contents(names, sum), None) => self.check_contents(name, names, sum),
            }
        }
    }

    /// Which readers do not take it, rightly or not.
    fn refusal(&self, reader: &str) -> Option<&'static str> {
        match reader {
            // An archive of nothing is valid (APPNOTE 4.3.6 allows no entry at all), but these two have
            // nothing to test and say so with their exit code.
            "unzip" if self.expected.is_empty() => Some("zipfile is empty"),
            "zip -T" if self.expected.is_empty() => Some("Nothing to do!"),
            // Expects a local header or a central record first, where there is only the end record.
            "async_zip, stream" if self.expected.is_empty() => Some("header"),
            // Takes every descriptor for one of 4-byte sizes and looks for the next header in its middle.
            "async_zip, stream" if self.large_descriptors => Some("header"),
            _ => None,
        }
    }

    fn check_entries(&self, reader: &str, found: &[Found]) {
        for (found, expected) in found.iter().zip(&self.expected) {
            assert_eq!(found, expected, "{reader}");
        }
        assert_eq!(found.len(), self.expected.len(), "{reader}: entries");
    }

    fn check_contents(&self, reader: &str, names: &[String], sum: &Sum) {
        for (name, expected) in names.iter().zip(&self.expected) {
            // libarchive composes what it reads as UTF-8 (NFC); the bytes in the archive are the key's.
            assert_eq!(*name, expected.name.replace("e\u{301}", "\u{e9}"), "{reader}");
        }
        assert_eq!(names.len(), self.expected.len(), "{reader}: names");
        let mut all = crc32fast::Hasher::new();
        for Found { size, crc32, .. } in &self.expected {
            all.combine(&crc32fast::Hasher::new_with_initial_len(*crc32, *size));
        }
        let size: u64 = self.expected.iter().map(|entry| entry.size).sum();
        assert_eq!((sum.size, sum.hasher.clone().finalize()), (size, all.finalize()), "{reader}: contents");
    }
}

/// Sends an archive into a file; pages of zeros become holes. Its length is what was announced.
fn write(plan: &Arc<Plan>, memory: Memory, path: &Path) {
    const ZEROS: &[u8] = &[0; 4096];
    let file = File::create(path).expect("a file can be made");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let length = runtime.block_on(async {
        let mut chunks = pin!(send(plan.clone(), memory, 0..plan.layout.total(), Duration::ZERO));
        let mut at = 0;
        while let Some(chunk) = chunks.next().await {
            let mut rest = &*chunk.expect("an archive of sound objects ends well");
            while !rest.is_empty() {
                let (page, after) = rest.split_at((ZEROS.len() - at % ZEROS.len()).min(rest.len()));
                if page != &ZEROS[..page.len()] {
                    file.write_all_at(page, at as u64).expect("there is room");
                }
                at += page.len();
                rest = after;
            }
        }
        at as u64
    });
    assert_eq!(length, plan.layout.total(), "the length is not what was announced");
    file.set_len(length).expect("there is room");
}

fn tiny(entries: usize) -> Vec<(String, Content)> {
    let content = |index: usize| Content::Bytes(Bytes::from(index.to_string()));
    (0..entries).map(|index| (format!("{:03}/{index:06}.txt", index / 1000), content(index))).collect()
}

#[test]
fn no_entry() {
    Archive::of(tiny(0), true).check();
}

#[test]
fn one_entry() {
    Archive::of(tiny(1), true).check();
}

#[test]
fn entries_whose_number_just_fits() {
    Archive::of(tiny(65_534), true).check();
}

/// In 16 bits it stands for "look into the zip64 field".
#[test]
fn entries_in_the_number_of_the_limit() {
    Archive::of(tiny(65_535), true).check();
}

#[test]
fn entries_in_a_number_beyond_the_limit() {
    Archive::of(tiny(65_536), true).check();
}

#[test]
fn entries_far_beyond_the_limit_with_nothing_known() {
    Archive::of(tiny(70_000), false).check();
}

/// Sizes at the boundaries of what is buffered and of deflate blocks, all CRC-32s unknown.
#[test]
fn contents_in_blocks() {
    let limit = usize::try_from(BUFFER_LIMIT).expect("it is small");
    let sizes = [0, 1, limit, limit + 1, 17 * 65_535 - 1, 17 * 65_535, 17 * 65_535 + 1, 3 * limit, 5];
    let object =
        |(index, size): (usize, usize)| (format!("{index}.bin"), Content::Bytes(arbitrary::bytes(index as u64, size)));
    Archive::of(sizes.into_iter().enumerate().map(object).collect(), false).check();
}

/// Keys below the folder, in their order, and what they are called in the archive.
const NAMES: &[(&str, &str)] = &[
    ("../../etc/passwd", "__/__/etc/passwd"),
    ("./here", "_/here"),
    ("/absolute", "absolute"),
    ("C:/drive", "C_/drive"),
    ("\\\\host\\share", "__host_share"),
    ("a//b", "a/b"),
    ("a/b", "a/b (2)"),
    ("a\\..\\..\\b", "a_.._.._b"),
    ("a_.._.._b", "a_.._. (2)._b"),
    ("cafe\u{301}.jpg", "cafe\u{301}.jpg"),
    ("caf\u{e9}.jpg", "caf\u{e9}.jpg"),
    ("deep/er/and/deeper/\u{1f4f7} photo.jpg", "deep/er/and/deeper/\u{1f4f7} photo.jpg"),
    ("empty/", "empty/"),
    ("file", "file (2)"),
    ("file/inside", "file/inside"),
    ("line\nbreak", "line_break"),
    ("nul\0.jpg", "nul_.jpg"),
    ("nul\u{1}.jpg", "nul_ (2).jpg"),
    ("\u{4e2d}\u{6587}/\u{7167}\u{7247}.jpg", "\u{4e2d}\u{6587}/\u{7167}\u{7247}.jpg"),
    ("\u{1f469}\u{200d}\u{1f680}.png", "\u{1f469}\u{200d}\u{1f680}.png"),
];

#[test]
fn names() {
    let mut names: Vec<_> = NAMES.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
    for long in ["x".repeat(1_000), "\u{e9}".repeat(250), format!("{}/y", "z".repeat(250))] {
        names.push((long.clone(), long));
    }
    names.sort();
    let content = |key: &str| if key.ends_with('/') { "" } else { "content" };
    let object = |(key, _): &(String, String)| (key.clone(), Content::Bytes(content(key).into()));
    for known in [true, false] {
        let archive = Archive::of(names.iter().map(object).collect(), known);
        let given: Vec<_> = archive.expected.iter().map(|entry| &entry.name).collect();
        assert_eq!(given, names.iter().map(|(_, name)| name).collect::<Vec<_>>());
        archive.check();
    }
}
