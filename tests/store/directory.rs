//! The directory bucket: a folder of files as a bucket, and nothing outside it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use local::store::Store;
use tempfile::TempDir;

use super::{client_of, options};
use crate::probe::{noise, status};

const BUCKET: &str = "photos";

struct Mounted {
    files: TempDir,
    _data: TempDir,
    store: Store,
    client: Client,
}

async fn mount() -> Mounted {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = Some((BUCKET.to_owned(), files.path().to_owned()));
    let store = Store::open(data.path(), options(directory)).await.unwrap();
    let client = client_of(&store);
    Mounted { files, _data: data, store, client }
}

impl Mounted {
    fn write(&self, path: &str, body: impl AsRef<[u8]>) {
        let path = self.files.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }

    async fn list(&self, prefix: &str, delimiter: Option<&str>, page: i32) -> Vec<String> {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let list = self.client.list_objects_v2().bucket(BUCKET).prefix(prefix).max_keys(page);
            let list = list.set_delimiter(delimiter.map(Into::into)).set_continuation_token(token);
            let list = list.send().await.unwrap();
            found.extend(list.contents().iter().map(|object| object.key().unwrap().to_owned()));
            found.extend(list.common_prefixes().iter().map(|common| common.prefix().unwrap().to_owned()));
            token = list.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                return found;
            }
        }
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, u16> {
        let get = self.client.get_object().bucket(BUCKET).key(key).send().await.map_err(|error| status(&error))?;
        Ok(get.body.collect().await.unwrap().to_vec())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_objects_in_byte_order() {
    let mounted = mount().await;
    for path in ["b/2", "b/1", "b-/x", "a", "c/d/e", "\u{e9}/\u{1f600} +%", "b.txt"] {
        mounted.write(path, path);
    }
    fs::create_dir_all(mounted.files.path().join("empty/inner")).unwrap();
    let all = ["a", "b-/x", "b.txt", "b/1", "b/2", "c/d/e", "empty/inner/", "\u{e9}/\u{1f600} +%"];
    for page in [1, 3, 1000] {
        assert_eq!(mounted.list("", None, page).await, all);
        assert_eq!(mounted.list("b/", None, page).await, ["b/1", "b/2"]);
    }
    assert_eq!(mounted.list("", Some("/"), 1000).await, ["a", "b.txt", "b-/", "b/", "c/", "empty/", "\u{e9}/"]);
    assert_eq!(mounted.list("c/", Some("/"), 1000).await, ["c/d/"]);
    assert_eq!(mounted.list("c/d", None, 1000).await, ["c/d/e"]);
    assert_eq!(mounted.list("empty/inner/", None, 1000).await, ["empty/inner/"]);
    assert!(mounted.list("c/../", None, 1000).await.is_empty());
    assert!(mounted.list("none/x", None, 1000).await.is_empty());
    assert_eq!(mounted.get("\u{e9}/\u{1f600} +%").await.unwrap(), "\u{e9}/\u{1f600} +%".as_bytes());
    assert_eq!(mounted.get("empty/inner/").await.unwrap(), b"");
    for absent in ["b", "b/", "empty", "empty/", "b//1", "./a", "b/../a", "/a", "a/"] {
        assert_eq!(mounted.get(absent).await, Err(404), "{absent}");
    }
    let buckets = mounted.client.list_buckets().send().await.unwrap();
    assert_eq!(buckets.buckets()[0].name(), Some(BUCKET));
    mounted.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_ranges_and_conditions_work() {
    let mounted = mount().await;
    let body = noise(1, 700_001);
    mounted.write("f", &body);
    let head = mounted.client.head_object().bucket(BUCKET).key("f").send().await.unwrap();
    assert_eq!(head.content_length(), Some(700_001));
    let etag = head.e_tag().unwrap();
    assert!(mounted.get("f").await.unwrap() == body);
    let get = || mounted.client.get_object().bucket(BUCKET).key("f");
    let range = get().range("bytes=300000-600000").if_match(etag).send().await.unwrap();
    assert!(range.body.collect().await.unwrap().to_vec() == body[300_000..=600_000]);
    assert_eq!(status(&get().range("bytes=700001-").send().await.unwrap_err()), 416);
    assert_eq!(status(&get().if_none_match(etag).send().await.unwrap_err()), 304);
    let list = mounted.client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(list.contents()[0].e_tag(), Some(etag));
    // Another file under the same name is another object, whatever its length.
    mounted.write("new", noise(2, 700_001));
    fs::rename(mounted.files.path().join("new"), mounted.files.path().join("f")).unwrap();
    assert_eq!(status(&get().if_match(etag).send().await.unwrap_err()), 412);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written() {
    let mounted = mount().await;
    mounted.write("f", "x");
    let (client, body) = (&mounted.client, ByteStream::from_static(b"y"));
    let put = client.put_object().bucket(BUCKET).key("f").body(body).send().await.unwrap_err();
    assert_eq!((status(&put), put.code()), (403, Some("AccessDenied")));
    assert_eq!(status(&client.delete_object().bucket(BUCKET).key("f").send().await.unwrap_err()), 403);
    assert_eq!(status(&client.delete_bucket().bucket(BUCKET).send().await.unwrap_err()), 403);
    let upload = client.create_multipart_upload().bucket(BUCKET).key("f").send().await;
    assert_eq!(status(&upload.unwrap_err()), 403);
    client.create_bucket().bucket("other").send().await.unwrap();
    client.put_object().bucket("other").key("k").body(ByteStream::from_static(b"z")).send().await.unwrap();
    let copy = client.copy_object().bucket(BUCKET).key("f").copy_source("other/k").send().await;
    assert_eq!(status(&copy.unwrap_err()), 403);
    assert_eq!(mounted.get("f").await.unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_to_files_inside_only() {
    let mounted = mount().await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let inside = |path: &str| mounted.files.path().join(path);
    mounted.write("real/file", "inside");
    symlink("real/file", inside("good")).unwrap();
    symlink("../real/file", inside("real/up-and-down")).unwrap();
    symlink(outside.path().join("secret"), inside("absolute")).unwrap();
    symlink("/etc/passwd", inside("passwd")).unwrap();
    let up = format!("../{}/secret", outside.path().file_name().unwrap().to_str().unwrap());
    symlink(&up, inside("relative")).unwrap();
    symlink(outside.path(), inside("folder")).unwrap();
    symlink("real", inside("folder-inside")).unwrap();
    symlink("loop", inside("loop")).unwrap();
    symlink("..", inside("real/parent")).unwrap();
    symlink("nowhere", inside("dangling")).unwrap();
    assert_eq!(mounted.list("", None, 1000).await, ["good", "real/file", "real/up-and-down"]);
    assert_eq!(mounted.get("good").await.unwrap(), b"inside");
    for key in
        ["absolute", "passwd", "relative", "folder/secret", "loop", "dangling", "folder/", "real/parent/../absolute"]
    {
        assert_eq!(mounted.get(key).await, Err(404), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_skipped() {
    let mounted = mount().await;
    mounted.write("file", "x");
    let inside = |path: &str| mounted.files.path().join(path);
    let _socket = UnixListener::bind(inside("socket")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, inside("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    fs::write(inside("new\nline"), "x").unwrap();
    fs::write(mounted.files.path().join(std::ffi::OsStr::from_bytes(b"not-utf8-\xff")), "x").unwrap();
    assert_eq!(mounted.list("", None, 1000).await, ["file"]);
    for key in ["socket", "pipe", "new\nline"] {
        assert_eq!(mounted.get(key).await, Err(404), "{key:?}");
    }
}

/// The file is longer than what fits between the disk and the reader, so the change comes mid-read.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_mid_read_breaks_the_body() {
    let mounted = mount().await;
    let path = mounted.files.path().join("f");
    let changes: [fn(&Path); 2] = [
        |path| fs::File::options().write(true).open(path).unwrap().set_len(1 << 20).unwrap(),
        |path| fs::write(path, noise(9, 8 << 20)).unwrap(),
    ];
    for change in changes {
        mounted.write("f", noise(1, 8 << 20));
        let mut body = mounted.client.get_object().bucket(BUCKET).key("f").send().await.unwrap().body;
        let first = body.next().await.unwrap().unwrap();
        assert!(noise(1, 8 << 20).starts_with(&first));
        change(&path);
        assert!(body.collect().await.is_err(), "a mixed or short body is an error");
    }
    // A file that is replaced by another is read to its end: the open one does not change.
    mounted.write("f", noise(1, 8 << 20));
    let body = mounted.client.get_object().bucket(BUCKET).key("f").send().await.unwrap().body;
    mounted.write("new", "other");
    fs::rename(mounted.files.path().join("new"), &path).unwrap();
    assert!(body.collect().await.unwrap().to_vec() == noise(1, 8 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_files_are_listed() {
    let mounted = mount().await;
    for folder in 0..100 {
        let path = mounted.files.path().join(format!("{folder:03}"));
        fs::create_dir(&path).unwrap();
        (0..1000).for_each(|file| fs::write(path.join(format!("{file:04}")), "").unwrap());
    }
    let started = std::time::Instant::now();
    let keys = mounted.list("", None, 1000).await;
    assert_eq!(keys.len(), 100_000);
    assert!(keys.is_sorted());
    // Generous for a busy machine; walking again for each of the 100 pages would take far longer.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}
