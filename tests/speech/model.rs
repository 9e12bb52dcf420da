//! Routes and renders against their promises, over hundreds of random schedules with a fault or a death possible at every
//! store call.
//!
//! In each, clients give two routes one of three texts, and ask how far they are, while workers render. Afterwards, when every
//! lease has run out, one worker goes on without faults. What is checked:
//! - a route that was given a text has a track, and the track is whole: nothing that was accepted is forgotten;
//! - it is the track of a text that no later one had replaced;
//! - nothing is left to do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use local::store::Store;
use shared::app::App;
use shared::config::Config;
use shared::events::run_schedule;
use shared::speech::script::Script;
use shared::speech::{Progress, RENDER_SPEECH, accept, find};
use shared::storage::{Key, SpeechKey, Storage};

use crate::model::gate::{Gate, Random, schedule};
use crate::model::{memory_folder, storage, store};

const SCHEDULES: u64 = 150;

/// What the clients of one schedule do before each has done enough.
const STEPS: u64 = 3;

/// Clients, and workers, of a schedule.
const CLIENTS: u64 = 3;
const WORKERS: u64 = 2;

/// Longer than a lease.
const LEASE_OVER: Duration = Duration::from_secs(13);

/// A text that was given to a route.
#[derive(Clone, Copy, Debug)]
struct Given {
    route: u64,
    text: u64,
    began: u64,
    /// When it was acknowledged, if it was.
    ended: Option<u64>,
}

/// What happened, in an order that all agree on.
#[derive(Clone, Default)]
struct History(Arc<Mutex<(u64, Vec<Given>)>>);

impl History {
    fn begin(&self, route: u64, text: u64) -> usize {
        let mut history = self.0.lock().unwrap();
        history.0 += 1;
        let began = history.0;
        history.1.push(Given { route, text, began, ended: None });
        history.1.len() - 1
    }

    fn end(&self, index: usize) {
        let mut history = self.0.lock().unwrap();
        history.0 += 1;
        history.1[index].ended = Some(history.0);
    }

    fn of(&self, route: u64) -> Vec<Given> {
        self.0.lock().unwrap().1.iter().filter(|given| given.route == route).copied().collect()
    }
}

fn app(storage: Storage) -> Arc<App> {
    Arc::new(App::with_storage(Config::read(|_| None, None).unwrap(), storage))
}

fn route_id(seed: u64, route: u64) -> String {
    format!("{seed} {route}")
}

fn script(seed: u64, text: u64) -> Script {
    Script::from_paragraphs(&[format!("{seed} {text}")], 100).unwrap()
}

async fn client(app: Arc<App>, history: History, seed: u64, mut random: Random) {
    for _ in 0..STEPS {
        let (route, text) = (random.below(2), random.below(3));
        if random.below(4) == 0 {
            let _ = find(&app, &route_id(seed, route)).await;
        } else {
            let given = history.begin(route, text);
            if accept(&app, &route_id(seed, route), &script(seed, text), None, None).await.is_ok() {
                history.end(given);
            }
        }
    }
}

async fn work(app: &App) -> bool {
    run_schedule(app, &RENDER_SPEECH, tokio::time::Instant::now() + Duration::from_secs(60)).await.is_ok()
}

async fn run(store: &Store, seed: u64) -> History {
    let mut random = Random::new(seed);
    let gate = Arc::new(Gate::new(seed, random.below(12)));
    let history = History::default();
    let mut apps = Vec::new();
    for actor in 0..CLIENTS + WORKERS {
        apps.push(app(storage(gate.client(store.http_client(), actor)).await));
    }
    schedule(&gate, CLIENTS + WORKERS, |actor, life| {
        let app = apps[usize::try_from(actor).unwrap()].clone();
        let random = Random::new(seed ^ (actor << 40) ^ (u64::from(life) << 20));
        let history = history.clone();
        tokio::spawn(async move {
            if actor < CLIENTS {
                client(app, history, seed, random).await;
            } else {
                for _ in 0..STEPS {
                    work(&app).await;
                }
            }
        })
    })
    .await;
    history
}

/// The hash of each text, as the list has it.
async fn hashes(app: &App, seed: u64) -> Vec<String> {
    let mut hashes = Vec::new();
    for text in 0..3 {
        let probe = format!("probe {seed} {text}");
        accept(app, &probe, &script(seed, text), None, None).await.unwrap();
        hashes.push(find(app, &probe).await.unwrap().unwrap().hash);
    }
    hashes
}

async fn check(app: &App, seed: u64, history: &History) {
    let hashes = hashes(app, seed).await;
    for route in 0..2 {
        let all = history.of(route);
        let found = find(app, &route_id(seed, route)).await.unwrap();
        let acknowledged = all.iter().filter_map(|given| Some((given, given.ended?)));
        let Some(row) = found else {
            assert_eq!(acknowledged.count(), 0, "seed {seed}, route {route}: an accepted text is forgotten: {all:?}");
            continue;
        };
        let Progress::Done { name, bytes, .. } = &row.progress else {
            panic!("seed {seed}, route {route}: {row:?} after {all:?}");
        };
        let object = app.storage().unwrap().main.head(&Key::Speech(SpeechKey::Track(name))).await.unwrap();
        assert_eq!(object.map(|object| object.size), Some(*bytes), "seed {seed}, route {route}");
        let text = hashes.iter().position(|hash| *hash == row.hash).unwrap() as u64;
        // Of those that gave it this text, one must not have been over before another one that was acknowledged began.
        let last = acknowledged.map(|(given, _)| given.began).max().unwrap_or(0);
        let holds = all.iter().any(|given| given.text == text && given.ended.is_none_or(|ended| ended > last));
        assert!(holds, "seed {seed}, route {route}: text {text} was replaced: {all:?}");
    }
}

#[test]
fn whatever_happens_the_last_text_has_a_track() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let home = memory_folder();
        let store = store(home.path()).await;
        let mut histories = Vec::new();
        for seed in 1..=SCHEDULES {
            histories.push((seed, run(&store, seed).await));
        }
        let over = Instant::now() + LEASE_OVER;
        // Who died in its sleep wakes up no more: time is what is waited for.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep_until(over.into()).await;
        let straight = app(storage(store.http_client()).await);
        // What stands still is found by a worker, or by who asks.
        for route in (1..=SCHEDULES).flat_map(|seed| [route_id(seed, 0), route_id(seed, 1)]) {
            find(&straight, &route).await.unwrap();
        }
        assert!(work(&straight).await);
        for (seed, history) in &histories {
            check(&straight, *seed, history).await;
        }
        // What was cancelled is rendered for the probes.
        assert!(work(&straight).await);
        let queue = straight.storage().unwrap().main.list(&Key::Speech(SpeechKey::Queue)).next().await.unwrap();
        assert!(queue.is_none_or(|queue| queue.is_empty()), "nothing is left to do");
        store.close().await;
    });
}
