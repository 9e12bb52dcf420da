//! Delivers everything that is due.
//!
//! Each business has its own places, and new messages are looked for while others are on their way: a receiver that
//! does not answer holds up nobody but itself. After that it is not tried again in the same run, so that the run ends.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::FusedFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, warn};

use super::deliver::{Receiver, deliver};
use super::{id_of, now, read};
use crate::app::App;
use crate::config::BusinessId;
use crate::error::{Error, chain};
use crate::storage::{Bucket, Fault, Key, Listed};

/// How often the outbox is looked at.
pub(super) const AGAIN: Duration = Duration::from_secs(2);

/// Messages on their way to one business at once.
const AT_ONCE: usize = 16;

/// Records read at once.
const READS: usize = 16;

/// After that a run begins no new try: a function has to end.
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// What was seen of each message the last time: an unchanged one need not be read again.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<String, Sight>>);

#[derive(Clone)]
struct Sight {
    etag: String,
    /// When it is due, and whose it is; `None` of what is no message.
    due: Option<(u64, BusinessId)>,
}

/// Tries every message that is due or becomes due before they are done.
pub(super) async fn sweep(app: &App) -> Result<(), Error> {
    let until = Instant::now() + RUN_LIMIT;
    let (mut hints, mut times) = (app.hints(), interval_at(Instant::now() + AGAIN, AGAIN));
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut places, mut taken) = (HashMap::new(), HashSet::new());
    let mut sending = FuturesUnordered::new();
    let mut looking = pin!(look(app).fuse());
    let mut outcome = Ok(());
    loop {
        tokio::select! {
            found = &mut looking, if !looking.is_terminated() => match found {
                Ok(due) => for (id, business) in due {
                    if taken.insert(id.clone()) {
                        let places = places.entry(business).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
                        sending.push(try_one(app, id, places.clone(), until));
                    }
                },
                Err(error) => outcome = Err(error),
            },
            Some(id) = sending.next() => { taken.remove(&id); }
            () = async { tokio::select! { _ = times.tick() => {} _ = hints.changed() => {} } },
                if looking.is_terminated() && Instant::now() < until => looking.set(look(app).fuse()),
        }
        if looking.is_terminated() && sending.is_empty() {
            return outcome;
        }
    }
}

/// Waits for a place, and tries one message if there is time. Returns its id.
async fn try_one(app: &App, id: String, places: Arc<Semaphore>, until: Instant) -> String {
    let Ok(_place) = places.acquire().await else { return id };
    if Instant::now() < until {
        match deliver(app, &id).await {
            Ok(Receiver::Answers) => {}
            Ok(Receiver::Silent) => places.close(),
            // The others are not to wait for it; it is due again when its lease has run out.
            Err(error) => error!(id, causes = error.causes(), "a callback was not tried: {error}"),
        }
    }
    id
}

/// The messages that are due, the one that waits longest first.
async fn look(app: &App) -> Result<Vec<(String, BusinessId)>, Error> {
    let bucket = &app.storage()?.main;
    let lock = || app.outbox.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::take(&mut *lock());
    let mut seen = HashMap::new();
    let mut pages = bucket.list(&Key::OutboxFolder);
    while let Some(page) = pages.next().await? {
        let sights = stream::iter(page).map(|listed| sight(bucket, &before, listed)).buffer_unordered(READS);
        let sights: Vec<_> = sights.try_collect().await?;
        seen.extend(sights.into_iter().flatten());
    }
    let now = now().as_secs();
    let due = seen.iter().filter_map(|(id, sight)| Some((sight.due?, id)));
    let mut due: Vec<_> = due.filter(|((time, _), _)| *time <= now).collect();
    due.sort_unstable();
    let due = due.into_iter().map(|((_, business), id)| (id.clone(), business)).collect();
    *lock() = seen;
    Ok(due)
}

/// What a listing and, where it has changed, the record tell of a message; `None` if it is gone or is none.
async fn sight(
    bucket: &Bucket,
    before: &HashMap<String, Sight>,
    listed: Listed,
) -> Result<Option<(String, Sight)>, Error> {
    let Some(id) = id_of(&listed.key) else { return Ok(None) };
    if let Some(known) = before.get(id).filter(|known| known.etag == listed.etag) {
        return Ok(Some((id.to_owned(), known.clone())));
    }
    let due = match read(bucket, id).await {
        Ok(Some(read)) => Some((read.value.next_attempt, read.value.business)),
        Ok(None) => return Ok(None),
        // Said once for each version of it.
        Err(error) if error.fault == Fault::Other => {
            warn!(id, causes = chain(&error), "this is no callback");
            None
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Some((id.to_owned(), Sight { etag: listed.etag, due })))
}
