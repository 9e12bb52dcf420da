//! `GET /api/speech`: the routes, those that changed last first, and how much there is.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde_json::{Value, json};

use super::engine::Voice;
use super::render::Render;
use super::route::{self, Route};
use super::{Progress, link, render};
use crate::app::App;
use crate::clock;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, paging};
use crate::pages::stats;
use crate::storage::speech_key::parse_route_line;
use crate::storage::{Bucket, Key, SpeechKey};

/// The list, a page at a time, with statistics.
pub const LIST: Endpoint = Endpoint {
    name: "speech-list",
    methods: &[Verb::Get],
    paths: &["/api/speech"],
    auth: Auth::Open,
    dialect: Dialect::Msg,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(list(app, request)),
};

/// Routes read at once for a page.
const AT_ONCE: usize = 16;

/// A route as the list shows it.
#[derive(Clone, Debug)]
pub struct Row {
    /// As its client calls it.
    pub route_id: String,
    /// How far it is.
    pub progress: Progress,
    /// The SHA-256 of its text and voice.
    pub hash: String,
    /// The engine that speaks.
    pub engine: String,
    /// The voice, as the engine calls it.
    pub voice: String,
    /// The primary subtag of BCP 47.
    pub language: String,
    /// When it was given this text: milliseconds since 1970.
    pub changed: u64,
}

/// Some of the list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The routes that changed last first.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<String>,
}

/// The page that begins at a cursor, or the first one; `limit` is at most [`paging::PAGE_LIMIT`]. Tracks are not looked at: one
/// that was damaged is noticed when its link is asked for.
///
/// # Errors
/// 400 if the cursor is none that was given out.
pub async fn page(app: &App, cursor: Option<&str>, limit: u16) -> Result<Page, Error> {
    let (bucket, all) = (&app.storage()?.main, Key::Speech(SpeechKey::Lines));
    let (lines, next) = paging::lines(bucket, &all, cursor, limit, |key| parse_route_line(key).is_some()).await?;
    let rows =
        stream::iter(lines).map(|listed| row(bucket, listed.key)).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
    Ok(Page { rows: rows.into_iter().flatten().collect(), next })
}

/// `None` for a line that its route has left.
async fn row(bucket: &Bucket, line: String) -> Result<Option<Row>, Error> {
    let Some(line) = parse_route_line(&line) else { return Ok(None) };
    let route = route::read(bucket, line.route).await?.filter(|route| route.value.want == line.nonce);
    let Some(route) = route else {
        // Left by somebody who died, once nobody can be at work on it any more.
        if clock::now().saturating_sub(line.changed) > clock::milliseconds(render::ABANDONED) {
            bucket.delete(&Key::Speech(SpeechKey::Line(line))).await?;
        }
        return Ok(None);
    };
    let render = render::read(bucket, &route.value.render).await?;
    Ok(render.map(|render| Row::of(route.value, render.value)))
}

impl Row {
    pub(super) fn of(route: Route, render: Render) -> Self {
        let progress = Progress::of(&render);
        let Route { route_id, render: hash, changed, .. } = route;
        let Voice { engine, name: voice, language } = render.work.voice;
        Self { route_id, progress, hash, engine, voice, language, changed }
    }

    fn json(&self) -> Result<Value, Error> {
        let mut row = json!({
            "route_id": self.route_id,
            "state": self.progress.word(),
            "text_hash": self.hash,
            "engine": self.engine,
            "voice": self.voice,
            "language": self.language,
            "changed_at": clock::rfc3339(self.changed)?,
            "link": null,
            "seconds": null,
            "bytes": null,
        });
        match &self.progress {
            Progress::Done { name, milliseconds, bytes } => {
                row["link"] = link(name).into();
                row["seconds"] = Duration::from_millis(*milliseconds).as_secs_f64().into();
                row["bytes"] = (*bytes).into();
            }
            Progress::Broken { reason } => row["reason"] = reason.as_str().into(),
            Progress::Processing => {}
        }
        Ok(row)
    }
}

async fn list(app: &App, request: Request) -> Result<Reply, Error> {
    let (cursor, limit) = paging::asked(&request)?;
    let page = page(app, cursor.as_deref(), limit).await?;
    let rows = page.rows.iter().map(Row::json).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::Json(
        StatusCode::OK,
        json!({ "msg": "OK", "statistics": stats::spoken(app).await?.json(), "routes": rows, "next": page.next }),
    ))
}
