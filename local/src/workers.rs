//! The functions that run on events and on a schedule, driven in this process.
//!
//! Each event of the embedded store goes to each worker, as the queue would do it in the cloud: at
//! least once, in any order, again after a failure. What was missed, because the program was not
//! running or the queue was full, is found by a scan at the start.
//!
//! A worker with a schedule runs at the start, at its times and at each hint, whatever the store: one run
//! of it at a time, and a run that fails is followed by the next. Nothing is finished at shutdown: what a
//! run left undone is found by the next one.

use std::sync::Arc;
use std::time::Duration;

use shared::app::App;
use shared::events::{self, Change, ObjectEvent, Schedule, Worker};
use shared::{archive, endpoints};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{error, info};

use crate::store::{Event, EventKind, Store};

/// Events being handled at once.
const AT_ONCE: usize = 16;

/// Tries of one event, with a growing pause between them; then it is left to the next start.
const ATTEMPTS: u32 = 5;

/// The first of those pauses; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest time for one try.
const HANDLING_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What arrives in the embedded store.
pub struct Events {
    /// Each creation and deletion.
    pub queue: mpsc::Receiver<Event>,
    /// Knows how many did not fit into the queue.
    pub store: Store,
}

/// Runs every worker until `signal` says stop. `events` is `None` where the store tells of none.
pub async fn run(app: Arc<App>, events: Option<Events>, mut signal: watch::Receiver<bool>) {
    let mut schedules = JoinSet::new();
    for worker in endpoints::WORKERS {
        if let Some(schedule) = &worker.on_schedule {
            schedules.spawn(repeat(app.clone(), worker, schedule));
        }
    }
    let working = async {
        if let Some(events) = events {
            tokio::join!(scan(&app), handle_all(&app, events));
        }
        // They have no end.
        while schedules.join_next().await.is_some() {}
    };
    tokio::select! {
        () = working => {}
        _ = signal.wait_for(|stop| *stop) => {}
    }
}

/// Runs one worker at its times and at each hint. A hint that comes during a run is followed by another run.
async fn repeat(app: Arc<App>, worker: &'static Worker, schedule: &'static Schedule) {
    let (mut hints, mut times) = (app.hints(), interval(schedule.every));
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = times.tick() => hints.mark_unchanged(),
            _ = hints.changed() => {}
        }
        if let Err(error) = events::run_schedule(&app, worker, Instant::now() + schedule.limit).await {
            error!(worker = worker.name, causes = error.causes(), "{error}");
        }
    }
}

/// Finds what no event told of.
async fn scan(app: &App) {
    match archive::catch_up(app).await {
        Ok(0) => {}
        Ok(recorded) => info!(recorded, "checksums of objects that came unseen"),
        Err(error) => error!(causes = error.causes(), "the scan for objects that came unseen failed"),
    }
}

async fn handle_all(app: &Arc<App>, mut events: Events) {
    let (mut running, mut lost) = (JoinSet::new(), 0);
    while let Some(event) = events.queue.recv().await {
        if events.queue.is_empty() && events.store.lost_events() > lost {
            lost = events.store.lost_events();
            scan(app).await;
        }
        while running.len() >= AT_ONCE {
            // A handler that panicked has been logged by its task; the others go on.
            let _ = running.join_next().await;
        }
        running.spawn(handle(app.clone(), event));
    }
}

async fn handle(app: Arc<App>, event: Event) {
    let kind = match event.kind {
        EventKind::Created => Change::Created,
        EventKind::Deleted => Change::Deleted,
    };
    let event = ObjectEvent { bucket: event.bucket, key: event.key, size: event.size, etag: event.etag, kind };
    for worker in endpoints::WORKERS {
        for attempt in 0..ATTEMPTS {
            let Err(error) = events::handle(&app, worker, Instant::now() + HANDLING_LIMIT, &event).await else { break };
            error!(worker = worker.name, key = event.key, attempt, causes = error.causes(), "{error}");
            // A back-off is the point here.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(FIRST_PAUSE * (1 << attempt)).await;
        }
    }
}
