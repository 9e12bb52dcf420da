//! The servers that take uploads, each with a store of its own.

use aws_sdk_s3::Client as S3;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tests::require;
use tokio::process::Command;

use crate::process::Serving;
use crate::servers::Server;
use crate::stored::{BUCKET, KEYS, Stored};

/// Deletions at once.
const AT_ONCE: usize = 16;

/// A server with its store.
pub(crate) struct Peer {
    /// What it is called in a table.
    pub(crate) name: &'static str,
    /// `ADDR:PORT` it listens on.
    pub(crate) address: String,
    /// The processes whose work it is: the server's, and the store's where that is another.
    pub(crate) pids: Vec<u32>,
    /// Prefix of the keys of files that came by tus.
    files: &'static str,
    s3: S3,
    _stored: Stored,
    _running: Option<Running>,
}

/// What must not be dropped while it runs.
enum Running {
    Server { _server: Server },
    Serving { _serving: Serving },
}

impl Peer {
    /// Pannier with the store inside.
    pub(crate) async fn pannier() -> Self {
        let stored = Stored::with(&["--demo-users"]).await;
        let (address, pids) = (stored.service.clone(), vec![stored.pid]);
        Self::new("Pannier", address, pids, ("files/", stored, None))
    }

    /// Pannier, its store in another process.
    pub(crate) async fn pannier_apart() -> Self {
        let stored = Stored::start().await;
        let server = Server::uploads(&stored).await;
        let (address, pids) = (server.address.clone(), vec![server.pid, stored.pid]);
        let running = Running::Server { _server: server };
        Self::new("Pannier, the store in another process", address, pids, ("files/", stored, Some(running)))
    }

    /// @tus/server on the same kind of store in another process; `None` after saying that it is missing.
    pub(crate) async fn reference() -> Option<Self> {
        let modules = require::cache().join("node");
        if !modules.join("node_modules/@tus/s3-store").is_dir() {
            require::missing("@tus/s3-store");
            return None;
        }
        let stored = Stored::start().await;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/uploads/clients/tus_server.mjs");
        let mut command = Command::new(require::tool("node")?);
        command.arg(script).arg(modules).env("S3_ENDPOINT", &stored.endpoint).env("BUCKET", BUCKET);
        // The SDK advertises newer versions of Node among the figures.
        command.env("NODE_NO_WARNINGS", "1");
        command.env("AWS_ACCESS_KEY_ID", KEYS.0).env("AWS_SECRET_ACCESS_KEY", KEYS.1);
        let serving = Serving::start(command).await;
        let (address, pids) = (serving.address.clone(), vec![serving.pid(), stored.pid]);
        let running = Running::Serving { _serving: serving };
        Some(Self::new("@tus/server with @tus/s3-store", address, pids, ("", stored, Some(running))))
    }

    fn new(
        name: &'static str,
        address: String,
        pids: Vec<u32>,
        (files, stored, running): (&'static str, Stored, Option<Running>),
    ) -> Self {
        Self { name, address, pids, files, s3: stored.s3.clone(), _stored: stored, _running: running }
    }

    /// The key of the file that was uploaded to this path.
    pub(crate) fn key(&self, path: &str) -> String {
        format!("{}{}", self.files, path.rsplit('/').next().unwrap_or_default())
    }

    /// Waits until the object is there; it must have this size, and end with these bytes.
    pub(crate) async fn check(&self, key: &str, size: u64, end: Bytes) {
        let get = || self.s3.get_object().bucket(BUCKET).key(key).range("bytes=-16");
        let whole = |range: &str| range.rsplit('/').next().and_then(|size| size.parse::<u64>().ok());
        loop {
            let Ok(object) = get().send().await else {
                tokio::task::yield_now().await;
                continue;
            };
            assert_eq!(object.content_range().and_then(whole), Some(size), "{}", self.name);
            let found = object.body.collect().await.expect("the object is read").into_bytes();
            assert_eq!(found, end, "{}: the end of the file", self.name);
            return;
        }
    }

    /// The number of parts that an object was made of, out of its ETag (S3 user guide, "Multipart upload").
    pub(crate) async fn parts(&self, key: &str) -> String {
        let head = self.s3.head_object().bucket(BUCKET).key(key).send().await.expect("the object is there");
        let etag = head.e_tag().unwrap_or_default().trim_matches('"');
        etag.rsplit_once('-').map_or_else(|| "1".to_owned(), |(_, parts)| parts.to_owned())
    }

    /// Deletes the files, so that the disk does not fill.
    pub(crate) async fn clear(&self) {
        for prefix in [self.files, super::blocks::PREFIX] {
            let list = self.s3.list_objects_v2().bucket(BUCKET).prefix(prefix).into_paginator().send();
            let pages: Vec<_> = list.try_collect().await.expect("a listing");
            let keys = pages.into_iter().flat_map(|page| page.contents.unwrap_or_default()).filter_map(|o| o.key);
            let gone = stream::iter(keys).map(|key| self.s3.delete_object().bucket(BUCKET).key(key).send());
            gone.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await.expect("files are deleted");
        }
    }
}
