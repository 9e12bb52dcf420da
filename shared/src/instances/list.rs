//! `GET /list/1` and `GET /list/2`: the caller's MySQL and Redis instances.

use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde_json::Value;

use super::record::Instance;
use super::{claim, operate, view};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// The caller's instances of a kind.
pub const LIST: Endpoint = Endpoint {
    name: "instance-list",
    methods: &[Verb::Get],
    paths: &["/list/{kind}"],
    auth: Auth::ApiKey,
    dialect: Dialect::CodeMsgData,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(answer(app, request)),
};

/// Records read at once.
const AT_ONCE: usize = 16;

async fn answer(app: &App, mut request: Request) -> Result<Reply, Error> {
    let kind = request.param("kind").to_owned();
    if !["1", "2"].contains(&kind.as_str()) {
        return Err(Error::not_found("There are lists of 1, MySQL, and of 2, Redis."));
    }
    let all = list(app, &operate::caller(&mut request)?).await?;
    let shown = all.iter().filter(|instance| instance.spec.database.number() == kind);
    let shown = shown.map(|instance| view(app, instance)).collect::<Result<Vec<Value>, _>>()?;
    Ok(Reply::Json(StatusCode::OK, shown.into()))
}

/// Every instance of a user, in the order in which they were asked for.
pub async fn list(app: &App, owner: &str) -> Result<Vec<Instance>, Error> {
    let bucket = &app.storage()?.main;
    let names = claim::instances(bucket, Some(owner)).await?;
    let read = stream::iter(names).map(|name| async move { name.read(bucket).await });
    let found: Vec<_> = read.buffered(AT_ONCE).try_collect().await?;
    let mut all: Vec<Instance> = found.into_iter().flatten().map(|found| found.value).collect();
    all.sort_by_key(|instance| instance.created);
    Ok(all)
}
