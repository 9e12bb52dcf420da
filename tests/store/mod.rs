//! The embedded store: the probe over TCP and in the process, crashes, directories, and what only we have.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod behaviour;
mod crash;
mod directory;
mod second_client;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use aws_sdk_s3::Client;
use local::store::{Credentials, Options, Store};
use tests::stack::free_address;
use tests::{minio, require};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::probe::{self, Peer, Target, peer};

const ACCESS_KEY: &str = "probe";
const SECRET_KEY: &str = "probe-secret";

fn keys() -> (String, String) {
    (ACCESS_KEY.into(), SECRET_KEY.into())
}

fn options(directory: Option<(String, PathBuf)>) -> Options {
    let credentials = Credentials { access_key: ACCESS_KEY.into(), secret_key: SECRET_KEY.into() };
    Options { credentials, cors_origins: vec!["https://page.example".into()], directory }
}

/// A client in the process.
fn client_of(store: &Store) -> Client {
    peer::client("http://store.internal", &keys(), Some(store.http_client()))
}

/// A store that is served over TCP until it is dropped.
struct Served {
    store: Store,
    endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn open(dir: &Path) -> Self {
        Self::serve(Store::open(dir, options(None)).await.unwrap()).await
    }

    async fn serve(store: Store) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = store.clone();
        let server = tokio::spawn(async move { serving.serve(listener, async { drop(stopped.await) }).await });
        Self { store, endpoint, stop: Some(stop), server }
    }

    /// Ends the server and gives the data folder up.
    async fn close(mut self) {
        drop(self.stop.take());
        self.server.await.unwrap().unwrap();
        self.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_passes_over_tcp() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::open(data.path()).await;
    probe::run(Target::over_tcp(Peer::Embedded, &served.endpoint, keys(), "probe-bucket").await).await;
    served.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_passes_in_the_process() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::open(data.path()).await;
    let client = client_of(&served.store);
    probe::run(Target::new(Peer::Embedded, &served.endpoint, keys(), "probe-bucket", client).await).await;
    served.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_passes_on_minio() {
    if let Some(endpoint) = minio::endpoint().await {
        let keys = (minio::ACCESS_KEY.to_owned(), minio::SECRET_KEY.to_owned());
        probe::run(Target::over_tcp(Peer::Minio, &endpoint, keys, "probe-bucket").await).await;
    }
}

/// A second opinion on what is asked of a store, as far as a mock goes.
#[tokio::test(flavor = "multi_thread")]
async fn the_probe_passes_on_moto() {
    let Some(server) = require::python_tool("moto_server") else { return };
    let endpoint = free_address();
    let port = endpoint.rsplit(':').next().unwrap();
    let mut moto = Command::new(server)
        .args(["-H", "127.0.0.1", "-p", port])
        .kill_on_drop(true)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let listens = async || tokio::net::TcpStream::connect(endpoint.trim_start_matches("http://")).await.is_ok();
    while !listens().await {
        assert!(moto.try_wait().unwrap().is_none(), "moto ended");
        tokio::task::yield_now().await;
    }
    probe::run(Target::over_tcp(Peer::Moto, &endpoint, keys(), "probe-bucket").await).await;
}
