//! A thousand function processes at once, before a store that is slow and refuses: what a client was told is there afterwards.
//!
//! Each process has one invocation at a time, as in the cloud, and all of them have one at the same time. Clients do what the
//! protocols ask of them: whoever is told to come again comes again, a broken answer is asked for anew, an interrupted upload
//! goes on from the offset that it is told.

mod faults;
mod jobs;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::{StreamExt, stream};
use tests::harness::{Function, Mode};
use tests::stack::{Backend, Door, Stack};

use self::faults::Counts;
use self::jobs::{Client, JOBS, Job, Told};
use crate::figures::{line, median, row, table};
use crate::functions::built;

/// What each process is asked for, one after another.
const ROUNDS: usize = 3;

/// Processes that are started at the same time: the machine has other things to do.
const STARTING: usize = 32;

/// Tells how far an upload is.
const HEAD: &str = "tus-head";

/// Questions at once, when it is looked what is there.
const LOOKING: usize = 16;

/// Runs it on both stores, or on those named.
pub(crate) async fn run(parts: &[&str]) {
    for (word, backend) in [("embedded", Backend::Embedded), ("minio", Backend::Minio)] {
        if parts.is_empty() || parts.contains(&word) {
            simulate(word, backend).await;
        }
    }
}

async fn simulate(word: &str, backend: Backend) {
    // Without any fault: what was there before, and the look at what is there afterwards.
    let Some(stack) = Stack::start(Door::Functions, backend).await else { return };
    jobs::prepare(&stack).await;
    let counts = Arc::new(Counts::default());
    let store = faults::before(stack.store().0, counts.clone()).await;
    let pools = Pools::start(&store, &stack).await;
    let began = Instant::now();
    let clients = pools.all.iter().enumerate().map(|(number, (job, function))| {
        let client = Client { function: function.clone(), heads: pools.heads.clone(), number };
        async move {
            let mut told = Vec::new();
            for round in 0..ROUNDS {
                told.push((*job, client.run(job, round).await));
            }
            told
        }
    });
    // All of them at once: that is what is looked at.
    let clients: Vec<_> = clients.collect();
    let at_once = clients.len();
    let told: Vec<(&Job, Told)> =
        stream::iter(clients).buffer_unordered(at_once).flat_map(stream::iter).collect().await;
    let time = began.elapsed().as_secs_f64();
    drop(pools);
    jobs::settle(&stack).await;
    let lost = AtomicUsize::new(0);
    stream::iter(&told)
        .for_each_concurrent(LOOKING, |(_, told)| async {
            if let Err(what) = told.check(&stack).await {
                lost.fetch_add(1, Ordering::Relaxed);
                line(&format!("- lost: {what}"));
            }
        })
        .await;
    report(word, at_once, time, &told, &counts, lost.into_inner());
}

fn report(word: &str, at_once: usize, time: f64, told: &[(&Job, Told)], counts: &Counts, lost: usize) {
    table(
        &format!("{at_once} invocations at once, store {word}, {time:.0} s"),
        &["job", "done", "asked again", "median, ms", "slowest, ms"],
    );
    for job in JOBS {
        let own: Vec<&Told> = told.iter().filter(|(of, _)| of.name == job.name).map(|(_, told)| told).collect();
        let times: Vec<f64> = own.iter().map(|told| told.milliseconds).collect();
        row(&[
            job.name.to_owned(),
            own.len().to_string(),
            own.iter().map(|told| told.again).sum::<usize>().to_string(),
            format!("{:.0}", median(times.iter().copied())),
            format!("{:.0}", times.iter().copied().fold(0.0, f64::max)),
        ]);
    }
    let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    line(&format!(
        "\nThe store was asked {} times to read and {} times to write, refused {} of them, and had at most {} under way. \
         Lost: {lost} of {}.",
        read(&counts.reads),
        read(&counts.writes),
        read(&counts.refused),
        read(&counts.most_under_way),
        told.len()
    ));
    assert_eq!(lost, 0, "what a client was told is there");
}

/// The processes.
struct Pools {
    all: Vec<(&'static Job, Arc<Function>)>,
    /// Those that tell how far an upload is, asked by whoever was interrupted.
    heads: Arc<Vec<Arc<Function>>>,
}

impl Pools {
    async fn start(store: &str, stack: &Stack) -> Self {
        let mut names: Vec<&str> = JOBS.iter().map(|job| job.function).collect();
        names.push(HEAD);
        let folder = &built(&names);
        let wanted = JOBS.iter().flat_map(|job| std::iter::repeat_n(job, job.processes));
        let all: Vec<_> = stream::iter(wanted)
            .map(|job| async move { (job, start(&folder.join(job.function), job.mode, store, stack).await) })
            .buffered(STARTING)
            .collect()
            .await;
        let mut heads = Vec::new();
        for _ in 0..jobs::HEADS {
            heads.push(start(&folder.join(HEAD), Mode::Buffered, store, stack).await);
        }
        Self { all, heads: Arc::new(heads) }
    }
}

async fn start(binary: &Path, mode: Mode, store: &str, stack: &Stack) -> Arc<Function> {
    let (_, (access, secret)) = stack.store();
    let variables = [
        ("AWS_ACCESS_KEY_ID", access),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("BUCKET", &stack.bucket),
        ("S3_ENDPOINT", store),
        ("PANNIER_SECRET", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("AWS_LC_SYS_NO_JITTER_ENTROPY", "1"),
        ("RUST_LOG", "error"),
    ];
    let function = Function::start(binary, &variables, mode).await;
    function.ready().await.unwrap_or_else(|_| panic!("{} starts", binary.display()));
    Arc::new(function)
}
