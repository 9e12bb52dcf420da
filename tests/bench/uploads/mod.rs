//! Uploads: ours beside @tus/server with @tus/s3-store, and beside a bare sink; the CPU they take, and memory.

mod blocks;
pub(crate) mod connection;
mod content;
mod memory;
mod peers;
pub(crate) mod sink;
mod tus;
mod work;

use std::time::Instant;

use self::content::Content;
use self::peers::Peer;
use self::sink::Sink;
use self::work::Work;
use crate::figures::{median, ratio, row, spread, table};
use crate::process::cpu_seconds;

/// How often each server is asked in turn.
const ROUNDS: usize = 3;

/// Bytes of a block, and how many make 1 GiB.
const BLOCK: usize = 4 << 20;
const BLOCKS: u64 = 256;

/// Blocks that are sent in parallel, and bytes of each.
const TOGETHER: u64 = 64;
const LARGE_BLOCK: usize = 8 << 20;

/// Runs all parts but the memory, or those named.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("chunks") {
        let content = Content::new(BLOCK, BLOCKS);
        Box::pin(compare("1 GiB in 4 MiB PATCHes, over one connection", &[Work::Chunks], content)).await;
    }
    if wanted("parallel") {
        let content = Content::new(LARGE_BLOCK, TOGETHER);
        let works = [Work::Files, Work::Joined, Work::BlocksTogether];
        Box::pin(compare("64 x 8 MiB, over 8 connections", &works, content)).await;
    }
    if wanted("blocks") {
        let content = Content::new(BLOCK, BLOCKS);
        Box::pin(compare("1 GiB in 4 MiB blocks, each and the whole with its MD5", &[Work::Blocks], content)).await;
    }
    if wanted("stream") {
        Box::pin(stream()).await;
    }
    if parts.contains(&"memory") {
        Box::pin(memory::run()).await;
    }
}

/// A way of uploading with its figures, one a round.
struct Measured {
    name: String,
    pids: Vec<u32>,
    /// MB a second.
    speeds: Vec<f64>,
    /// CPU-seconds for a GiB.
    cpu: Vec<f64>,
}

impl Measured {
    fn new(name: String, pids: &[u32]) -> Self {
        Self { name, pids: pids.to_vec(), speeds: Vec::new(), cpu: Vec::new() }
    }

    /// Does it once more; the first round warms up and does not count.
    async fn take(&mut self, round: usize, bytes: u64, work: impl Future<Output = ()>) {
        let used = || self.pids.iter().map(|pid| cpu_seconds(*pid)).sum::<f64>();
        let (before, started) = (used(), Instant::now());
        work.await;
        let (seconds, used) = (started.elapsed().as_secs_f64(), used() - before);
        if round > 0 {
            self.speeds.push(bytes as f64 / 1e6 / seconds);
            self.cpu.push(used * (1_u64 << 30) as f64 / bytes as f64);
        }
    }
}

/// The servers with every kind of work that they know, in turns.
async fn compare(title: &str, works: &[Work], content: Content) {
    let ours = [Peer::pannier().await, Peer::pannier_apart().await];
    // It knows neither concatenation on a bucket nor the block protocol.
    let known = |work: &Work| matches!(work, Work::Chunks | Work::Files);
    let reference = if works.iter().any(known) { Peer::reference().await } else { None };
    let mut all: Vec<(&Peer, Work, Measured)> = Vec::new();
    for &work in works {
        let other = reference.iter().filter(|_| known(&work));
        let peers = ours.iter().chain(other);
        all.extend(peers.map(|peer| {
            let name = format!("{}: {}", peer.name, work.name());
            (peer, work, Measured::new(name, &peer.pids))
        }));
    }
    for round in 0..=ROUNDS {
        for turn in 0..all.len() {
            let turns = all.len();
            let (peer, work, measured) = &mut all[(turn + round) % turns];
            measured.take(round, content.size(), work.run(peer, &content)).await;
            peer.clear().await;
        }
    }
    report(title, &all.into_iter().map(|(.., measured)| measured).collect::<Vec<_>>());
}

/// One request that brings all of it, beside a server that does nothing but hash and store.
async fn stream() {
    let content = Content::new(BLOCK, BLOCKS);
    let ours = [Peer::pannier().await, Peer::pannier_apart().await];
    let sink = Sink::start().await;
    let mut all: Vec<Measured> =
        ours.iter().map(|peer| Measured::new(format!("{}: {}", peer.name, Work::Stream.name()), &peer.pids)).collect();
    let ways = [("/put", "bare hyper sink: one PUT"), ("/parts", "bare hyper sink: parts of 8 MiB, 4 at once")];
    all.extend(ways.iter().map(|(_, name)| Measured::new((*name).to_owned(), &[sink.pid])));
    for round in 0..=ROUNDS {
        for turn in 0..all.len() {
            let index = (turn + round) % all.len();
            let measured = &mut all[index];
            if let Some(peer) = ours.get(index) {
                measured.take(round, content.size(), Work::Stream.run(peer, &content)).await;
                peer.clear().await;
            } else {
                measured.take(round, content.size(), sink.take(ways[index - ours.len()].0, &content)).await;
                sink.clear().await;
            }
        }
    }
    report("1 GiB in one request", &all);
}

/// A table; what the others are compared with comes first.
fn report(title: &str, all: &[Measured]) {
    let columns =
        ["server", "MB/s", "lowest-highest", "CPU-seconds per GiB", "lowest-highest", "the first, in MB/s, is"];
    table(title, &columns);
    for measured in all {
        let ((slowest, fastest), (least, most)) = (spread(&measured.speeds), spread(&measured.cpu));
        row(&[
            measured.name.clone(),
            format!("{:.0}", median(measured.speeds.iter().copied())),
            format!("{slowest:.0}-{fastest:.0}"),
            format!("{:.1}", median(measured.cpu.iter().copied())),
            format!("{least:.1}-{most:.1}"),
            format!("{:.2} x", ratio(&all[0].speeds, &measured.speeds)),
        ]);
    }
}
