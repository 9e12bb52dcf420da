//! `GET /detail/{dockerId}`: one of the caller's instances.

use http::StatusCode;

use super::record::{Instance, Name};
use super::{NOT_FOUND, operate, view};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};
use crate::is_id;

/// One of the caller's instances.
pub const DETAIL: Endpoint = Endpoint {
    name: "instance-detail",
    methods: &[Verb::Get],
    paths: &["/detail/{dockerId}"],
    auth: Auth::ApiKey,
    dialect: Dialect::CodeMsgData,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(answer(app, request)),
};

/// The longest id that is looked at.
const ID_LIMIT: usize = 64;

async fn answer(app: &App, mut request: Request) -> Result<Reply, Error> {
    let name = named(&mut request)?;
    let instance = detail(app, &name.owner, &name.id).await?;
    Ok(Reply::Json(StatusCode::OK, view(app, &instance)?))
}

/// One of a user's instances.
///
/// # Errors
/// 404 if it is somebody else's, or nobody's: the same for both.
pub async fn detail(app: &App, owner: &str, id: &str) -> Result<Instance, Error> {
    let name = Name { owner: owner.to_owned(), id: checked(id)?.to_owned() };
    let found = name.read(&app.storage()?.main).await?;
    found.map(|found| found.value).ok_or_else(|| Error::not_found(NOT_FOUND))
}

/// Which of the caller's instances a request is about.
pub(super) fn named(request: &mut Request) -> Result<Name, Error> {
    let owner = operate::caller(request)?;
    Ok(Name { owner, id: checked(request.param("dockerId"))?.to_owned() })
}

pub(super) fn checked(id: &str) -> Result<&str, Error> {
    if is_id(id, ID_LIMIT) { Ok(id) } else { Err(Error::not_found(NOT_FOUND)) }
}
