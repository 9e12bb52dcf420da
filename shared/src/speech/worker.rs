//! The worker that renders.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::audio;
use super::claim::{ATTEMPTS, Claim};
use super::engine::Failure;
use super::render::{self, Render, State, Track, Work};
use super::script::Script;
use crate::app::App;
use crate::clock;
use crate::error::{Error, chain};
use crate::events::{Change, ObjectEvent, Schedule, Worker};
use crate::storage::speech_key::parse_ticket;
use crate::storage::{Bucket, Key, Put, SpeechKey};
use crate::work::processors;

/// Renders what is queued: one text when its ticket arrives, and all of them every so often. Safe to run twice.
pub const RENDER_SPEECH: Worker = Worker {
    name: "render-speech",
    on_object: Some(|app, event| Box::pin(arrived(app, event))),
    on_schedule: Some(Schedule { every: AGAIN, limit: WITHOUT_END, handler: |app| Box::pin(sweep(app)) }),
};

/// How often the local program looks for work that nobody told it of, and how long it leaves alone what another is at.
const AGAIN: Duration = Duration::from_secs(5);

/// A run of the local program ends when there is nothing left to do, which may never be.
const WITHOUT_END: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How long a run of a function begins new work, so that it has ended before it would be ended: it has a quarter of an hour.
const SHIFT: Duration = Duration::from_secs(5 * 60);

/// How long an engine that failed is left alone; the next time four times as long.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a track is cached by the store's own clients: as the endpoint says.
const CACHED: &str = "public, max-age=60";

/// Where a worker with a schedule runs in this process, it finds the ticket.
async fn arrived(app: &App, event: &ObjectEvent) -> Result<(), Error> {
    let own = event.bucket == app.storage()?.main.name() && event.kind == Change::Created;
    if own && parse_ticket(&event.key).is_some() && !app.wake_workers() {
        Box::pin(work(app, &event.key)).await?;
    }
    Ok(())
}

/// Works until there is nothing left to do; what comes meanwhile is begun as soon as there is a place for it.
async fn sweep(app: &App) -> Result<(), Error> {
    let bucket = &app.storage()?.main;
    let end = Instant::now() + if app.runs_workers() { WITHOUT_END } else { SHIFT };
    let (mut hints, mut running, mut seen) = (app.hints(), FuturesUnordered::new(), Seen::default());
    loop {
        seen.forget();
        let places = if Instant::now() < end { places().saturating_sub(running.len()) } else { 0 };
        let before = seen.clone();
        let mut listing = pin!(tickets(bucket, |ticket| !before.0.contains_key(ticket), places));
        // What is under way goes on meanwhile.
        let listed = loop {
            tokio::select! {
                listed = &mut listing => break listed,
                Some(worked) = running.next() => seen.worked(worked),
            }
        };
        match listed {
            Ok(tickets) => {
                for ticket in tickets {
                    seen.0.insert(ticket.clone(), None);
                    running.push(async move { (Box::pin(work(app, &ticket)).await, ticket) });
                }
            }
            // What is under way may still come to its end.
            Err(error) if !running.is_empty() => warn!(causes = error.causes(), "nothing new is begun: {error}"),
            Err(error) => return Err(error),
        }
        if running.is_empty() {
            return Ok(());
        }
        tokio::select! {
            Some(worked) = running.next() => seen.worked(worked),
            changed = hints.changed(), if places > 0 => changed.map_err(|cause| Error::internal("wait for work", cause))?,
            () = sleep_until(Instant::now() + AGAIN) => {}
        }
    }
}

/// Since when a ticket is not looked at again for a while; `None` while it is worked on here.
#[derive(Clone, Default)]
struct Seen(HashMap<String, Option<Instant>>);

impl Seen {
    fn forget(&mut self) {
        self.0.retain(|_, since| since.is_none_or(|since| since.elapsed() < AGAIN));
    }

    fn worked(&mut self, (outcome, ticket): (Result<(), Error>, String)) {
        if let Err(error) = outcome {
            warn!(ticket, causes = error.causes(), "a text is left for another time: {error}");
        }
        self.0.insert(ticket, Some(Instant::now()));
    }
}

/// The oldest tickets that are `fit`.
async fn tickets(bucket: &Bucket, fit: impl Fn(&str) -> bool, most: usize) -> Result<Vec<String>, Error> {
    let (mut pages, mut found) = (bucket.list(&Key::Speech(SpeechKey::Queue)), Vec::new());
    while found.len() < most {
        let Some(page) = pages.next().await? else { break };
        found.extend(page.into_iter().map(|object| object.key).filter(|key| fit(key)).take(most - found.len()));
    }
    Ok(found)
}

/// Twice as many as there are processors: an engine that hangs must not hold up all others.
fn places() -> usize {
    2 * processors()
}

/// Does what a ticket says, unless another does.
async fn work(app: &App, key: &str) -> Result<(), Error> {
    let Some(ticket) = parse_ticket(key) else { return Ok(()) };
    let bucket = &app.storage()?.main;
    let mut found = render::read(bucket, ticket.render).await?;
    if let Some(cancelled) = found.take_if(|found| found.value.state == State::Cancelled) {
        // Who cancelled it has died, or is about to look whether it is wanted.
        render::revive(bucket, ticket.render, &cancelled.value.work).await?;
    }
    let found = found.filter(|found| found.value.state.order().is_some_and(|order| order.is_of(&ticket)));
    let Some(found) = found else {
        // The work was done by who died before deleting it, or another was asked for.
        return Ok(bucket.delete(&Key::Listed(key)).await?);
    };
    let Some(claim) = Claim::take(bucket, ticket.render, &found).await? else { return Ok(()) };
    let next = tokio::select! {
        next = perform(app, &claim, &found.value) => next?,
        lost = claim.keep() => {
            lost?;
            info!(render = ticket.render, "no longer wanted");
            return Ok(());
        }
    };
    if !claim.finish(next).await? {
        info!(render = ticket.render, "no longer wanted, at the last moment");
        withdraw(bucket, ticket.render, &found.value.name).await?;
    }
    Ok(())
}

/// Renders, as often as it takes.
async fn perform(app: &App, claim: &Claim<'_>, render: &Render) -> Result<State, Error> {
    let mut attempt = claim.attempt;
    loop {
        let failure = match speak(app, render).await {
            Ok(track) => return publish(claim, &render.name, track).await,
            Err(failure) => failure,
        };
        warn!(render = claim.render, engine = render.work.voice.engine, attempt, "{}", chain(&failure));
        if !failure.passing || attempt >= ATTEMPTS {
            return Ok(State::Broken { reason: failure.reason });
        }
        // A back-off is the point here.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(PAUSE * 4_u32.pow(attempt - 1)).await;
        attempt += 1;
        claim.begin(attempt).await?;
    }
}

async fn speak(app: &App, render: &Render) -> Result<audio::Track, Failure> {
    let Work { voice, ssml } = &render.work;
    let script = Script::from_ssml(ssml, usize::MAX).map_err(unreadable)?;
    let pcm = app.engines.speak(voice, &script, 1.0).await?;
    audio::mp3(pcm, &script.title()).await
}

/// It was readable when it was accepted: by another version of this program.
fn unreadable(error: Error) -> Failure {
    Failure { reason: "The text can not be read any more.".to_owned(), source: Some(error.into()), passing: false }
}

async fn publish(claim: &Claim<'_>, name: &str, track: audio::Track) -> Result<State, Error> {
    let (bytes, crc32) = (track.bytes.len() as u64, crc32fast::hash(&track.bytes));
    let put = Put { content_type: Some("audio/mpeg"), cache_control: Some(CACHED), ..Put::default() };
    let etag = claim.bucket.put(&Key::Speech(SpeechKey::Track(name)), track.bytes, put).await?;
    let milliseconds = clock::milliseconds(Duration::from_secs_f64(track.seconds));
    Ok(State::Done(Track { bytes, crc32, etag, milliseconds }))
}

/// Nobody was told of a track that was cancelled while it was put. If the text is asked for again at this moment, its track
/// is missing for once, which is noticed.
async fn withdraw(bucket: &Bucket, render: &str, name: &str) -> Result<(), Error> {
    let found = render::read(bucket, render).await?;
    match found.map(|found| found.value.state) {
        Some(State::Cancelled) => Ok(bucket.delete(&Key::Speech(SpeechKey::Track(name))).await?),
        _ => Ok(()),
    }
}
