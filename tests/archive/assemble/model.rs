//! Random schedules of several workers at the same archives, with a fault or a death possible at every store call, while
//! somebody changes the folders.
//!
//! Afterwards, when every lease has run out, a client asks for each. What is checked:
//! - whatever lies under `assembled/` has the bytes that would be streamed of a folder that was, under its entity tag;
//! - what a client is led to is the folder as it is, and each archive was made once;
//! - no work is left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use local::store::Store;
use shared::app::App;
use shared::archive::ASSEMBLE_ARCHIVES;
use shared::archive::assemble::sweep_older;
use shared::config::Config;
use shared::endpoints::ALL;
use shared::events::run_schedule;
use shared::http::dispatch;
use shared::storage::{Fetch, Key, Listed, Put, Storage};
use tests::arbitrary;
use tests::client::{self, get};
use tokio::time::{Instant, timeout};

use crate::model::gate::{Gate, Random, schedule};
use crate::model::{memory_folder, storage, store};

const SCHEDULES: u64 = 16;

/// Workers of a schedule, and one who changes its folder.
const WORKERS: u64 = 3;

/// How long a worker runs at most: one that waits for the dead is not worth the wait.
const WAIT: Duration = Duration::from_secs(5);

/// Longer than a lease.
const LEASE_OVER: Duration = Duration::from_secs(11);

/// Length and CRC-32 of archives, by their entity tags.
type States = BTreeMap<String, (usize, u32)>;

fn app(storage: Storage, assembles: bool) -> Arc<App> {
    let archive_assemble = assembles.then_some(1);
    let store_public_url = Some("http://store.invalid".to_owned());
    let config = Config { archive_assemble, store_public_url, ..Config::read(|_| None, None).unwrap() };
    Arc::new(App::with_storage(config, storage))
}

fn sum(archive: &Bytes) -> (usize, u32) {
    (archive.len(), crc32fast::hash(archive))
}

fn folder(seed: u64) -> String {
    format!("m{seed}")
}

/// Two contents that are copied and some that are sent.
async fn fill(storage: &Storage, seed: u64) {
    let mut random = Random::new(seed);
    for (index, megabytes) in [11, 0, 0, 11, 1].into_iter().enumerate() {
        let size = (megabytes << 20) + usize::try_from(random.below(2000)).unwrap();
        put(storage, seed, index, arbitrary::bytes(seed * 10 + index as u64, size)).await;
    }
}

async fn put(storage: &Storage, seed: u64, index: usize, content: Bytes) {
    let key = format!("photos/{}/{index}.bin", folder(seed));
    storage.main.put(&Key::Listed(&key), content, Put::default()).await.unwrap();
}

/// The archive of a folder as it is streamed.
async fn streamed(app: &App, seed: u64, states: &mut States) -> String {
    loop {
        let answer = client::read(dispatch(app, ALL, get(&format!("/archive/{}/", folder(seed)))).await).await;
        assert!(answer.status == 200 && answer.whole, "{}", answer.text());
        if answer.header("accept-ranges") == "bytes" {
            let tag = answer.header("etag").trim_matches('"').to_owned();
            states.insert(tag.clone(), sum(&answer.body));
            return tag;
        }
    }
}

async fn work(app: &App) {
    let _ = timeout(WAIT, run_schedule(app, &ASSEMBLE_ARCHIVES, Instant::now() + WAIT)).await;
}

async fn run(store: &Store, seed: u64, states: &mut States) {
    let straight = storage(store.http_client()).await;
    fill(&straight, seed).await;
    streamed(&app(straight.clone(), false), seed, states).await;
    let begun = r#"{"nonce":"n","value":{"etag":null,"making":null,"lease":null}}"#;
    straight.main.put(&Key::Assembly(&folder(seed)), Bytes::from(begun), Put::default()).await.unwrap();
    let mut random = Random::new(seed);
    let gate = Arc::new(Gate::new(seed, random.below(8)));
    let changes = random.below(2) == 0;
    let mut storages = Vec::new();
    for actor in 0..=WORKERS {
        storages.push(storage(gate.client(store.http_client(), actor)).await);
    }
    schedule(&gate, WORKERS + 1, |actor, life| {
        let (storage, straight) = (storages[usize::try_from(actor).unwrap()].clone(), straight.clone());
        let mut random = Random::new(seed ^ (actor << 40) ^ (u64::from(life) << 20));
        tokio::spawn(async move {
            if actor < WORKERS {
                let app = app(storage, true);
                for _ in 0..2 {
                    work(&app).await;
                }
            } else if changes {
                for _ in 0..random.below(25) {
                    // The more of these, the later it comes.
                    let _ = storage.main.head(&Key::Listed("nothing")).await;
                }
                put(&straight, seed, 3, arbitrary::bytes(seed * 10 + 9, 11 << 20)).await;
            }
        })
    })
    .await;
}

async fn all(storage: &Storage, prefix: Key<'_>) -> Vec<Listed> {
    storage.main.list(&prefix).next().await.unwrap().unwrap_or_default()
}

/// What lies under `assembled/`, by entity tags; each is what it says.
async fn check(storage: &Storage, states: &States) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for object in all(storage, Key::AssembledAll).await {
        let tag = object.key.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
        let bytes = storage.main.get_bytes(&Key::Listed(&object.key), Fetch::default()).await.unwrap();
        let state = states.get(&tag).unwrap_or_else(|| panic!("{} is of a folder that never was", object.key));
        assert!(sum(&bytes) == *state, "{} is not what would be streamed", object.key);
        *found.entry(tag).or_default() += 1;
    }
    found
}

#[test]
fn whatever_happens_an_archive_has_the_bytes_of_its_entity_tag() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let home = memory_folder();
        let store = store(home.path()).await;
        let straight = storage(store.http_client()).await;
        let (streams, assembles) = (app(straight.clone(), false), app(straight.clone(), true));
        let mut states = States::new();
        for seed in 1..=SCHEDULES {
            run(&store, seed, &mut states).await;
            streamed(&streams, seed, &mut states).await;
        }
        let by_workers = check(&straight, &states).await;
        assert!(by_workers.len() > 8, "schedules that do something: {}", by_workers.len());
        // Who died wakes up no more: time is what is waited for.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(LEASE_OVER).await;
        for seed in 1..=SCHEDULES {
            let current = streamed(&streams, seed, &mut states).await;
            let path = format!("/archive/{}/", folder(seed));
            let answer = client::read(dispatch(&assembles, ALL, get(&path)).await).await;
            assert_eq!(answer.status, 302, "seed {seed}: {}", answer.text());
            assert!(answer.header("location").contains(&current), "seed {seed}");
        }
        let found = check(&straight, &states).await;
        assert!(found.values().all(|count| *count == 1), "each is made once: {found:?}");
        work(&assembles).await;
        assert!(all(&straight, Key::Assemblies).await.is_empty(), "nothing is left to do");
        sweep_older(&assembles, SystemTime::now() + WAIT).await.unwrap();
        assert!(all(&straight, Key::AssembledAll).await.is_empty());
        store.close().await;
    });
}
