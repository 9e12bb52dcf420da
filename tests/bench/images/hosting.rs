//! Image hosting: uploads beside Pillow behind a Python server, and serving beside nginx.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use shared::http::body;

use super::peers::{self, Peer};
use super::photo;
use crate::figures::{median, ratio, row, table};
use crate::process::cpu_seconds;
use crate::uploads::connection::Connection;

/// How often each server is asked in turn, after a round that warms up.
const ROUNDS: usize = 3;

/// Uploads, or requests, at once.
const AT_ONCE: usize = 10;

/// Bytes of the pictures that are uploaded, about; how many in a round; and what a table calls it.
const UPLOADS: [(usize, u64, &str); 2] = [(200_000, 200, "200 KB"), (5_000_000, 40, "5 MB")];

/// Bytes of the picture that is served, about, and how often in a round.
const SERVED: usize = 100_000;
const REQUESTS: u64 = 20_000;

/// What one round of a peer came to.
struct Round {
    /// Requests a second.
    rate: f64,
    /// Of the requests, in order.
    times: Vec<Duration>,
    /// CPU milliseconds for a request.
    cpu: f64,
}

impl Round {
    /// The time that so many of a hundred requests stay below, in milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let index = (self.times.len() * percent / 100).min(self.times.len() - 1);
        self.times[index].as_secs_f64() * 1e3
    }
}

/// Asks a peer `count` times, each connection one request after the other.
async fn measure<F>(peer: &Peer, count: u64, request: F) -> Round
where
    F: Fn(u64) -> (http::request::Builder, Bytes),
{
    let (before, started) = (cpu_seconds(peer.pid()), Instant::now());
    let request = &request;
    let connections = (0..AT_ONCE as u64).map(|connection| async move {
        let mut open = Connection::open(&peer.address).await;
        let mut times = Vec::new();
        for number in (connection..count).step_by(AT_ONCE) {
            let (head, content) = request(number);
            let (length, began) = (content.len() as u64, Instant::now());
            open.send(head, body::full(content), length).await;
            times.push(began.elapsed());
        }
        times
    });
    let times: Vec<Vec<Duration>> = stream::iter(connections).buffer_unordered(AT_ONCE).collect().await;
    let seconds = started.elapsed().as_secs_f64();
    let mut times = times.concat();
    times.sort();
    Round { rate: count as f64 / seconds, times, cpu: (cpu_seconds(peer.pid()) - before) * 1e3 / count as f64 }
}

/// A row a peer: medians of its rounds, and how much better the first one is.
fn rows(title: &str, peers: &[(&Peer, Vec<Round>)]) {
    table(title, &["server", "a second", "p50, ms", "p99, ms", "CPU ms each", "Pannier is, by rate", "by CPU"]);
    let all = |rounds: &[Round], figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    let own = &peers[0].1;
    for (peer, rounds) in peers {
        let rate = ratio(&all(own, |round| round.rate), &all(rounds, |round| round.rate));
        let cpu = ratio(&all(rounds, |round| round.cpu), &all(own, |round| round.cpu));
        row(&[
            peer.name.to_owned(),
            format!("{:.1}", median(all(rounds, |round| round.rate))),
            format!("{:.1}", median(all(rounds, |round| round.percentile(50)))),
            format!("{:.1}", median(all(rounds, |round| round.percentile(99)))),
            format!("{:.2}", median(all(rounds, |round| round.cpu))),
            format!("{rate:.2} x"),
            format!("{cpu:.2} x"),
        ]);
    }
}

/// Asks all peers in turn.
async fn compare<F>(title: &str, peers: &[Peer], count: u64, request: F)
where
    F: Fn(&Peer, u64) -> (http::request::Builder, Bytes),
{
    let mut all: Vec<(&Peer, Vec<Round>)> = peers.iter().map(|peer| (peer, Vec::new())).collect();
    for round in 0..=ROUNDS as u64 {
        for (peer, rounds) in &mut all {
            let measured = measure(peer, count, |number| request(peer, round * count + number)).await;
            if round > 0 {
                rounds.push(measured);
            }
        }
    }
    rows(title, &all);
}

/// Uploads, of a small and of a large picture.
pub(crate) async fn uploads() {
    let peers: Vec<Peer> = [Some(Peer::pannier().await), Peer::pillow().await].into_iter().flatten().collect();
    for (size, count, name) in UPLOADS {
        let photo = photo::of_about(size);
        let title = format!("Uploads of {name} JPEGs, {AT_ONCE} in parallel, all different");
        compare(&title, &peers, count, |_, number| {
            let request = Request::post("/api/upload").header("filename", "a.jpg").header("content-type", "image/jpeg");
            (request, photo::another(&photo, number))
        })
        .await;
    }
}

/// One picture, again and again.
pub(crate) async fn serving() {
    let photo = photo::of_about(SERVED);
    let pannier = Peer::pannier().await;
    let path = pannier.upload(photo.clone()).await;
    let Some(nginx) = Peer::nginx(&photo).await else { return };
    let title = format!("A JPEG of {} KB, {AT_ONCE} connections", photo.len() / 1000);
    compare(&title, &[pannier, nginx], REQUESTS, |peer, _| {
        (Request::get(if peer.is_own { path.as_str() } else { peers::FILE }), Bytes::new())
    })
    .await;
}
