//! `POST /api/upload/files/state`: pause, go on, give up.

use http::StatusCode;
use serde_json::json;

use super::CALL;
use super::accept::over;
use super::input::{Fields, query};
use super::view::word;
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Needs, Reply, Request, Verb, detached};
use crate::uploads::standing::{Phase, Standing, Verdict};
use crate::uploads::task::Upload;

/// Pauses a task, lets it go on, or cancels it.
pub const STATE: Endpoint = Endpoint {
    name: "upload-state",
    methods: &[Verb::Post],
    paths: &["/api/upload/files/state"],
    auth: Auth::Open,
    dialect: Dialect::RetCode,
    needs: Needs::Store,
    limits: CALL,
    handler: |app, request| Box::pin(state(app, request)),
};

/// The state that is asked for.
#[derive(Clone, Copy)]
enum Wanted {
    Pause,
    Upload,
    Cancel,
}

async fn state(app: &App, request: Request) -> Result<Reply, Error> {
    let key = query(&request, "key")?;
    let fields = Fields::read(request).await?;
    let id = fields.number("taskId")?;
    let wanted = match fields.text("status")? {
        "pause" => Wanted::Pause,
        "upload" => Wanted::Upload,
        "cancel" => Wanted::Cancel,
        _ => return Err(Error::invalid("status must be pause, upload or cancel.")),
    };
    let upload = super::open(app, (id, key)).await?;
    let phase = detached("change a task", async move { change(&upload, wanted).await }).await?;
    Ok(Reply::Json(StatusCode::OK, json!({ "taskId": id, "status": word(phase) })))
}

async fn change(upload: &Upload, wanted: Wanted) -> Result<Phase, Error> {
    let mut standing = upload.standing().await?;
    if !standing.phase.is_under_way() {
        return Err(over(standing.phase));
    }
    match wanted {
        Wanted::Cancel => cancel(upload, &mut standing).await,
        Wanted::Pause => set_paused(upload, &standing, true).await,
        Wanted::Upload => set_paused(upload, &standing, false).await,
    }
}

async fn set_paused(upload: &Upload, standing: &Standing, paused: bool) -> Result<Phase, Error> {
    if upload.set_paused(standing, paused).await? {
        return Ok(if paused { Phase::Paused } else { Phase::Open });
    }
    Err(Error::new(Kind::Conflict, "The task is in that state already."))
}

/// It may end otherwise in the same moment.
async fn cancel(upload: &Upload, standing: &mut Standing) -> Result<Phase, Error> {
    match upload.cancel(standing).await? {
        phase @ Phase::Ended { verdict: Verdict::Cancelled, .. } => Ok(phase),
        other => Err(over(other)),
    }
}
