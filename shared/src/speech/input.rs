//! What the calls of speech are sent: a JSON object.

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::http::{Body, body};

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 400 if it is no JSON object. The log is told where and how, and nothing of what stands there: it may be a text.
pub(super) async fn read<T: DeserializeOwned>(content: Body, limit: u64) -> Result<T, Error> {
    let bytes = body::collect(content, limit).await?;
    let unreadable = || Error::invalid("Can not read passed json");
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(unreadable());
    }
    serde_json::from_slice(&bytes).map_err(|cause| {
        let (kind, line, column) = (cause.classify(), cause.line(), cause.column());
        unreadable().caused_by(format!("{kind:?} error at line {line}, column {column}"))
    })
}
