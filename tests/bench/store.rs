//! The embedded store beside MinIO: small durable writes, and large bodies both ways.

use std::time::Instant;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{Method, Request};
use http_body_util::BodyExt;
use shared::http::{Body, body};
use tempfile::TempDir;
use tests::client::{Client, client};
use tests::stack::s3;
use tests::{program::Program, require};
use tokio::process::{Child, Command};

use crate::contents::{Folder, grouped};
use crate::figures::{median, ratio, row, spread, table};
use crate::process::cpu_seconds;
use crate::stored::{KEYS, free_address, variables};

/// How often each store is asked in turn.
const ROUNDS: usize = 5;

/// Conditional writes one after the other, a round.
const IN_TURN: usize = 500;

/// Writes by [`AT_ONCE`] writers, a round.
const TOGETHER: usize = 4_000;

/// Writers at once.
const AT_ONCE: usize = 32;

/// Bytes of a small object.
const SMALL: usize = 1 << 10;

/// Bytes of a large object, and of the frames it is sent in.
const LARGE: u64 = 1 << 30;
const FRAME: usize = 256 << 10;

const BUCKET: &str = "bench";

/// Runs all parts, or those named.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let mut targets = vec![Target::embedded().await];
    targets.extend(Target::minio().await);
    for target in &targets {
        target.s3.create_bucket().bucket(BUCKET).send().await.expect("a bucket is made");
    }
    let all = [
        ("puts", "1 KiB PUT `If-None-Match: *`, one after the other", "requests/s", Work::InTurn),
        ("puts", "1 KiB PUT, 32 at once", "requests/s", Work::Together),
        ("large", "PUT of 1 GiB", "MB/s", Work::PutLarge),
        ("large", "GET of 1 GiB", "MB/s", Work::GetLarge),
    ];
    for (_, title, unit, work) in all.into_iter().filter(|(part, ..)| wanted(part)) {
        compare(&mut targets, title, unit, work).await;
    }
}

#[derive(Clone, Copy)]
enum Work {
    InTurn,
    Together,
    PutLarge,
    GetLarge,
}

/// A store under measurement.
struct Target {
    name: &'static str,
    pid: u32,
    s3: S3,
    http: Client,
    /// What was put, so that every key is new.
    puts: usize,
    _running: Running,
}

enum Running {
    Embedded { _program: Program, _data: TempDir },
    Minio { _child: Child, _data: TempDir },
}

async fn compare(targets: &mut [Target], title: &str, unit: &str, work: Work) {
    let mut rates = vec![Vec::new(); targets.len()];
    let mut cpu = vec![Vec::new(); targets.len()];
    // The first round warms up.
    for round in 0..=ROUNDS {
        for (index, target) in targets.iter_mut().enumerate() {
            let (used, started) = (cpu_seconds(target.pid), Instant::now());
            let done = target.run(work).await;
            let (seconds, used) = (started.elapsed().as_secs_f64(), cpu_seconds(target.pid) - used);
            if round > 0 {
                rates[index].push(done / seconds);
                cpu[index].push(done / used);
            }
        }
    }
    let per_cpu = format!("{unit} per CPU-second");
    table(title, &["store", unit, "lowest-highest", &per_cpu.replace("/s per", " per"), "the embedded store is"]);
    for (index, target) in targets.iter().enumerate() {
        let (lowest, highest) = spread(&rates[index]);
        row(&[
            target.name.to_owned(),
            grouped(median(rates[index].iter().copied()) as usize),
            format!("{}-{}", grouped(lowest as usize), grouped(highest as usize)),
            grouped(median(cpu[index].iter().copied()) as usize),
            format!("{:.2} x", ratio(&rates[0], &rates[index])),
        ]);
    }
}

impl Target {
    /// Ours, in the program.
    async fn embedded() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let address = free_address();
        let arguments = ["--quiet", "--store-listen", &address];
        let program = Program::start(&data.path().join("data"), &arguments, &variables()).await;
        program.wait_until_ready().await;
        let pid = program.pid();
        Self::new("embedded store", pid, &address, Running::Embedded { _program: program, _data: data })
    }

    /// MinIO as a process like ours, on the same disk, without a container's network between; `None`
    /// after saying that it is missing.
    async fn minio() -> Option<Self> {
        let binary = require::cache().join("minio-2026-02-12.1/bin/minio");
        if !binary.is_file() {
            require::missing("the MinIO binary that infra/minio/build.sh leaves in the cache");
            return None;
        }
        let data = tempfile::tempdir().expect("a temporary folder");
        let address = free_address();
        let mut command = Command::new(binary);
        command.args(["server", "--quiet", "--address", &address]).arg(data.path().join("data"));
        command.env("MINIO_ROOT_USER", KEYS.0).env("MINIO_ROOT_PASSWORD", KEYS.1);
        command.env("MINIO_BROWSER", "off").kill_on_drop(true);
        let child = command.stdout(std::process::Stdio::null()).spawn().expect("MinIO starts");
        let pid = child.id().expect("MinIO runs");
        let live = format!("http://{address}/minio/health/ready");
        let client = client();
        while !client.request(tests::client::get(&live)).await.is_ok_and(|answer| answer.status() == 200) {
            tokio::task::yield_now().await;
        }
        Some(Self::new("MinIO", pid, &address, Running::Minio { _child: child, _data: data }))
    }

    fn new(name: &'static str, pid: u32, address: &str, running: Running) -> Self {
        let s3 = s3(&format!("http://{address}"), KEYS);
        Self { name, pid, s3, http: client(), puts: 0, _running: running }
    }

    /// Does the work; returns how much was done, in requests or in MB.
    async fn run(&mut self, work: Work) -> f64 {
        match work {
            Work::InTurn => self.puts(IN_TURN, 1).await,
            Work::Together => self.puts(TOGETHER, AT_ONCE).await,
            Work::PutLarge => self.put_large().await,
            Work::GetLarge => self.get_large().await,
        }
    }

    async fn puts(&mut self, count: usize, at_once: usize) -> f64 {
        let folder = Folder { hash: "puts", count, size: SMALL };
        let keys = self.puts..self.puts + count;
        self.puts += count;
        let puts = stream::iter(keys).map(|index| {
            let body = ByteStream::from(folder.content(index));
            let put = self.s3.put_object().bucket(BUCKET).key(folder.key(index)).body(body);
            // One writer asks for a condition, as records are written; many just write.
            if at_once == 1 { put.if_none_match("*").send() } else { put.send() }
        });
        puts.buffer_unordered(at_once).try_for_each(|_| async { Ok(()) }).await.expect("objects are put");
        count as f64
    }

    /// Presigned: neither side hashes the body, as over TLS.
    async fn put_large(&self) -> f64 {
        let put = self.s3.put_object().bucket(BUCKET).key("large");
        let request = put.presigned(in_time()).await.expect("a URL is signed");
        let frame = Bytes::from(Folder { hash: "", count: 1, size: FRAME }.content(0));
        let frames = stream::iter((0..LARGE / FRAME as u64).map(move |_| Ok(frame.clone())));
        let request = Request::builder().method(Method::PUT).uri(request.uri()).header(CONTENT_LENGTH, LARGE);
        self.send(request.body(body::stream(frames)).expect("a request")).await;
        LARGE as f64 / 1e6
    }

    async fn get_large(&self) -> f64 {
        let get = self.s3.get_object().bucket(BUCKET).key("large");
        let request = get.presigned(in_time()).await.expect("a URL is signed");
        assert_eq!(self.send(tests::client::get(request.uri())).await, LARGE, "the whole object");
        LARGE as f64 / 1e6
    }

    /// Sends a request and throws the body of its answer away; its bytes in number.
    async fn send(&self, request: Request<Body>) -> u64 {
        let response = self.http.request(request).await.expect("the store answers");
        assert!(response.status().is_success(), "{} answers {}", self.name, response.status());
        let (mut body, mut bytes) = (response.into_body(), 0);
        while let Some(frame) = body.frame().await {
            bytes += frame.expect("the body comes").data_ref().map_or(0, |data| data.len() as u64);
        }
        bytes
    }
}

fn in_time() -> PresigningConfig {
    PresigningConfig::expires_in(std::time::Duration::from_secs(600)).expect("a time")
}
