//! An object that is replaced just before the store copies it: nothing comes of it, and the next one asks for what is there.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use shared::app::App;
use shared::config::Config;
use shared::endpoints::ALL;
use shared::http::dispatch;
use shared::storage::{Key, Put, Storage};
use tests::arbitrary;
use tests::client::{self, get};

use crate::model::{memory_folder, storage, store};

const COPIED: &str = "photos/trip/a.bin";

/// Replaces the object before the first part copy goes out.
#[derive(Clone)]
struct Meddler {
    straight: Storage,
    has_acted: Arc<AtomicBool>,
}

struct Meddling {
    meddler: Meddler,
    store: SharedHttpConnector,
}

impl fmt::Debug for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddling")
    }
}

impl HttpConnector for Meddling {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (meddler, store) = (self.meddler.clone(), self.store.clone());
        HttpConnectorFuture::new(async move {
            let copies = request.headers().contains_key("x-amz-copy-source-range");
            if copies && !meddler.has_acted.swap(true, Ordering::SeqCst) {
                put(&meddler.straight, 2).await;
            }
            store.call(request).await
        })
    }
}

fn meddling(store: SharedHttpClient, meddler: Meddler) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        let store = store.http_connector(settings, components);
        SharedHttpConnector::new(Meddling { meddler: meddler.clone(), store })
    })
}

async fn put(storage: &Storage, seed: u64) {
    let content = arbitrary::bytes(seed, 11 << 20);
    storage.main.put(&Key::Listed(COPIED), content, Put::default()).await.unwrap();
}

async fn keys(storage: &Storage, prefix: Key<'_>) -> usize {
    storage.main.list(&prefix).next().await.unwrap().unwrap_or_default().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changes_before_it_is_copied_ends_the_work() {
    let home = memory_folder();
    let store = store(home.path()).await;
    let straight = storage(store.http_client()).await;
    put(&straight, 1).await;
    straight.main.put(&Key::Listed("photos/trip/b"), Bytes::from("b"), Put::default()).await.unwrap();
    let meddler = Meddler { straight: straight.clone(), has_acted: Arc::default() };
    let (archive_assemble, store_public_url) = (Some(1), Some("http://store.invalid".to_owned()));
    let config = Config { archive_assemble, store_public_url, ..Config::read(|_| None, None).unwrap() };
    let app = App::with_storage(config, storage(meddling(store.http_client(), meddler.clone())).await);
    let ask = async || client::read(dispatch(&app, ALL, get("/archive/trip/")).await).await;
    let refused = ask().await;
    assert!(meddler.has_acted.load(Ordering::SeqCst), "a part was to be copied");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.json()["detail"], "The folder has changed while its archive was put together.");
    assert_eq!((refused.header("retry-after"), refused.header("refresh")), ("5", "5"));
    assert_eq!(keys(&straight, Key::AssembledAll).await, 0);
    assert_eq!(keys(&straight, Key::Assemblies).await, 0, "nobody goes on with it");
    let next = ask().await;
    assert_eq!(next.status, 302, "{}", next.text());
    assert_eq!(keys(&straight, Key::AssembledAll).await, 1);
    store.close().await;
}
