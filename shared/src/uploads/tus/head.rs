//! `HEAD /files/{id}`: how far an upload has come.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};

use super::{
    CONCAT, DEFER_LENGTH, LENGTH, METADATA, OFFSET, RESUMABLE, answer, check_there, check_version, concat, expires,
    get, is_final, open,
};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};
use crate::uploads::finish::REQUEST_BUDGET;
use crate::uploads::standing::Standing;
use crate::uploads::task::{Origin, Upload};

/// Tells the offset; without `Tus-Resumable` it is the head of the download.
pub const HEAD: Endpoint = Endpoint {
    name: "tus-head",
    methods: &[Verb::Head],
    paths: &["/files/{id}"],
    auth: Auth::Open,
    dialect: Dialect::Tus,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| {
        Box::pin(async move {
            if request.headers.contains_key(RESUMABLE) {
                head(app, request).await
            } else {
                get::get(app, request).await
            }
        })
    },
};

pub(super) async fn head(app: &App, request: Request) -> Result<Reply, Error> {
    check_version(&request.headers)?;
    let upload = open(app, request.param("id")).await?;
    let (mut standing, offset) = upload.progress().await?;
    check_there(standing.phase)?;
    // Nobody else may ask again: what is complete by now is finished here.
    if standing.phase.is_under_way() && (is_final(&upload) || standing.size == Some(offset)) {
        standing.phase = upload.proceed(&mut standing, REQUEST_BUDGET).await?;
        app.wake_workers();
    }
    let length = length(app, &upload, &standing).await?;
    let mut response = answer(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match length {
        Some(length) => headers.insert(LENGTH, length.into()),
        None if is_final(&upload) => None,
        None => headers.insert(DEFER_LENGTH, 1.into()),
    };
    if !standing.phase.is_under_way() {
        headers.insert(OFFSET, length.unwrap_or(offset).into());
    } else if !is_final(&upload) {
        headers.insert(OFFSET, offset.into());
    }
    if let Origin::Tus { metadata, concat, .. } = &upload.task.origin {
        for (name, sent) in [(METADATA, metadata), (CONCAT, concat)] {
            if let Some(value) = sent.as_deref().and_then(|sent| HeaderValue::try_from(sent).ok()) {
                headers.insert(name, value);
            }
        }
    }
    expires(app, standing.phase, standing.active, headers);
    Ok(Reply::Raw(response))
}

/// The length, of an upload that joins others as soon as its parts tell.
async fn length(app: &App, upload: &Upload, standing: &Standing) -> Result<Option<u64>, Error> {
    if standing.size.is_some() || !is_final(upload) {
        return Ok(standing.size);
    }
    if let Some(object) = upload.done().await?.and_then(|done| done.object) {
        return Ok(Some(object.size));
    }
    concat::total(app, &upload.task.joins).await
}
