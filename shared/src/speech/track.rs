//! `POST /get_track_for_route`: how far a route is.

use http::StatusCode;
use serde_json::{Value, json};

use super::input;
use super::render::{self, Render, State};
use super::{Row, link, route};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, detached};

/// The link of a route's track, once there is one.
pub const TRACK: Endpoint = Endpoint {
    name: "speech-track",
    methods: &[Verb::Post],
    paths: &["/get_track_for_route", "/get_track_for_route/"],
    auth: Auth::Open,
    dialect: Dialect::Msg,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(track(app, request)),
};

/// How far a route is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not done.
    Processing,
    /// There is a track, and it is whole.
    Done {
        /// As its link has it.
        name: String,
        /// How long it lasts.
        milliseconds: u64,
        /// How many bytes it has.
        bytes: u64,
    },
    /// There is none and none will be made, unless somebody asks again.
    Broken {
        /// In words that anybody may read.
        reason: String,
    },
}

/// A route as it is now; `None` if there is none. A track that was damaged is rendered again.
pub async fn find(app: &App, route_id: &str) -> Result<Option<Row>, Error> {
    let bucket = app.storage()?.main.clone();
    let Some(route) = route::read(&bucket, &route::id_of(route_id)).await? else { return Ok(None) };
    let Some(found) = render::read(&bucket, &route.value.render).await? else { return Ok(None) };
    let mut row = Row::of(route.value, found.value.clone());
    let render_id = row.hash.clone();
    if detached("mend a render", async move { render::mend(&bucket, &render_id, &found).await }).await? {
        app.wake_workers();
        row.progress = Progress::Processing;
    }
    Ok(Some(row))
}

impl Progress {
    /// As the record has it.
    pub(super) fn of(render: &Render) -> Self {
        match &render.state {
            State::Queued(_) | State::Running { .. } | State::Cancelled => Self::Processing,
            State::Broken { reason } => Self::Broken { reason: reason.clone() },
            State::Done(track) => {
                Self::Done { name: render.name.clone(), milliseconds: track.milliseconds, bytes: track.bytes }
            }
        }
    }

    /// In the word of the protocol.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Done { .. } => "OK",
            Self::Broken { .. } => "BROKEN",
        }
    }
}

async fn track(app: &App, request: Request) -> Result<Reply, Error> {
    let asked: Value = input::read(request.body, Limits::READ.body).await?;
    let route_id = asked["route_id"].as_str().filter(|id| !id.is_empty());
    let route_id = route_id.ok_or_else(|| Error::invalid("route_id is not passed"))?;
    let Row { progress, .. } = find(app, route_id).await?.ok_or_else(|| Error::new(Kind::NotFound, "NOT_FOUND"))?;
    let mut data = json!({ "msg": progress.word() });
    match &progress {
        Progress::Processing => {}
        Progress::Broken { reason } => data["reason"] = reason.as_str().into(),
        Progress::Done { name, .. } => data["link"] = link(name).into(),
    }
    Ok(Reply::Json(StatusCode::OK, data))
}
