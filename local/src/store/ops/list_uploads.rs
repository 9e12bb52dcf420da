//! ListMultipartUploads.

use std::sync::Arc;

use s3s::S3Result;
use s3s::dto::{CommonPrefix, ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload};
use tokio::task::spawn_blocking;

use super::{KeyEncoding, count, page_limit, timestamp};
use crate::store::error::{bad_row, internal};
use crate::store::index::Snapshot;
use crate::store::row::Upload;
use crate::store::state::State;

/// Uploads of one page, as on AWS.
const UPLOADS_LIMIT: usize = 1000;

pub(in crate::store) async fn list_uploads(
    state: &Arc<State>,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    let state = Arc::clone(state);
    spawn_blocking(move || list(&state, input)).await.map_err(internal)?
}

fn list(state: &State, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    let encoding = KeyEncoding::new(input.encoding_type.as_ref())?;
    let limit = page_limit(input.max_uploads, UPLOADS_LIMIT)?;
    let page = match state.directory(&input.bucket) {
        Some(_) => Found::default(),
        None => find(&state.index.snapshot()?, &input, limit)?,
    };
    let (next_key, next_id) = page.next.unzip();
    let entry = |(key, id, upload): (String, String, Upload)| MultipartUpload {
        initiated: Some(timestamp(upload.initiated)),
        key: Some(encoding.encode(&key)),
        upload_id: Some(id),
        ..MultipartUpload::default()
    };
    let prefix = |prefix: String| CommonPrefix { prefix: Some(encoding.encode(&prefix)) };
    Ok(ListMultipartUploadsOutput {
        is_truncated: Some(next_key.is_some()),
        next_key_marker: next_key.map(|key| encoding.encode(&key)),
        next_upload_id_marker: next_id,
        uploads: Some(page.uploads.into_iter().map(entry).collect()),
        common_prefixes: Some(page.prefixes.into_iter().map(prefix).collect()),
        max_uploads: Some(count(limit)),
        key_marker: input.key_marker.map(|key| encoding.encode(&key)),
        prefix: input.prefix.map(|prefix| encoding.encode(&prefix)),
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        upload_id_marker: input.upload_id_marker,
        encoding_type: input.encoding_type,
        bucket: Some(input.bucket),
        request_charged: None,
    })
}

#[derive(Default)]
struct Found {
    uploads: Vec<(String, String, Upload)>,
    prefixes: Vec<String>,
    next: Option<(String, String)>,
}

/// Several uploads may be of one key, so this is not the listing of objects; unfinished uploads are few
/// enough to be walked.
fn find(snapshot: &Snapshot, input: &ListMultipartUploadsInput, limit: usize) -> S3Result<Found> {
    snapshot.check_bucket(&input.bucket)?;
    let bucket = input.bucket.as_str();
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let marker = input.key_marker.as_deref().unwrap_or_default();
    let id_marker = input.upload_id_marker.as_deref().filter(|_| !marker.is_empty());
    let mut found = Found::default();
    let mut last = None;
    let table = snapshot.uploads()?;
    for row in table.range((bucket, prefix.max(marker), "")..).map_err(internal)? {
        let (name, row) = row.map_err(internal)?;
        let (row_bucket, key, id) = name.value();
        if row_bucket != bucket || !key.starts_with(prefix) && key > prefix {
            break;
        }
        let is_before = key < marker || key == marker && id_marker.is_none_or(|marker| id <= marker);
        if !key.starts_with(prefix) || !marker.is_empty() && is_before {
            continue;
        }
        let common = common_prefix(key, prefix, input.delimiter.as_deref());
        if common.is_some_and(|common| found.prefixes.last().is_some_and(|last| last == common) || common <= marker) {
            continue;
        }
        if found.uploads.len() + found.prefixes.len() >= limit {
            found.next = last;
            break;
        }
        last = Some((common.unwrap_or(key).to_owned(), id.to_owned()));
        match common {
            Some(common) => found.prefixes.push(common.to_owned()),
            None => found.uploads.push((key.to_owned(), id.to_owned(), Upload::decode(row.value()).map_err(bad_row)?)),
        }
    }
    Ok(found)
}

fn common_prefix<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let end = prefix.len() + key.get(prefix.len()..)?.find(delimiter)? + delimiter.len();
    key.get(..end)
}
