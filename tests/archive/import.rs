//! Import: what common programs pack comes out as it went in; what is wrong is refused, and leaves nothing.

mod faults;
mod made;
mod place;
mod refused;
mod request;

use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use shared::archive::import::{import, sweep, sweep_older};
use shared::error::Kind;
use shared::storage::{Fault, Key, Making, Put};
use tests::stack::Backend;
use tests::{arbitrary, require};
use tokio::process::Command;

use self::made::{Made, deflated, stored, zip};
use self::place::Place;

/// More than one part of an object.
const LARGE: usize = 20 * 1024 * 1024;

/// Half of it noise, half of it not: it is packed, and not to nothing.
fn large() -> Bytes {
    [arbitrary::bytes(7, LARGE / 2), Bytes::from(vec![b'x'; LARGE / 2])].concat().into()
}

fn files() -> Vec<(&'static str, Bytes)> {
    vec![
        ("a.txt", Bytes::from("text, text, text, text, text, text, text\n".repeat(1000))),
        ("empty", Bytes::new()),
        ("sub/deep/été 🏖.bin", arbitrary::bytes(1, 70_000)),
        ("sub/large.bin", large()),
        ("zeros", Bytes::from(vec![0; 9 * 1024 * 1024])),
    ]
}

fn lay_out(folder: &Path) {
    for (name, content) in files() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::fs::create_dir(folder.join("hollow")).unwrap();
}

/// Packs the files with a program, and imports what it made.
async fn packed_by(program: &str, arguments: &[&str]) {
    let Some(program) = require::tool(program) else { return };
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("files");
    lay_out(&inside);
    let mut command = Command::new(program);
    let packed = command.args(arguments).current_dir(&inside).env("LC_ALL", "C.UTF-8").output().await.unwrap();
    assert!(packed.status.success(), "{packed:?}");
    let zip = Bytes::from(std::fs::read(folder.path().join("out.zip")).unwrap());
    for place in Place::all().await {
        let imported = place.import(zip.clone()).await.unwrap_or_else(|error| panic!("{error}: {}", error.causes()));
        let (folders, contents): (Vec<_>, Vec<_>) =
            place.contents(&imported).await.into_iter().partition(|(name, _)| name.ends_with('/'));
        assert!(folders.iter().any(|(name, _)| name == "hollow/"), "an empty folder stays");
        let expected: Vec<_> = files().into_iter().map(|(name, content)| (name.to_owned(), content)).collect();
        assert!(contents == expected, "{:?}", contents.iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert_eq!(imported.entries, (folders.len() + contents.len()) as u64);
        assert_eq!(imported.bytes, contents.iter().map(|(_, content)| content.len() as u64).sum::<u64>());
        assert!(place.keys().await.iter().all(|key| !key.starts_with("imports/")), "it is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_zip_packs() {
    packed_by("zip", &["-qr", "../out.zip", "."]).await;
}

/// To a pipe: CRC-32s and sizes behind the contents, and zip64 fields in case that they are needed.
#[tokio::test(flavor = "multi_thread")]
async fn what_zip_packs_into_a_pipe() {
    if require::tool("zip").is_none() {
        return;
    }
    packed_by("sh", &["-c", "zip -qr - . | cat > ../out.zip"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_7z_packs() {
    packed_by("7z", &["a", "-tzip", "-bd", "../out.zip", "."]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bsdtar_packs() {
    packed_by("bsdtar", &["-a", "-cf", "../out.zip", "a.txt", "empty", "sub", "zeros", "hollow"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_python_packs_as_zip64() {
    let script = "import os, zipfile\n\
        with zipfile.ZipFile('../out.zip', 'w', zipfile.ZIP_DEFLATED) as out:\n\
        \x20for folder, folders, names in os.walk('.'):\n\
        \x20 for name in folders: out.write(os.path.join(folder, name))\n\
        \x20 for name in names:\n\
        \x20  path = os.path.join(folder, name)\n\
        \x20  with out.open(os.path.relpath(path), 'w', force_zip64=True) as entry: entry.write(open(path, 'rb').read())\n";
    packed_by("python3", &["-c", script]).await;
}

/// An archive of ours, imported, is the same archive.
#[tokio::test(flavor = "multi_thread")]
async fn what_we_pack() {
    for place in Place::all().await {
        let main = &place.app.storage().unwrap().main;
        for (name, content) in files() {
            main.put(&Key::Listed(&format!("photos/trip/{name}")), content, Put::default()).await.unwrap();
        }
        // The first has large contents in blocks, the second everything stored.
        for _ in 0..2 {
            let archive = place.get("/archive/trip/").await;
            let imported = place.import(archive.body).await.unwrap();
            let expected: Vec<_> = files().into_iter().map(|(name, content)| (name.to_owned(), content)).collect();
            assert!(place.contents(&imported).await == expected);
        }
    }
}

/// What the formats allow and no program at hand writes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_by_hand() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    let entries = [
        // An extra field that is padding, as Android's tools write it; an offset in a zip64 field alone.
        Made { local_extra: vec![0; 3], zip64: true, ..stored("a", "1") },
        Made { zip64: true, ..deflated("b", b"2") },
        Made { zip64: true, ..deflated("c", b"") },
        Made { attributes: 0o040_755 << 16, zip64: true, ..stored("d/", "") },
    ];
    let imported = place.import(zip(&entries)).await.unwrap();
    let contents = place.contents(&imported).await;
    let expected = [("a", "1"), ("b", "2"), ("c", ""), ("d/", "")];
    assert_eq!(contents, expected.map(|(name, content)| (name.to_owned(), Bytes::from(content))));
    // A comment at its end, and a gap before the second entry.
    let mut gap = zip(&[stored("a", "1"), stored("gone", "x"), stored("b", "2")]);
    let list = gap.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    gap.drain(list + 47..list + 47 + 50);
    let length = gap.len();
    gap[length - 14] = 2;
    gap[length - 12] = 2;
    gap[length - 10] = u8::try_from(2 * 47).unwrap();
    gap[length - 2] = 5;
    gap.extend_from_slice(b"hello");
    let imported = place.import(gap).await.unwrap();
    let names: Vec<_> = place.contents(&imported).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_entries() {
    let entries: Vec<_> =
        (0..2000_u32).map(|index| stored(format!("d{}/{index:04}", index % 7), index.to_le_bytes())).collect();
    let place = Place::on(Backend::Embedded).await.unwrap();
    let imported = place.import(zip(&entries)).await.unwrap();
    assert_eq!((imported.entries, imported.bytes), (2000, 8000));
    let contents = place.contents(&imported).await;
    assert_eq!(contents.len(), 2000);
    assert!(contents.iter().all(|(name, content)| {
        let index: u32 = name.rsplit('/').next().unwrap().parse().unwrap();
        content[..] == index.to_le_bytes()
    }));
}

/// An import that died is taken away when nobody can be working on it any more; what is whole stays.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_takes_away_what_was_given_up() {
    for place in Place::all().await {
        let whole = place.import(zip(&[stored("a", "1")])).await.unwrap();
        let kept = place.keys().await;
        let main = &place.app.storage().unwrap().main;
        // As it stands when the process dies after its first object.
        main.create(&Key::Import("dead"), &()).await.unwrap();
        for left in ["photos/dead/a", "photos/dead/d/", "crc32/dead/x.y.z"] {
            main.put(&Key::Listed(left), Bytes::new(), Put::default()).await.unwrap();
        }
        sweep(&place.app).await.unwrap();
        assert_eq!(place.keys().await.len(), kept.len() + 4, "it may still be under way");
        sweep_older(&place.app, SystemTime::now() + Duration::from_secs(60)).await.unwrap();
        assert_eq!(place.keys().await, kept);
        assert_eq!(place.contents(&whole).await.len(), 1);
    }
}

/// The parts of an entry that was on its way are no objects, and are stored all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_takes_away_parts() {
    let place = Place::on(Backend::Embedded).await.unwrap();
    let main = &place.app.storage().unwrap().main;
    let begin = async |key: &str| {
        let multipart = main.multipart(&Key::Listed(key), Making::default()).await.unwrap();
        multipart.part(1, Bytes::from("part")).await.unwrap();
        multipart
    };
    main.create(&Key::Import("dead"), &()).await.unwrap();
    let mut dead = Vec::new();
    // More than a page of the list.
    for index in 0..1100 {
        dead.push(begin(&format!("photos/dead/{}", index % 700)).await);
    }
    let kept = [begin("photos/deadly/a").await, begin("files/dead").await];
    sweep_older(&place.app, SystemTime::now() + Duration::from_secs(60)).await.unwrap();
    for multipart in dead {
        assert_eq!(multipart.parts().await.expect_err("it is given up").fault, Fault::Missing);
    }
    for multipart in kept {
        assert_eq!(multipart.parts().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upload_is_one_archive() {
    for place in Place::all().await {
        let main = &place.app.storage().unwrap().main;
        let source = place.upload(zip(&[stored("a", "1"), stored("b/", "")])).await;
        let outcomes = stream::iter(0..8).map(|_| import(&place.app, &source)).buffered(8).collect::<Vec<_>>().await;
        assert!(outcomes.iter().flat_map(Result::as_ref).count() > 0, "one of them makes it");
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert_eq!(error.kind(), Kind::Conflict, "{error}: {}", error.causes());
        }
        let first = import(&place.app, &source).await.unwrap();
        assert!(outcomes.into_iter().flatten().all(|imported| imported == first));
        let keys = place.keys().await;
        assert_eq!(keys.iter().filter(|key| key.starts_with("photos/")).count(), 2, "{keys:?}");
        assert!(!keys.iter().any(|key| key.starts_with("imports/")), "{keys:?}");

        // Of what has been deleted there may be another, and of another upload as well.
        for name in ["a", "b/"] {
            main.delete(&Key::Listed(&format!("photos/{}/{name}", first.hash))).await.unwrap();
        }
        let second = import(&place.app, &source).await.unwrap();
        assert_ne!(second.hash, first.hash);
        assert_eq!(place.contents(&second).await.len(), 2);
        assert_eq!(import(&place.app, &source).await.unwrap(), second);
        let other = place.import(zip(&[stored("a", "2"), stored("b/", "")])).await.unwrap();
        assert_ne!(other.hash, second.hash);
        assert_eq!(place.contents(&second).await[0].1, "1");
    }
}
