//! That an archive is what was computed before its first byte, however strange the folder; and that
//! one whose objects do not keep their word never looks whole.

mod faults;

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use proptest::prelude::*;
use rc_zip_sync::ReadZip;
use shared::archive::layout::Form;
use shared::archive::plan::{BUFFER_LIMIT, Entry, Plan};
use shared::archive::send::{Contents, send};
use shared::error::BoxError;
use tests::arbitrary;
use tests::memory::{Content, Memory};
use tokio::runtime::Runtime;

/// What a stream gave: its bytes, and how it ended.
struct Sent {
    bytes: Vec<u8>,
    end: Result<(), BoxError>,
}

async fn receive<C: Contents>(plan: &Arc<Plan>, contents: &C, range: Range<u64>) -> Sent {
    let mut chunks = pin!(send(plan.clone(), contents.clone(), range, Duration::ZERO));
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(cause) => return Sent { bytes, end: Err(cause) },
        }
    }
    Sent { bytes, end: Ok(()) }
}

async fn whole<C: Contents>(plan: &Arc<Plan>, contents: &C) -> Vec<u8> {
    let sent = receive(plan, contents, 0..plan.layout.total()).await;
    sent.end.expect("an archive of sound objects ends well");
    sent.bytes
}

/// The plan in which the CRC-32s of exactly these entries are recorded. Entries come in the order of
/// their keys; the pattern is repeated.
fn plan(memory: &Memory, known: &[bool]) -> Arc<Plan> {
    let Plan { mut entries, .. } = memory.plan(true);
    for (entry, _) in entries.iter_mut().zip(known.iter().cycle()).filter(|(_, known)| !**known) {
        entry.crc32 = None;
    }
    Arc::new(Plan::new("f", 2, entries))
}

fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime starts"));
    RUNTIME.block_on(future)
}

fn segment() -> impl Strategy<Value = String> {
    let strange = prop::sample::select(vec![
        "",
        ".",
        "..",
        "...",
        "C:",
        "a\\b",
        "\\\\host\\share",
        "nul\0.jpg",
        "line\nbreak",
        "caf\u{e9}.jpg",
        "cafe\u{301}.jpg",
        "\u{1f4f7}.jpg",
        "\u{1f469}\u{200d}\u{1f680}",
        "照片",
        "фото.JPG",
        "a (2).jpg",
        ".hidden",
        "a\u{202e}gpj.exe",
    ]);
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "a.jpg", "b.jpg"]).prop_map(str::to_owned),
        3 => strange.prop_map(str::to_owned),
        2 => any::<String>(),
        1 => (200usize..300, any::<char>()).prop_map(|(count, c)| c.to_string().repeat(count)),
    ]
}

/// The part of a key below the folder. A key has at most 1,024 bytes.
fn name() -> impl Strategy<Value = String> {
    let path = prop::collection::vec(segment(), 1..4).prop_map(|segments| segments.join("/"));
    let path = (path, prop::bool::weighted(0.1)).prop_map(|(path, folder)| if folder { path + "/" } else { path });
    path.prop_filter("a key of that length exists", |name| (1..=1022).contains(&name.len()))
}

fn size() -> impl Strategy<Value = usize> {
    let limit = usize::try_from(BUFFER_LIMIT).expect("it is small");
    prop_oneof![
        2 => Just(0usize),
        6 => 1..2_000usize,
        3 => 2_000..400_000usize,
        1 => prop::sample::select(vec![limit - 1, limit, limit + 1, 17 * 65_535, 17 * 65_535 + 1, 3 * limit]),
    ]
}

/// Names, and of each content its seed and size.
type Objects = BTreeMap<String, (u64, usize)>;

fn objects(entries: Range<usize>) -> impl Strategy<Value = Objects> {
    prop::collection::btree_map(name(), (any::<u64>(), size()), entries)
}

fn folder(objects: &Objects) -> Memory {
    let content = |(seed, size)| Content::Bytes(arbitrary::bytes(seed, size));
    Memory::new(objects.iter().map(|(name, bytes)| (name.clone(), content(*bytes))).collect())
}

/// A folder for the tests that go through every entry: each kind of content, in a fixed order.
fn every_kind() -> Memory {
    let limit = usize::try_from(BUFFER_LIMIT).expect("it is small");
    let sizes = [1, 70_000, limit + 1, 0, 300, limit, 3 * limit, 20];
    let objects = sizes
        .into_iter()
        .enumerate()
        .map(|(index, size)| (format!("{index}.bin"), Content::Bytes(arbitrary::bytes(index as u64, size))));
    Memory::new(objects.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_archive_is_what_was_computed(
        objects in objects(0..40),
        known in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let folder = folder(&objects);
        let plan = plan(&folder, &known);
        let bytes = block_on(whole(&plan, &folder));
        prop_assert_eq!(bytes.len() as u64, plan.layout.total());
        check_names(&plan);
        check_read_back(&plan, &bytes, &folder);
        check_learned(&plan, &folder);

        let again = block_on(whole(&plan, &folder));
        prop_assert!(again == bytes, "two downloads differ");
        let all_known = Arc::new(folder.plan(true));
        let only_stored = (0..plan.entries.len()).all(|index| plan.member(index).form == Form::Stored);
        prop_assert_eq!(only_stored, plan.representation().etag == all_known.representation().etag);
        if only_stored {
            // Which CRC-32s were known makes no difference: who comes back has ranges of the same bytes.
            prop_assert!(block_on(whole(&all_known, &folder)) == bytes, "what was known shows");
        }
    }

    #[test]
    fn a_range_is_a_slice_of_the_whole(
        objects in objects(0..12),
        ends in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
    ) {
        let folder = folder(&objects);
        let plan = Arc::new(folder.plan(true));
        block_on(async {
            let bytes = whole(&plan, &folder).await;
            for (one, other) in ends {
                let (one, other) = (one.index(bytes.len() + 1), other.index(bytes.len() + 1));
                let range = one.min(other)..one.max(other);
                let sent = receive(&plan, &folder, range.start as u64..range.end as u64).await;
                sent.end.expect("a range of sound objects ends well");
                prop_assert!(sent.bytes == bytes[range.clone()], "{range:?} of {}", bytes.len());
            }
            Ok(())
        })?;
    }
}

/// Names are not empty, all different, and keep a reader in its folder.
fn check_names(plan: &Plan) {
    let mut names = HashSet::new();
    for index in 0..plan.entries.len() {
        let name = plan.member(index).name;
        let path = name.strip_suffix('/').unwrap_or(name);
        assert!(names.insert(path), "{name:?} is there twice");
        assert!(path.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{name:?}");
        assert!(!name.contains(|c: char| c == '\\' || c.is_control()), "{name:?}");
        assert!(path.get(1..2) != Some(":"), "{name:?} names a drive");
        assert!(!name.ends_with('/') || plan.entries[index].size == 0, "{name:?} is a directory with content");
    }
    for folder in names.iter().flat_map(|name| name.match_indices('/').map(|(at, _)| &name[..at])) {
        let file = (0..plan.entries.len()).find(|index| plan.member(*index).name == folder);
        assert!(file.is_none(), "{folder:?} is a file and a folder");
    }
}

/// A reader of another make finds in the archive what is in the folder.
fn check_read_back(plan: &Plan, bytes: &[u8], folder: &Memory) {
    let archive = bytes.read_zip().expect("it is an archive");
    assert_eq!(archive.entries().count(), plan.entries.len());
    for (index, found) in archive.entries().enumerate() {
        assert_eq!(found.name, plan.member(index).name);
        assert!(found.bytes().expect("an entry can be read") == content(&plan.entries[index], folder));
        let modified = found.modified.timestamp();
        assert_eq!(modified, i64::try_from(plan.entries[index].modified).expect("a time"));
    }
}

/// Exactly what was not known has been recorded, and is right.
fn check_learned(plan: &Plan, folder: &Memory) {
    let mut learned = folder.learned();
    learned.sort();
    let unknown = plan.entries.iter().filter(|entry| entry.crc32.is_none());
    let expected: Vec<_> =
        unknown.map(|entry| (entry.key.to_string(), crc32fast::hash(&content(entry, folder)))).collect();
    assert_eq!(learned, expected);
}

/// An entry's content, straight from the folder.
fn content(entry: &Entry, folder: &Memory) -> Bytes {
    let fetched = folder.fetch(entry, None);
    block_on(async { fetched.await.expect("memory does not fail").body.collect().await.expect("nor here").to_bytes() })
}

/// A bucket holds a file and a folder of one name, and a marker with content; a file system does not.
#[test]
fn what_cannot_be_unpacked_side_by_side_gets_names_of_its_own() {
    for (keys, expected) in [
        (["a", "a/b", "c"], ["a (2)", "a/b", "c"]),
        (["a.b", "a/b", "a/b/c"], ["a.b", "a/b (2)", "a/b/c"]),
        (["a/", "a/b", "c"], ["a (2)", "a/b", "c"]),
        (["a", "c/", "d"], ["a", "c", "d"]),
    ] {
        let plan = Memory::new(keys.map(|key| (key.to_owned(), Content::Bytes("x".into()))).into()).plan(true);
        assert_eq!([0, 1, 2].map(|index| plan.member(index).name), expected);
        check_names(&plan);
    }
}

type Change<'a> = &'a dyn Fn(&mut Vec<Entry>);

#[test]
fn the_entity_tag_changes_with_whatever_the_bytes_depend_on() {
    let plan_of = |change: Change| {
        let Plan { mut entries, .. } = every_kind().plan(true);
        change(&mut entries);
        Plan::new("f", 2, entries).representation().etag
    };
    let original = plan_of(&|_| ());
    assert_eq!(original, plan_of(&|_| ()));
    let mut seen = HashSet::from([original.clone()]);
    let count = every_kind().plan(true).entries.len();
    for index in 0..count {
        let changes: [Change; 6] = [
            &|entries| entries[index].key = format!("{}x", entries[index].key).into(),
            &|entries| entries[index].etag = "\"another\"".into(),
            &|entries| entries[index].size += 1,
            &|entries| entries[index].modified += 1,
            &|entries| drop(entries.remove(index)),
            &|entries| entries.swap(index, (index + 1) % count),
        ];
        for (number, change) in changes.iter().enumerate() {
            // The last swap and the first exchange different pairs, so no two changes are the same.
            assert!(seen.insert(plan_of(*change)), "change {number} of entry {index} does not show");
        }
        // A small object's bytes are the same whether its CRC-32 is known; a large one's are not.
        let unknown = plan_of(&|entries| entries[index].crc32 = None);
        let large = every_kind().plan(true).entries[index].size > BUFFER_LIMIT;
        assert_eq!(unknown != original, large, "entry {index}");
    }
}

/// A part of an archive whose bytes depend on what is yet to be learned does not exist.
#[test]
fn nothing_is_a_part_of_what_is_not_settled() {
    let folder = every_kind();
    let plan = plan(&folder, &[true, false]);
    let total = plan.layout.total();
    for range in [0..total - 1, 1..total, total - 22..total] {
        let sent = block_on(receive(&plan, &folder, range));
        assert!(sent.end.is_err() && sent.bytes.is_empty());
    }
}
