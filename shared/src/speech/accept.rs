//! A text for a route.

use super::engine::Voice;
use super::render::{self, Standing, Work};
use super::route::{self, ROUTE_ID_LIMIT, Route};
use super::script::{Language, Script};
use crate::app::App;
use crate::error::Error;
use crate::http::detached;
use crate::storage::Bucket;

/// How often a route's record is read again because another text came at the same time.
const ROUNDS: usize = 64;

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The route has this text now.
    New,
    /// It had it, and it is being rendered.
    Working,
    /// It had it, and there is a track.
    Done,
}

/// Gives a route a text. Its language is what `lang` says, or what the text looks like; an engine's `voice` may be asked for.
/// What the route had before is no longer worked on, unless another route wants it.
///
/// # Errors
/// 400 if the name of the route has no or more than 256 characters, the language is none, or no engine has such a voice; 503
/// if the engine that has is not installed.
pub async fn accept(
    app: &App,
    route_id: &str,
    script: &Script,
    lang: Option<&str>,
    voice: Option<&str>,
) -> Result<Accepted, Error> {
    if !(1..=ROUTE_ID_LIMIT).contains(&route_id.chars().take(ROUTE_ID_LIMIT + 1).count()) {
        return Err(Error::invalid("route_id must have 1-256 characters"));
    }
    let work = Work { voice: choose(app, script, lang, voice)?, ssml: script.ssml.clone() };
    let bucket = app.storage()?.main.clone();
    let route_id = route_id.to_owned();
    let accepted = detached("accept a text", async move { take(&bucket, &route_id, &work).await }).await?;
    app.wake_workers();
    Ok(accepted)
}

fn choose(app: &App, script: &Script, lang: Option<&str>, voice: Option<&str>) -> Result<Voice, Error> {
    let language = match lang {
        Some(tag) => Language::of_tag(tag).ok_or_else(|| Error::invalid("Invalid lang"))?,
        None => Language::of_text(&script.text()),
    };
    app.engines.choose(&language, voice)
}

async fn take(bucket: &Bucket, route_id: &str, work: &Work) -> Result<Accepted, Error> {
    let (id, render_id) = (route::id_of(route_id), work.id());
    for _ in 0..ROUNDS {
        let found = route::read(bucket, &id).await?;
        if found.as_ref().is_some_and(|found| found.value.render == render_id) {
            let accepted = match render::order(bucket, work).await? {
                Standing::Ordered => Accepted::New,
                Standing::Working => Accepted::Working,
                Standing::Done => Accepted::Done,
            };
            if accepted == Accepted::New {
                // The route may have been given another text in between.
                render::leave(bucket, &render_id).await?;
            }
            return Ok(accepted);
        }
        let route = Route::new(route_id, &render_id);
        // In this order: see `Cancelled`, and that a text which was accepted is not forgotten.
        route.announce(bucket, &id).await?;
        render::order(bucket, work).await?;
        if route.write(bucket, &id, found.as_ref()).await? {
            if let Some(found) = found {
                found.value.withdraw(bucket, &id).await?;
                render::leave(bucket, &found.value.render).await?;
            }
            return Ok(Accepted::New);
        }
        route.withdraw(bucket, &id).await?;
        render::leave(bucket, &render_id).await?;
    }
    Err(Error::unavailable("Too many texts for this route at once."))
}
