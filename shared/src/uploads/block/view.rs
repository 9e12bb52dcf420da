//! What a client is told of where a task stands.

use std::ops::Range;

use serde_json::{Value, json};

use crate::error::Error;
use crate::uploads::standing::{Phase, Standing, Verdict};
use crate::uploads::task::Upload;

/// Where a task stands.
pub(super) struct View {
    pub(super) status: &'static str,
    /// The first ranges that are missing; none once it has ended.
    pub(super) gaps: Vec<Range<u64>>,
}

/// Looks for the first `limit` gaps; `standing` is brought up to date.
pub(super) async fn view(upload: &Upload, standing: &mut Standing, limit: usize) -> Result<View, Error> {
    if !standing.phase.is_under_way() {
        return Ok(View { status: word(standing.phase), gaps: Vec::new() });
    }
    let mut gaps = upload.missing(standing, limit).await?;
    // An end that came meanwhile has removed what was looked for: nothing is missing then.
    *standing = upload.standing().await?;
    if !standing.phase.is_under_way() {
        gaps.clear();
    } else if gaps.is_empty() {
        return Ok(View { status: "finishing", gaps });
    }
    Ok(View { status: word(standing.phase), gaps })
}

/// The protocol's word for a phase.
pub(super) fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "upload",
        Phase::Paused => "pause",
        Phase::Ended { verdict: Verdict::Complete, settled: false } => "finishing",
        Phase::Ended { verdict: Verdict::Complete, settled: true } => "complete",
        Phase::Ended { verdict: Verdict::Mismatch, .. } => "mismatch",
        Phase::Ended { verdict: Verdict::Cancelled, .. } | Phase::Gone => "cancel",
        Phase::Ended { verdict: Verdict::Expired, .. } => "expired",
    }
}

/// A range as the protocol writes it: both ends belong to it.
pub(super) fn inclusive(range: &Range<u64>) -> Value {
    json!({ "startByte": range.start, "endByte": range.end.saturating_sub(1) })
}
