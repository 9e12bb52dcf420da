//! `GET /archive/{hash}/index.json`: what an archive holds.

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::plan::{Plan, plan};
use super::{folder, missing};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Needs, Reply, Request, Verb};

/// Lists the entries of an archive and its total size.
pub const INDEX: Endpoint = Endpoint {
    name: "archive-index",
    methods: &[Verb::Get],
    paths: &["/archive/{hash}/index.json"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: super::PLANNING,
    handler: |app, request| Box::pin(index(app, request)),
};

async fn index(app: &App, request: Request) -> Result<Reply, Error> {
    let folder = folder(request.param("hash"))?;
    let plan = plan(app.storage()?, &app.config.archive_prefix, folder).await?.ok_or_else(missing)?;
    let entries: Vec<Value> = (0..plan.entries.len()).map(|index| entry(&plan, index)).collect();
    let listing = json!({ "name": folder, "size": plan.layout.total(), "entries": entries });
    Ok(Reply::Json(StatusCode::OK, listing))
}

fn entry(plan: &Plan, index: usize) -> Value {
    let (entry, member) = (&plan.entries[index], plan.member(index));
    let modified = i64::try_from(entry.modified).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    let mut fields = json!({
        "name": member.name,
        "size": entry.size,
        "modified": modified.and_then(|moment| moment.format(&Rfc3339).ok()),
    });
    if let Some(crc32) = entry.crc32 {
        fields["crc32"] = format!("{crc32:08x}").into();
    }
    fields
}
