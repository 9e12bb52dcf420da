//! What is asked of a server, to the moment that the files can be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, stream};

use super::connection::Connection;
use super::content::Content;
use super::peers::Peer;
use super::{blocks, tus};

/// Connections of a client that sends in parallel.
const CONNECTIONS: usize = 8;

/// Ways to bring a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// tus, a PATCH for each block, over one connection.
    Chunks,
    /// tus, one PATCH.
    Stream,
    /// tus, each block a file of its own, over several connections.
    Files,
    /// tus, each block a partial upload, over several connections, joined at the end.
    Joined,
    /// The block protocol, over one connection.
    Blocks,
    /// The block protocol, over several.
    BlocksTogether,
}

impl Work {
    /// What it is called in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chunks => "tus",
            Self::Stream => "tus, one PATCH",
            Self::Files => "tus, each a file",
            Self::Joined => "tus, joined",
            Self::Blocks | Self::BlocksTogether => "block protocol",
        }
    }

    /// Does it.
    pub(crate) async fn run(self, peer: &Peer, content: &Content) {
        match self {
            Self::Chunks | Self::Stream => in_one_file(self, peer, content).await,
            Self::Files | Self::Joined => in_many(self, peer, content).await,
            Self::Blocks => in_blocks(1, peer, content).await,
            Self::BlocksTogether => in_blocks(CONNECTIONS, peer, content).await,
        }
    }
}

async fn in_one_file(work: Work, peer: &Peer, content: &Content) {
    let mut connection = Connection::open(&peer.address).await;
    let path = tus::create(&mut connection, content.size(), false).await;
    if work == Work::Stream {
        tus::patch_all(&mut connection, &path, content).await;
    } else {
        for index in 0..content.blocks {
            tus::patch_block(&mut connection, &path, content, index, index * content.block()).await;
        }
    }
    peer.check(&peer.key(&path), content.size(), content.own(content.blocks - 1)).await;
}

async fn in_many(work: Work, peer: &Peer, content: &Content) {
    let next = Arc::new(AtomicU64::new(0));
    let sending = (0..CONNECTIONS).map(|_| {
        let (address, content, next) = (peer.address.clone(), content.clone(), next.clone());
        tokio::spawn(async move {
            let (mut connection, mut paths) = (Connection::open(&address).await, Vec::new());
            while let Some(index) = take(&next, &content) {
                let path = tus::create(&mut connection, content.block(), work == Work::Joined).await;
                tus::patch_block(&mut connection, &path, &content, index, 0).await;
                paths.push((index, path));
            }
            paths
        })
    });
    let sent: Vec<_> = stream::iter(sending).buffer_unordered(CONNECTIONS).collect().await;
    let mut paths: Vec<(u64, String)> = sent.into_iter().flat_map(|paths| paths.expect("it sends")).collect();
    paths.sort();
    if work == Work::Joined {
        let paths: Vec<String> = paths.into_iter().map(|(_, path)| path).collect();
        let path = tus::join(&mut Connection::open(&peer.address).await, &paths).await;
        peer.check(&peer.key(&path), content.size(), content.own(content.blocks - 1)).await;
        return;
    }
    for (index, path) in paths {
        peer.check(&peer.key(&path), content.block(), content.own(index)).await;
    }
}

async fn in_blocks(connections: usize, peer: &Peer, content: &Content) {
    let task = blocks::apply(&mut Connection::open(&peer.address).await, content).await;
    let next = Arc::new(AtomicU64::new(0));
    let sending = (0..connections).map(|_| {
        let (address, content, next, task) = (peer.address.clone(), content.clone(), next.clone(), task.clone());
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await;
            while let Some(index) = take(&next, &content) {
                blocks::send(&mut connection, &task, &content, index).await;
            }
        })
    });
    let sent: Vec<_> = stream::iter(sending).buffer_unordered(connections).collect().await;
    sent.into_iter().for_each(|sent| sent.expect("it sends"));
    // The server closes a connection that nobody used meanwhile.
    blocks::complete(&mut Connection::open(&peer.address).await, &task).await;
    peer.check(&task.key, content.size(), content.own(content.blocks - 1)).await;
}

/// The next block to send, if there is one.
fn take(next: &AtomicU64, content: &Content) -> Option<u64> {
    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < content.blocks)
}
