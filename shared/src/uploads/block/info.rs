//! `GET /api/upload/files/blocks/info`: what a task still needs.

use serde_json::{Value, json};

use super::accept::{carry_on, raw};
use super::view::{inclusive, view};
use super::{CALL, named};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Needs, Reply, Request, Verb};
use crate::uploads::standing::Phase;

/// The most missing ranges that one answer lists.
const GAPS_LIMIT: usize = 1000;

/// Tells what a task still needs, and carries on what is due.
pub const INFO: Endpoint = Endpoint {
    name: "upload-info",
    methods: &[Verb::Get],
    paths: &["/api/upload/files/blocks/info"],
    auth: Auth::Open,
    dialect: Dialect::RetCode,
    needs: Needs::Store,
    limits: CALL,
    handler: |app, request| Box::pin(info(app, request)),
};

async fn info(app: &App, request: Request) -> Result<Reply, Error> {
    let named = named(&request)?;
    let upload = super::open(app, named).await?;
    let mut standing = upload.standing().await?;
    carry_on(&upload, &mut standing).await?;
    if matches!(standing.phase, Phase::Ended { .. }) {
        app.wake_workers();
    }
    let view = view(&upload, &mut standing, GAPS_LIMIT).await?;
    let gaps: Vec<Value> = view.gaps.iter().map(inclusive).collect();
    let data = json!({ "totalSize": upload.task.size, "status": view.status, "expectBlocks": gaps });
    // Clients read these fields at either place.
    let mut envelope = data.clone();
    envelope["retCode"] = json!("0");
    envelope["data"] = data;
    Ok(raw(&envelope))
}
