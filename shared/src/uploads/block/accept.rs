//! What a block comes to, whichever way its bytes came.

use std::ops::Range;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::view::{inclusive, view, word};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Reply, body};
use crate::uploads::finish::REQUEST_BUDGET;
use crate::uploads::standing::{Phase, Standing, Verdict};
use crate::uploads::task::Upload;

/// Whether a block is to be stored; `false` if the file is complete, so that its bytes are there.
///
/// # Errors
/// 409 while the task is paused, 410 after another end.
pub(super) fn is_taken(phase: Phase) -> Result<bool, Error> {
    match phase {
        Phase::Open => Ok(true),
        Phase::Paused => Err(Error::new(Kind::Conflict, "The task is paused.").with_code("4")),
        Phase::Ended { verdict: Verdict::Complete, .. } => Ok(false),
        ended => Err(over(ended)),
    }
}

/// What a call on a task that has ended is told.
pub(super) fn over(phase: Phase) -> Error {
    match word(phase) {
        "complete" | "finishing" => Error::new(Kind::Conflict, "The task is complete."),
        "mismatch" => Error::new(Kind::Gone, "The task is over: the file is not what its MD5 announced."),
        "expired" => Error::new(Kind::Gone, "The task has expired."),
        _ => Error::new(Kind::Gone, "The task is cancelled."),
    }
}

/// Answers for a block whose bytes are safe: carries on what is due, and asks for the first gap where this block
/// ends the file.
pub(super) async fn acknowledge(
    app: &App,
    upload: &Upload,
    standing: &mut Standing,
    block: &Range<u64>,
) -> Result<Reply, Error> {
    let mut status = word(standing.phase);
    if standing.phase.is_under_way() && standing.size == Some(block.end) {
        let view = view(upload, standing, 1).await?;
        if let Some(gap) = view.gaps.first() {
            return Ok(answer("1", "The server needs certain blocks.", inclusive(gap)));
        }
        status = view.status;
    }
    match standing.phase {
        Phase::Ended { verdict: Verdict::Cancelled | Verdict::Expired, .. } | Phase::Gone => Err(over(standing.phase)),
        Phase::Ended { .. } => {
            app.wake_workers();
            Ok(Reply::Json(StatusCode::OK, json!({ "status": status })))
        }
        Phase::Open | Phase::Paused => Ok(Reply::Json(StatusCode::OK, json!({ "status": status }))),
    }
}

/// Carries on what is due once bytes have been stored.
pub(super) async fn carry_on(upload: &Upload, standing: &mut Standing) -> Result<(), Error> {
    upload.proceed(standing, REQUEST_BUDGET).await.map(drop)
}

/// An answer with a code that the door does not know: 200, and neither plain success nor an error.
fn answer(code: &str, status: &str, data: Value) -> Reply {
    raw(&json!({ "retCode": code, "status": status, "data": data }))
}

/// A whole envelope of our own.
pub(super) fn raw(envelope: &Value) -> Reply {
    let mut response = Response::new(body::full(envelope.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Reply::Raw(response)
}
