//! `-p DIR`: the folders of a directory as archives.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;
use tests::arbitrary;
use tests::client::{self, Answer, get};
use tests::program::{Program, run_to_end};

use super::unzip::entries;

struct Photos {
    program: Program,
    folder: TempDir,
    _data: TempDir,
}

impl Photos {
    async fn start(arguments: &[&str]) -> Self {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().to_str().unwrap().to_owned();
        let arguments = [&["-p", &path], arguments].concat();
        let program = Program::start(&data.path().join("data"), &arguments, &[]).await;
        Self::ready(program, folder, data).await
    }

    async fn start_as_nobody() -> Self {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for open in [&folder, &data] {
            std::fs::set_permissions(open.path(), Permissions::from_mode(0o755)).unwrap();
        }
        let path = folder.path().to_str().unwrap().to_owned();
        let program = Program::start_as_nobody(&data.path().join("data"), &["-p", &path]).await;
        Self::ready(program, folder, data).await
    }

    async fn ready(program: Program, folder: TempDir, data: TempDir) -> Self {
        let photos = Self { program, folder, _data: data };
        while photos.get("/health").await.status != 200 {
            tokio::task::yield_now().await;
        }
        photos
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn get(&self, path: &str) -> Answer {
        let response = client::client().request(get(&format!("{}{path}", self.program.url()))).await.unwrap();
        client::read(response.map(shared::http::body::boxed)).await
    }
}

#[tokio::test]
async fn files_that_arrive_are_in_the_next_archive() {
    let photos = Photos::start(&[]).await;
    assert_eq!(photos.get("/archive/trip/").await.status, 404);
    photos.write("trip/a.jpg", b"one");
    photos.write("trip/sub/b.jpg", &arbitrary::bytes(1, 3_000_000));
    std::fs::create_dir(photos.folder.path().join("trip/empty")).unwrap();
    let first = photos.get("/archive/trip/").await;
    assert!(first.whole);
    let names: Vec<_> = entries(&first.body).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.jpg", "empty/", "sub/b.jpg"]);
    assert_eq!(photos.get("/archive/trip/").await.header("accept-ranges"), "bytes");
    photos.write("trip/c.jpg", b"three");
    assert_eq!(entries(&photos.get("/archive/trip/").await.body).len(), 4);
    photos.write("trip/a.jpg", b"another");
    assert_eq!(entries(&photos.get("/archive/trip/").await.body)[0].1, "another");
}

/// As `rsync --inplace --times` does, and tools that edit metadata.
#[tokio::test]
async fn a_file_rewritten_in_place_with_its_old_time_is_another_version() {
    let photos = Photos::start(&[]).await;
    photos.write("trip/a.jpg", &arbitrary::bytes(1, 400_000));
    photos.get("/archive/trip/").await;
    let old = photos.get("/archive/trip/").await;
    assert_eq!(old.header("accept-ranges"), "bytes");
    let path = photos.folder.path().join("trip/a.jpg");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let content = arbitrary::bytes(2, 400_000);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &content, 0).unwrap();
    file.set_modified(modified).unwrap();
    let new = photos.get("/archive/trip/").await;
    assert!(new.whole && new.header("etag") != old.header("etag"));
    assert!(entries(&new.body)[0].1 == content);
}

#[tokio::test]
async fn nothing_outside_of_the_directory_is_ever_served() {
    let photos = Photos::start(&[]).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    photos.write("trip/a.jpg", b"one");
    let trip = photos.folder.path().join("trip");
    symlink(outside.path().join("secret.txt"), trip.join("leak.txt")).unwrap();
    symlink(outside.path(), trip.join("leak")).unwrap();
    symlink("../../..", trip.join("up")).unwrap();
    symlink(&trip, trip.join("loop")).unwrap();
    symlink(outside.path(), photos.folder.path().join("other")).unwrap();
    std::fs::write(photos.folder.path().join("file"), "not a folder").unwrap();
    let archive = photos.get("/archive/trip/").await;
    assert!(archive.whole);
    for (name, content) in entries(&archive.body) {
        assert!(content != "secret", "{name} leaks");
    }
    assert_eq!(photos.get("/archive/other/").await.status, 404);
    assert_eq!(photos.get("/archive/file/").await.status, 404);
    assert_eq!(photos.get("/archive/%2e%2e/").await.status, 404);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_and_not_half_an_archive() {
    let photos = Photos::start_as_nobody().await;
    photos.write("trip/a.jpg", b"one");
    photos.write("trip/b.jpg", b"two");
    symlink("c.jpg", photos.folder.path().join("trip/c.jpg")).unwrap();
    let archive = photos.get("/archive/trip/").await;
    assert!(archive.whole && entries(&archive.body).len() == 2, "a link to itself is no file");
    for (path, mode) in [("trip/b.jpg", 0o000), ("trip", 0o000)] {
        let path = photos.folder.path().join(path);
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let refused = photos.get("/archive/trip/").await;
        assert_eq!(refused.status, 500);
        assert_eq!(refused.json()["detail"], "Storage refuses access.");
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(photos.get("/archive/trip/").await.status, 200);
}

#[tokio::test]
async fn a_path_that_is_no_directory_is_refused_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.as_path(), Path::new("/nowhere")] {
        let (code, said) = run_to_end(&data.path().join("d"), &["-p", path.to_str().unwrap()], &[]).await;
        assert_eq!(code, Some(2));
        assert!(said.lines().count() == 1 && said.contains("--path"), "{said}");
    }
}

#[tokio::test]
async fn a_delay_slows_the_chunks() {
    let photos = Photos::start(&["--delay", "1"]).await;
    for index in 0..3 {
        photos.write(&format!("trip/{index}.bin"), &arbitrary::bytes(index, 80_000));
    }
    let started = std::time::Instant::now();
    let archive = photos.get("/archive/trip/").await;
    assert!(archive.whole && entries(&archive.body).len() == 3);
    // Not a measurement: three contents of a frame each cannot pass in less than two pauses.
    assert!(started.elapsed() >= std::time::Duration::from_secs(2));
}
