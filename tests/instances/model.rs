//! Instances against their promises, over random schedules with a fault or a death possible at every store call.
//!
//! In each, clients of two users ask for instances, delete them, restart them and rotate their passwords, while workers
//! reconcile; the engine only remembers. Afterwards, when every lease has run out, a worker goes on without faults, twice. What
//! is checked:
//! - what was told to be ready, and was not asked to be deleted, is there with the password that its owner is told;
//! - what was told to be gone is gone;
//! - the engine has what records name, and nothing else; so it is with slots and ports; no two instances share one;
//! - nobody has more than the quota;
//! - nothing is under way, and the second pass changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::store::Store;
use serde_json::Value;
use shared::app::App;
use shared::config::{Config, Secret};
use shared::events::run_schedule;
use shared::instances::engine::{Engine, Fake};
use shared::instances::{
    Instance, RECONCILE_INSTANCES, State, create, delete, list, restart, rotate_password, spec, view,
};
use shared::storage::{InstanceKey, Key, Storage};
use tokio::time::{Instant, timeout};

use crate::model::gate::{Gate, Random, schedule};
use crate::model::{memory_folder, storage, store};

const SCHEDULES: u64 = 60;

/// What each client of a schedule does before it has done enough.
const STEPS: u64 = 4;

/// Clients, and workers, of a schedule.
const CLIENTS: u64 = 3;
const WORKERS: u64 = 2;

/// How long a client waits before it goes away: an instance that belongs to somebody dead is not worth the wait.
const WAIT: Duration = Duration::from_millis(250);

/// Longer than a lease.
const LEASE_OVER: Duration = Duration::from_secs(11);

/// As many as a user may have who has no settings.
const QUOTA: usize = 5;

/// What clients were told.
#[derive(Default)]
struct Told {
    ready: BTreeSet<(String, String)>,
    asked_to_go: BTreeSet<(String, String)>,
    gone: BTreeSet<(String, String)>,
}

type History = Arc<Mutex<Told>>;

/// An app over one engine that all share.
fn app(storage: Storage, engine: &Arc<Fake>) -> Arc<App> {
    let secret = Secret::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let config = Config { secret: Some(secret), ..Config::read(|_| None, None).unwrap() };
    Arc::new(App::with_storage(config, storage).with_engine(Engine::Fake(engine.clone())))
}

fn owner(seed: u64, number: u64) -> String {
    format!("s{seed}-u{number}")
}

async fn client(app: Arc<App>, history: History, seed: u64, mut random: Random) {
    let owner = owner(seed, random.below(2));
    for _ in 0..STEPS {
        let _ = timeout(WAIT, act(&app, &history, &owner, &mut random)).await;
    }
}

async fn act(app: &App, history: &History, owner: &str, random: &mut Random) {
    let kind = random.below(6);
    if kind < 3 {
        let wish = spec::redis(br#"{"memory":64}"#).unwrap();
        // One of the users asks by keys, which give the same id again after a deletion.
        let key = owner.ends_with("u0").then(|| format!("key {}", random.below(3)));
        if let Ok(created) = create(app, owner, wish, key.as_deref()).await
            && created.instance.state == State::Ready
        {
            history.lock().unwrap().ready.insert((owner.to_owned(), created.instance.id));
        }
        return;
    }
    let Ok(all) = list(app, owner).await else { return };
    let count = all.len() as u64;
    let Some(chosen) = all.get(usize::try_from(random.below(count)).unwrap()) else { return };
    let name = (owner.to_owned(), chosen.id.clone());
    match kind {
        3 => {
            history.lock().unwrap().asked_to_go.insert(name.clone());
            if delete(app, owner, &chosen.id).await.is_ok_and(|gone| gone) {
                history.lock().unwrap().gone.insert(name);
            }
        }
        4 => drop(restart(app, owner, &chosen.id).await),
        _ => drop(rotate_password(app, owner, &chosen.id).await),
    }
}

async fn reconcile(app: &App) -> bool {
    run_schedule(app, &RECONCILE_INSTANCES, Instant::now() + Duration::from_secs(60)).await.is_ok()
}

async fn run(store: &Store, engine: &Arc<Fake>, seed: u64) -> History {
    let mut random = Random::new(seed);
    let gate = Arc::new(Gate::new(seed, random.below(12)));
    let history = History::default();
    let mut apps = Vec::new();
    for actor in 0..CLIENTS + WORKERS {
        apps.push(app(storage(gate.client(store.http_client(), actor)).await, engine));
    }
    schedule(&gate, CLIENTS + WORKERS, |actor, life| {
        let app = apps[usize::try_from(actor).unwrap()].clone();
        let random = Random::new(seed ^ (actor << 40) ^ (u64::from(life) << 20));
        let history = history.clone();
        tokio::spawn(async move {
            if actor < CLIENTS {
                client(app, history, seed, random).await;
            } else {
                for _ in 0..2 {
                    let _ = timeout(WAIT, reconcile(&app)).await;
                }
            }
        })
    })
    .await;
    history
}

/// Every object of the instances, with what it is.
async fn objects(app: &App) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for prefix in [InstanceKey::All, InstanceKey::AllSlots, InstanceKey::AllPorts] {
        let mut pages = app.storage().unwrap().main.list(&Key::Instance(prefix));
        while let Some(page) = pages.next().await.unwrap() {
            all.extend(page.into_iter().map(|listed| (listed.key, listed.etag)));
        }
    }
    all
}

async fn check(app: &App, engine: &Fake, histories: &[(u64, History)]) {
    let made = engine.made();
    let mut records: BTreeMap<(String, String), Instance> = BTreeMap::new();
    for (seed, _) in histories {
        for number in 0..2 {
            let owner = owner(*seed, number);
            let all = list(app, &owner).await.unwrap();
            assert!(all.len() <= QUOTA, "{owner} has {all:?}");
            records.extend(all.into_iter().map(|one| ((owner.clone(), one.id.clone()), one)));
        }
    }
    for (seed, history) in histories {
        let told = history.lock().unwrap();
        for name in told.ready.difference(&told.asked_to_go) {
            let one = records.get(name).unwrap_or_else(|| panic!("seed {seed}: {name:?} was ready and is lost"));
            assert_eq!(one.state, State::Ready, "seed {seed}: {name:?}");
        }
        for name in told.gone.iter().filter(|(owner, _)| owner.ends_with("u1")) {
            assert!(!records.contains_key(name), "seed {seed}: {name:?} was gone");
        }
    }
    let ready: BTreeSet<&String> = records.values().map(|one| &one.id).collect();
    assert_eq!(ready, made.keys().collect(), "the engine has what records name");
    let mut claims = BTreeSet::new();
    for one in records.values() {
        assert_eq!(one.state, State::Ready, "{one:?}");
        let data: Value = view(app, one).unwrap();
        let engine_has = &made[&one.id];
        assert_eq!(data["pwd"], engine_has.password.as_str(), "the password that lets in is the one that is told");
        assert_eq!(data["port"], engine_has.port);
        assert!(claims.insert(format!("ports/fake/{}", engine_has.port)), "two have a port");
    }
    let keys = objects(app).await;
    let ports: BTreeSet<String> = keys.keys().filter(|key| key.starts_with("ports/")).cloned().collect();
    assert_eq!(ports, claims, "every port has its instance");
    let slots = keys.keys().filter(|key| key.starts_with("quota/")).count();
    assert_eq!(slots, records.len(), "every slot has its instance");
}

#[test]
fn whatever_happens_what_was_promised_is_there_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let home = memory_folder();
        let store = store(home.path()).await;
        let engine = Arc::new(Fake::slow(2, Duration::from_millis(1), 2001..=12_000));
        let mut histories = Vec::new();
        for seed in 1..=SCHEDULES {
            histories.push((seed, run(&store, &engine, seed).await));
        }
        // Who died wakes up no more: time is what is waited for.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(LEASE_OVER).await;
        let straight = app(storage(store.http_client()).await, &engine);
        assert!(reconcile(&straight).await);
        let first = objects(&straight).await;
        check(&straight, &engine, &histories).await;
        assert!(reconcile(&straight).await);
        assert_eq!(objects(&straight).await, first, "a second pass changes nothing");
        let told: usize = histories.iter().map(|(_, history)| history.lock().unwrap().ready.len()).sum();
        let gone: usize = histories.iter().map(|(_, history)| history.lock().unwrap().gone.len()).sum();
        assert!(told > 30 && gone > 5, "schedules that do something: {told} ready, {gone} gone");
        store.close().await;
    });
}
