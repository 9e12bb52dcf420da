//! What is not taken. Each file springs one check; none leaves anything behind.

use bytes::Bytes;
use shared::archive::import::{ENTRIES_LIMIT, ENTRY_LIMIT, RATIO_FLOOR, TOTAL_LIMIT};
use shared::error::Kind;
use tests::arbitrary;
use tests::stack::Backend;

use super::LARGE;
use super::made::{Made, deflated, end, end_zip64, stored, zip};
use super::place::Place;

/// The file is refused with this text.
async fn refused(place: &Place, zip: impl Into<Bytes>, why: &str) {
    let outcome = place.import(zip).await;
    let error = outcome.expect_err(why);
    assert_eq!(error.kind(), Kind::Unprocessable, "{why}: {error}: {}", error.causes());
    assert!(error.message().contains(why), "{why}: {error}");
    assert_eq!(place.keys().await, [""; 0], "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    let long = "a".repeat(256);
    let deep = "a/".repeat(500) + "a";
    for (name, why) in [
        (&b"../up"[..], "Entry \"../up\": its name could lead out of the folder."),
        (b"a/../../up", "lead out"),
        (b"a/./b", "lead out"),
        (b"a//b", "lead out"),
        (b"/abs", "lead out"),
        (b"", "lead out"),
        (b"a\\b", "Entry \"a\\\\b\": its name could lead out"),
        (b"C:x", "lead out"),
        (b"nul\0", "Entry \"nul\\0\": its name could lead out"),
        (b"\x1b[2J", "Entry \"\\u{1b}[2J\": its name could lead out"),
        (b"\xff.jpg", "is not UTF-8"),
        (long.as_bytes(), "too long"),
        (deep.as_bytes(), "too long"),
    ] {
        refused(&place, zip(&[stored("first", "1"), stored(name, "2")]), why).await;
    }
    for (names, why) in [
        (["a", "a"], "Entry \"a\": it is there twice."),
        (["d/", "d/"], "twice"),
        (["d", "d/"], "Entry \"d\": it is a folder and a file."),
        (["d/x", "d"], "a folder and a file"),
        (["a/b/c/d", "a/b"], "a folder and a file"),
    ] {
        let entries = names.map(|name| stored(name, if name.ends_with('/') { "" } else { "1" }));
        refused(&place, zip(&[&[stored("d!", "0")], &entries[..]].concat()), why).await;
    }
    refused(&place, zip(&[stored("d/", "content")]), "a folder and a file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_and_methods() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    for kind in [0o120_777, 0o010_644, 0o020_644, 0o060_644, 0o140_755] {
        let special = Made { attributes: kind << 16, ..stored("link", "/etc/passwd") };
        refused(&place, zip(&[special]), "Entry \"link\": it is a link or another special file.").await;
    }
    refused(&place, zip(&[Made { attributes: 0o040_755 << 16, ..stored("d", "") }]), "a folder and a file").await;
    for flags in [1, 1 << 6 | 1, 1 << 13] {
        refused(&place, zip(&[Made { flags, ..stored("secret", "1") }]), "it is encrypted").await;
    }
    refused(&place, zip(&[Made { method: 99, ..stored("secret", "1") }]), "it is encrypted").await;
    for method in [1, 9, 12, 14, 93, 95, 0xFFFF] {
        refused(&place, zip(&[Made { method, ..stored("x", "1") }]), "another method").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    let claims = |name: &str, size: u64| Made { size, ..deflated(name, b"1") };
    refused(&place, zip(&[claims("a", RATIO_FLOOR + 1)]), "200 times larger").await;
    refused(&place, zip(&[claims("a", ENTRY_LIMIT + 1)]), "Entry \"a\": it is larger than 5 GiB.").await;
    let many: Vec<_> = (0..=TOTAL_LIMIT / ENTRY_LIMIT + 1).map(|n| claims(&n.to_string(), ENTRY_LIMIT)).collect();
    refused(&place, zip(&many), "larger than 64 GiB").await;
    // Many records of one content: what a bomb without nesting is made of.
    let mut one =
        [stored("a", "1"), Made { offset: Some(0), packed: vec![], packed_size: Some(1), ..stored("b", "1") }];
    refused(&place, zip(&one), "it reaches into another").await;
    one[1].offset = Some(10);
    refused(&place, zip(&one), "it reaches into another").await;
    // Into the next one only by what its own header adds.
    let mut wide = zip(&[stored("a", "1"), stored("b", "2")]);
    wide[28] = 1;
    refused(&place, wide, "Entry \"a\": it is damaged.").await;
    // Into the list, and past the end of everything.
    for packed_size in [100, 1 << 20] {
        let long = Made { packed_size: Some(packed_size), size: packed_size, ..stored("a", "1") };
        refused(&place, zip(&[long]), "it reaches into another").await;
    }
    let mut counted = Vec::new();
    end_zip64(&mut counted, ENTRIES_LIMIT + 1, 0, 0);
    end(&mut counted, u64::MAX, 0, 0);
    refused(&place, counted, "more than 100000 entries").await;
}

/// More, or less, comes out of an entry than is said; or it is something else.
#[tokio::test(flavor = "multi_thread")]
async fn contents_that_are_not_what_is_said() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    let content = arbitrary::bytes(1, 60_000);
    let right = deflated("lies", &content);
    let hidden = [&right.packed[..], b"behind the end"].concat();
    for wrong in [
        Made { crc32: 1, ..stored("lies", "1") },
        Made { crc32: 1, ..right.clone() },
        Made { size: 59_999, ..right.clone() },
        Made { size: 60_001, ..right.clone() },
        Made { size: 0, ..right.clone() },
        Made { packed: right.packed[..30_000].to_vec(), ..right.clone() },
        Made { packed: vec![0xFF; 100], ..right.clone() },
        Made { packed: vec![], ..right.clone() },
        Made { packed: hidden, ..right.clone() },
        Made { local_name: Some(b"name".to_vec()), ..right.clone() },
        Made { local_name: Some(b"longer".to_vec()), ..right.clone() },
    ] {
        refused(&place, zip(&[stored("first", "1"), wrong]), "Entry \"lies\": it is damaged.").await;
    }
    let mismatched = Made { packed_size: Some(2), ..stored("x", "1") };
    refused(&place, zip(&[mismatched]), "its sizes contradict each other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_zip_or_not_only_one() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    let good = zip(&[stored("a", "1"), deflated("b", b"2")]);
    refused(&place, "", "This is not a ZIP archive.").await;
    refused(&place, "PK", "This is not a ZIP archive.").await;
    refused(&place, arbitrary::bytes(1, 200_000), "This is not a ZIP archive.").await;
    refused(&place, good[..good.len() - 1].to_vec(), "This is not a ZIP archive.").await;
    refused(&place, [&good[..], b"x"].concat(), "This is not a ZIP archive.").await;
    refused(&place, zip(&[]), "This ZIP archive is empty.").await;
    // Something before it, with and without its offsets knowing.
    refused(&place, [b"<html>", &good[..]].concat(), "something before its beginning").await;
    let mut known = [b"<html>", &zip(&[Made { offset: Some(6), ..stored("a", "1") }])[..]].concat();
    let offset = known.len() - 6;
    known[offset] += 6;
    refused(&place, known, "something before its beginning").await;
    // Two ends that both reach the end of the file.
    let mut second = Vec::new();
    end(&mut second, 0, 0, good.len() as u64);
    let mut two = good.clone();
    let length = two.len();
    two[length - 2] = 22;
    two.extend_from_slice(&second);
    refused(&place, two, "two ends").await;
    let mut split = good.clone();
    split[length - 18] = 1;
    refused(&place, split, "split").await;
    // The two records of the end contradict each other.
    let mut torn = good[..length - 22].to_vec();
    let list = u64::from(u32::from_le_bytes(good[length - 6..length - 2].try_into().unwrap()));
    end_zip64(&mut torn, 1, length as u64 - 22 - list, list);
    end(&mut torn, 2, length as u64 - 22 - list, list);
    refused(&place, torn, "damaged").await;
}

/// Fails when most of it is written, in each of the ways in which entries are.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_the_middle_leaves_nothing() {
    let noise = arbitrary::bytes(3, LARGE);
    let mut entries: Vec<_> = (0..50).map(|index| stored(format!("d/{index}"), "content")).collect();
    entries.extend([stored("d/", ""), stored("large", &noise)]);
    for place in Place::all().await {
        for wrong in [stored("last", "1"), stored("last", &noise)] {
            let all = [&entries[..], &[Made { crc32: 1, ..wrong }]].concat();
            refused(&place, zip(&all), "Entry \"last\": it is damaged.").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_changed_is_409() {
    for place in Place::all().await {
        let before = place.upload(zip(&[stored("a", "1")])).await;
        place.upload(zip(&[stored("a", "2")])).await;
        let error = shared::archive::import::import(&place.app, &before).await.expect_err("it has changed");
        assert_eq!(error.kind(), Kind::Conflict, "{error}");
        assert_eq!(place.keys().await, [""; 0]);
    }
}

/// Each byte of a good file, changed: whatever it comes to, it is an answer, and what it comes to is whole.
#[tokio::test(flavor = "multi_thread")]
async fn any_byte_changed() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    let good = zip(&[Made { zip64: true, ..stored("a", "1") }, Made { zip64: true, ..deflated("b", b"22") }]);
    let mut taken = 0;
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut bad = good.clone();
            bad[at] ^= change;
            match place.import(bad).await {
                Ok(imported) => {
                    taken += 1;
                    let contents = place.contents(&imported).await;
                    assert!(contents.iter().map(|(_, content)| content).eq(["1", "22"]), "{at}: {contents:?}");
                }
                Err(error) => assert_eq!(error.kind(), Kind::Unprocessable, "{at}: {error}: {}", error.causes()),
            }
        }
    }
    // Dates, versions, attributes: what is not looked at.
    assert!((10..good.len() * 2).contains(&taken), "{taken}");
    assert!(place.keys().await.iter().all(|key| !key.starts_with("imports/")));
}
