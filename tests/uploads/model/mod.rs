//! The core of uploads against its promises, over thousands of random schedules.
//!
//! Every store call of every actor waits for a scheduler, which lets one go on at a time and may let it fail, or end
//! its actor, before or after the call took effect. The store is the embedded one, in memory. What is checked:
//! - no acknowledged byte is ever missing again, or replaced by one that came later;
//! - in the end there is one object with the right bytes, or none if that was decided; and one message about it;
//! - nothing of the upload is left behind but the record of how it ended.

mod actors;
mod outcome;

use std::sync::Arc;

use local::store::Store;
use shared::config::BusinessId;
use shared::uploads::{Origin, Task, Upload};
use tests::arbitrary;

use self::actors::{Client, Writes};
use crate::model::gate::{self, Gate, Random};
use crate::model::{memory_folder, storage, store};

/// Schedules of each kind; together they are 2,000.
const SCHEDULES: u64 = 1_000;

/// A store is thrown away after so many: a listing of all its uploads stays short.
const SCHEDULES_A_STORE: u64 = 50;

/// All clients send the same file.
#[test]
fn whatever_happens_the_file_arrives_once() {
    run_all(|seed| Plan::new(seed, false));
}

/// Each client sends bytes of its own.
#[test]
fn whatever_happens_the_first_bytes_stay() {
    run_all(|seed| Plan::new(seed, true));
}

/// One schedule, all of it decided by its seed.
struct Plan {
    seed: u64,
    size: u64,
    cell: u64,
    clients: u64,
    /// Calls of a hundred that do not go well.
    faults: u64,
    /// Whether the announced MD5 is that of the file.
    honest: bool,
    /// Whether somebody cancels.
    cancelled: bool,
    /// Whether each client has a content of its own, and no MD5 is agreed.
    differing: bool,
}

impl Plan {
    fn new(seed: u64, differing: bool) -> Self {
        let mut random = Random::new(seed);
        let cell = 1 + random.below(200);
        Self {
            seed,
            cell,
            size: random.below(cell * 4),
            clients: 2 + random.below(2),
            faults: random.below(12),
            honest: random.below(10) > 0,
            cancelled: random.below(8) == 0,
            differing,
        }
    }

    fn content(&self, client: u64) -> bytes::Bytes {
        let length = usize::try_from(self.size).unwrap();
        arbitrary::bytes(if self.differing { self.seed ^ (client << 32) } else { self.seed }, length)
    }

    fn task(&self) -> Task {
        let origin = Origin::Block {
            business: BusinessId::of("model"),
            user: "u".to_owned(),
            store_path: String::new(),
            file_name: "f".to_owned(),
            feedback: serde_json::json!({ "seed": self.seed }),
        };
        let md5 = (!self.differing).then(|| if self.honest { outcome::md5(&self.content(0)) } else { "0".repeat(32) });
        let destination = Some(format!("made/{}", self.seed));
        Task { cell: self.cell, md5, destination, ..Task::new(Some(self.size), origin).unwrap() }
    }
}

fn run_all(plan: impl Fn(u64) -> Plan) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for batch in 0..SCHEDULES.div_ceil(SCHEDULES_A_STORE) {
        runtime.block_on(async {
            let home = memory_folder();
            let store = store(home.path()).await;
            for index in 0..SCHEDULES_A_STORE {
                let plan = plan(1 + batch * SCHEDULES_A_STORE + index);
                run(&store, &plan).await;
            }
            store.close().await;
        });
    }
}

async fn run(store: &Store, plan: &Plan) {
    let straight = storage(store.http_client()).await;
    let id = (plan.seed << 1 | u64::from(plan.differing)).to_string();
    Upload::create(&straight, &id, plan.task()).await.unwrap().expect("a new upload");
    let gate = Arc::new(Gate::new(plan.seed, plan.faults));
    let writes = Writes::default();
    let mut crew = Vec::new();
    for client in 0..plan.clients {
        let storage = storage(gate.client(store.http_client(), client)).await;
        let cancels = plan.cancelled && client == 1;
        crew.push(Client { storage, id: id.clone(), number: client, content: plan.content(client), cancels });
    }
    gate::schedule(&gate, plan.clients, |actor, life| {
        let client = crew[usize::try_from(actor).unwrap()].clone();
        tokio::spawn(client.run(writes.clone(), plan.seed ^ (u64::from(life) << 20)))
    })
    .await;
    let last = Client { storage: straight.clone(), id, number: 0, content: plan.content(0), cancels: false };
    outcome::check(plan, &last, &writes).await;
}
