//! Archives: CPU and throughput beside a bare pass-through and other ZIP streamers, the work without a
//! store, memory, and the time to the first byte.

use std::path::Path;
use std::time::Instant;

use crate::contents::{Folder, grouped};
use crate::download::download;
use crate::figures::{line, median, ratio, row, spread, table};
use crate::process::{cpu_seconds, peak_memory, resident_memory};
use crate::servers::Server;
use crate::stored::Stored;
use crate::{alone, assembled};

/// How often each server is asked in turn.
const ROUNDS: usize = 5;

/// How often the time to the first byte is taken.
const FIRST_BYTES: usize = 20;

/// How often the sender alone runs; it is quick.
const RUNS_ALONE: usize = 10;

const LARGE: Folder = Folder { hash: "large", count: 1_024, size: 1 << 20 };
const SMALL: Folder = Folder { hash: "small", count: 20_000, size: 4 << 10 };
const LONG: Folder = Folder { hash: "long", count: 10_240, size: 1 << 20 };
const MANY: Folder = Folder { hash: "many", count: 100_000, size: 100 };
const TEN_THOUSAND: Folder = Folder { hash: "tenthousand", count: 10_000, size: 4 << 10 };

/// Runs all parts, or those named.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("throughput") {
        throughput(LARGE).await;
        throughput(SMALL).await;
    }
    if wanted("work") {
        work(SMALL).await;
    }
    if wanted("memory") {
        memory().await;
    }
    if wanted("first-byte") {
        first_byte(TEN_THOUSAND).await;
    }
    if wanted("assembled") {
        assembled::run().await;
    }
}

/// A server with its figures, one a round.
struct Measured {
    server: Server,
    path: String,
    /// GB of content a CPU second of the server.
    per_cpu: Vec<f64>,
    /// MB of content a second.
    per_second: Vec<f64>,
}

impl Measured {
    fn new(server: Server, folder: Folder) -> Self {
        Self { server, path: folder.path(), per_cpu: Vec::new(), per_second: Vec::new() }
    }

    /// Downloads once more.
    async fn measure(&mut self, folder: Folder) {
        let (used, started) = (cpu_seconds(self.server.pid), Instant::now());
        let bytes = download(&self.server.address, &self.path).await.bytes;
        let seconds = started.elapsed().as_secs_f64();
        let used = cpu_seconds(self.server.pid) - used;
        assert!(bytes >= folder.bytes(), "{} sends everything", self.server.name);
        self.per_cpu.push(folder.bytes() as f64 / 1e9 / used);
        self.per_second.push(folder.bytes() as f64 / 1e6 / seconds);
    }
}

async fn throughput(folder: Folder) {
    let directory = tempfile::tempdir().expect("a temporary folder");
    folder.write(directory.path());
    let stored = Stored::start().await;
    stored.put(folder).await;
    let mut all = servers(&stored, directory.path(), folder).await;
    for round in 0..ROUNDS {
        let turns = all.len();
        // Another one begins each time, so that no server always follows the same other one.
        for turn in 0..turns {
            all[(turn + round) % turns].measure(folder).await;
        }
    }
    let columns = ["server", "GB per CPU-second", "lowest-highest", "entries per CPU-second", "MB/s"];
    let ours = [&all[0], &all[1]];
    table(&folder.title(), &[&columns[..], &["store-backed Pannier is", "`-p` Pannier is"]].concat());
    for measured in &all {
        let per_cpu = median(measured.per_cpu.iter().copied());
        let (lowest, highest) = spread(&measured.per_cpu);
        let times = ours.map(|ours| format!("{:.2} x", ratio(&ours.per_cpu, &measured.per_cpu)));
        let [first, second] = times;
        row(&[
            measured.server.name.to_owned(),
            format!("{per_cpu:.3}"),
            format!("{lowest:.3}-{highest:.3}"),
            grouped((per_cpu * 1e9 / folder.size as f64) as usize),
            format!("{:.0}", median(measured.per_second.iter().copied())),
            first,
            second,
        ]);
    }
}

/// The servers, each warm: the two of ours come first.
async fn servers(stored: &Stored, directory: &Path, folder: Folder) -> Vec<Measured> {
    let ours = [Server::pannier(stored).await, Server::pannier_directory(directory).await];
    for server in &ours {
        server.settle(folder).await;
    }
    let others = [
        Some(Server::pass_through(stored, folder).await),
        Server::zipstream(directory, folder).await,
        Server::archiver(directory, folder).await,
    ];
    let mut all: Vec<Measured> =
        ours.into_iter().chain(others.into_iter().flatten()).map(|server| Measured::new(server, folder)).collect();
    for measured in &mut all {
        measured.measure(folder).await;
        measured.per_cpu.clear();
        measured.per_second.clear();
    }
    all
}

/// Archive work, the store's time excluded: contents are in memory.
async fn work(folder: Folder) {
    let contents = alone::memory(folder);
    alone::drain(&contents).await;
    let own = std::process::id();
    let mut drained = Vec::new();
    for _ in 0..RUNS_ALONE {
        let used = cpu_seconds(own);
        alone::drain(&contents).await;
        drained.push(folder.count as f64 / (cpu_seconds(own) - used));
    }
    let mut served = Measured::new(Server::alone(folder).await, folder);
    for _ in 0..=RUNS_ALONE {
        served.measure(folder).await;
    }
    // The first one warmed it up.
    let served = served.per_cpu.iter().skip(1).map(|per_cpu| per_cpu * 1e9 / folder.size as f64);
    table(&format!("{}, without a store", folder.title()), &["what is done", "entries per CPU-second"]);
    row(&["plan and sender, contents in memory".to_owned(), grouped(median(drained) as usize)]);
    row(&["the same, served by hyper to a client".to_owned(), grouped(median(served) as usize)]);
}

async fn memory() {
    table("Memory", &["archive", "idle, MB", "peak, MB", "beyond idle, MB"]);
    for folder in [LONG, MANY] {
        let stored = Stored::start().await;
        stored.put_copies(folder).await;
        Server::pannier(&stored).await.settle(folder).await;
        let server = Server::pannier(&stored).await;
        let idle = resident_memory(server.pid);
        let bytes = download(&server.address, &folder.path()).await.bytes;
        let peak = peak_memory(server.pid);
        row(&[
            format!("{} ({:.2} GB)", folder.title(), bytes as f64 / 1e9),
            format!("{idle:.1}"),
            format!("{peak:.1}"),
            format!("{:.1}", peak - idle),
        ]);
    }
}

async fn first_byte(folder: Folder) {
    let stored = Stored::start().await;
    stored.put_copies(folder).await;
    let server = Server::pannier(&stored).await;
    server.settle(folder).await;
    let mut times = Vec::new();
    for _ in 0..FIRST_BYTES {
        times.push(download(&server.address, &folder.path()).await.first_byte.as_secs_f64() * 1e3);
    }
    let (lowest, highest) = spread(&times);
    table("Time to the first byte", &["archive", "median, ms", "lowest-highest"]);
    row(&[folder.title(), format!("{:.1}", median(times)), format!("{lowest:.1}-{highest:.1}")]);
    line("");
}
