//! A store in a process of its own, and folders in it.

use std::time::Duration;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;
use tests::program::Program;
use tests::stack::s3;

use crate::contents::Folder;

/// Its credentials.
pub(crate) const KEYS: (&str, &str) = ("bench", "bench-secret");

/// The program's default bucket.
pub(crate) const BUCKET: &str = "pannier";

/// Requests at once while folders are filled.
const AT_ONCE: usize = 32;

/// How long presigned URLs hold.
const VALID: Duration = Duration::from_secs(12 * 60 * 60);

/// The embedded store, served by the program to other processes.
pub(crate) struct Stored {
    /// Its URL.
    pub(crate) endpoint: String,
    /// A client of it.
    pub(crate) s3: S3,
    /// Its process.
    pub(crate) pid: u32,
    /// `ADDR:PORT` of the service that the store is a part of.
    pub(crate) service: String,
    _program: Program,
    _data: TempDir,
}

impl Stored {
    /// Starts an empty one.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with more arguments for the program.
    pub(crate) async fn with(more: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let address = free_address();
        let arguments = [&["--quiet", "--store-listen", &address], more].concat();
        let program = Program::start(&data.path().join("data"), &arguments, &variables()).await;
        program.wait_until_ready().await;
        let endpoint = format!("http://{address}");
        let (pid, service) = (program.pid(), program.address.clone());
        Self { s3: s3(&endpoint, KEYS), endpoint, pid, service, _program: program, _data: data }
    }

    /// Puts a folder's files.
    pub(crate) async fn put(&self, folder: Folder) {
        let puts = stream::iter(0..folder.count).map(|index| {
            let body = ByteStream::from(folder.content(index));
            self.s3.put_object().bucket(BUCKET).key(folder.key(index)).body(body).send()
        });
        puts.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await.expect("files are put");
    }

    /// Puts the first file and copies it: many objects that take little room.
    pub(crate) async fn put_copies(&self, folder: Folder) {
        self.put(Folder { count: 1, ..folder }).await;
        let source = format!("{BUCKET}/{}", folder.key(0));
        let copies = stream::iter(1..folder.count)
            .map(|index| self.s3.copy_object().bucket(BUCKET).key(folder.key(index)).copy_source(&source).send());
        copies.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await.expect("files are copied");
    }

    /// URLs of a folder's files that need no signature.
    pub(crate) async fn presigned(&self, folder: Folder) -> Vec<String> {
        let config = PresigningConfig::expires_in(VALID).expect("a time");
        let urls = stream::iter(0..folder.count).then(|index| {
            let request = self.s3.get_object().bucket(BUCKET).key(folder.key(index));
            let config = config.clone();
            async move { Ok::<_, aws_sdk_s3::Error>(request.presigned(config).await?.uri().to_owned()) }
        });
        urls.try_collect().await.expect("URLs are signed")
    }
}

/// What a program that uses the store is told.
pub(crate) fn variables() -> [(&'static str, &'static str); 2] {
    [("AWS_ACCESS_KEY_ID", KEYS.0), ("AWS_SECRET_ACCESS_KEY", KEYS.1)]
}

/// An address that was free a moment ago, for a program that must be told one.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("an address").to_string()
}
