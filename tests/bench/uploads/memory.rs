//! How much memory a very large upload takes, and how long the request that completes it.
//!
//! The embedded store writes what it is sent, zeros too: as much is sent as the disk has room for.

use std::time::{Duration, Instant};

use super::connection::Connection;
use super::content::Content;
use super::peers::Peer;
use super::{blocks, tus};
use crate::figures::{line, row, table};
use crate::process::{peak_memory, resident_memory};

/// Bytes of a block.
const BLOCK: usize = 16 << 20;

/// The most that is sent: 100 GiB.
const LIMIT: u64 = 100 << 30;

/// Uploads zeros into half of the free space, in one PATCH and in blocks.
pub(crate) async fn run() {
    let blocks = (free() / 2).min(LIMIT) / BLOCK as u64;
    let content = Content::zeros(BLOCK, blocks);
    let columns =
        ["upload", "idle, MB", "peak, MB", "beyond idle, MB", "parts", "completing request, s", "complete, s"];
    table(&format!("Memory: {:.1} GiB of zeros", content.size() as f64 / (1_u64 << 30) as f64), &columns);
    for (name, in_blocks) in [("one PATCH", false), ("16 MiB blocks", true)] {
        let peer = Peer::pannier().await;
        let pid = peer.pids[0];
        let idle = resident_memory(pid);
        let Finished { key, answered, complete } =
            if in_blocks { in_blocks_of(&peer, &content).await } else { in_one(&peer, &content).await };
        peer.check(&key, content.size(), content.own(0)).await;
        let peak = peak_memory(pid);
        row(&[
            name.to_owned(),
            format!("{idle:.1}"),
            format!("{peak:.1}"),
            format!("{:.1}", peak - idle),
            peer.parts(&key).await,
            format!("{:.1}", answered.as_secs_f64()),
            format!("{:.1}", complete.as_secs_f64()),
        ]);
        peer.clear().await;
    }
    line("");
}

/// How an upload ended; the times are from when its last bytes were handed over.
struct Finished {
    key: String,
    /// Until the request that brought them was answered.
    answered: Duration,
    /// Until the file was there.
    complete: Duration,
}

async fn in_one(peer: &Peer, content: &Content) -> Finished {
    let mut connection = Connection::open(&peer.address).await;
    let path = tus::create(&mut connection, content.size(), false).await;
    let last = tus::patch_all(&mut connection, &path, content).await;
    let answered = last.elapsed();
    let key = peer.key(&path);
    peer.check(&key, content.size(), content.own(0)).await;
    Finished { key, answered, complete: last.elapsed() }
}

async fn in_blocks_of(peer: &Peer, content: &Content) -> Finished {
    let mut connection = Connection::open(&peer.address).await;
    let task = blocks::apply(&mut connection, content).await;
    let mut last = Instant::now();
    for index in 0..content.blocks {
        last = Instant::now();
        blocks::send(&mut connection, &task, content, index).await;
    }
    let answered = last.elapsed();
    blocks::complete(&mut connection, &task).await;
    Finished { key: task.key, answered, complete: last.elapsed() }
}

/// Bytes that are free where the stores are.
fn free() -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = rustix::fs::statvfs(folder.path()).expect("a file system");
    disk.f_bavail * disk.f_frsize
}
