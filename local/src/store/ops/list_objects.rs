//! ListObjectsV2 and ListObjects.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use s3s::dto::{
    CommonPrefix, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object as Entry,
    ObjectStorageClass, Owner,
};
use s3s::{S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::{KeyEncoding, count, crc32_algorithm, etag, full_object, length, page_limit, timestamp};
use crate::store::error::{bad_row, internal};
use crate::store::index::Snapshot;
use crate::store::listing::{PAGE_LIMIT, Page, Pager, Query, Step};
use crate::store::row::Object;
use crate::store::state::State;

/// What a listing tells of one object.
#[derive(Debug)]
pub(in crate::store) struct Listed {
    pub(in crate::store) size: u64,
    pub(in crate::store) etag: String,
    pub(in crate::store) modified: i64,
    /// The store knows its CRC-32.
    pub(in crate::store) has_crc32: bool,
}

pub(in crate::store) async fn list_v2(state: &Arc<State>, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let encoding = KeyEncoding::new(input.encoding_type.as_ref())?;
    let token = input.continuation_token.as_deref().map(read_token).transpose()?;
    let limit = page_limit(input.max_keys, PAGE_LIMIT)?;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after: token.or_else(|| input.start_after.clone()).unwrap_or_default(),
        limit,
    };
    let page = page(state, input.bucket.clone(), query).await?;
    let owner = input.fetch_owner.unwrap_or(false);
    Ok(ListObjectsV2Output {
        key_count: Some(count(page.items.len() + page.prefixes.len())),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_ref().map(|next| BASE64.encode(next)),
        contents: Some(contents(page.items, encoding, owner)),
        common_prefixes: Some(common_prefixes(page.prefixes, encoding)),
        name: Some(input.bucket),
        prefix: Some(encoding.encode(&input.prefix.unwrap_or_default())),
        max_keys: Some(count(limit)),
        continuation_token: input.continuation_token,
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|after| encoding.encode(&after)),
        request_charged: None,
    })
}

pub(in crate::store) async fn list_v1(state: &Arc<State>, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let encoding = KeyEncoding::new(input.encoding_type.as_ref())?;
    let limit = page_limit(input.max_keys, PAGE_LIMIT)?;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        after: input.marker.clone().unwrap_or_default(),
        limit,
    };
    let page = page(state, input.bucket.clone(), query).await?;
    Ok(ListObjectsOutput {
        is_truncated: Some(page.next.is_some()),
        next_marker: page.next.filter(|_| input.delimiter.is_some()).map(|next| encoding.encode(&next)),
        contents: Some(contents(page.items, encoding, true)),
        common_prefixes: Some(common_prefixes(page.prefixes, encoding)),
        name: Some(input.bucket),
        prefix: Some(encoding.encode(&input.prefix.unwrap_or_default())),
        marker: Some(encoding.encode(&input.marker.unwrap_or_default())),
        max_keys: Some(count(limit)),
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

/// A page reads up to thousands of rows (or directory entries), so it runs on a blocking thread.
async fn page(state: &Arc<State>, bucket: String, query: Query) -> S3Result<Page<Listed>> {
    let state = Arc::clone(state);
    let task = spawn_blocking(move || match state.directory(&bucket) {
        Some(directory) => directory.page(query),
        None => page_of_index(&state.index.snapshot()?, &bucket, query),
    });
    task.await.map_err(internal)?
}

fn page_of_index(snapshot: &Snapshot, bucket: &str, query: Query) -> S3Result<Page<Listed>> {
    snapshot.check_bucket(bucket)?;
    let table = snapshot.objects()?;
    let mut pager = Pager::new(query);
    let mut from = pager.start();
    'seek: loop {
        for row in table.range((bucket, from.as_str())..).map_err(internal)? {
            let (name, row) = row.map_err(internal)?;
            let (row_bucket, key) = name.value();
            if row_bucket != bucket {
                break 'seek;
            }
            match pager.offer(key, || listed(row.value()).map(Some))? {
                Step::Next => {}
                Step::Done => break 'seek,
                Step::Seek(bound) => {
                    from = bound;
                    continue 'seek;
                }
            }
        }
        break;
    }
    Ok(pager.finish())
}

fn listed(row: &[u8]) -> S3Result<Listed> {
    let object = Object::decode(row).map_err(bad_row)?;
    Ok(Listed { size: object.size, etag: object.etag, modified: object.modified, has_crc32: true })
}

fn contents(items: Vec<(String, Listed)>, encoding: KeyEncoding, owner: bool) -> Vec<Entry> {
    let owner = owner.then(|| Owner { display_name: Some("pannier".into()), id: Some("pannier".into()) });
    let entry = |(key, listed): (String, Listed)| Entry {
        checksum_algorithm: listed.has_crc32.then(|| vec![crc32_algorithm()]),
        checksum_type: listed.has_crc32.then(full_object),
        e_tag: Some(etag(&listed.etag)),
        key: Some(encoding.encode(&key)),
        last_modified: Some(timestamp(listed.modified)),
        owner: owner.clone(),
        restore_status: None,
        size: Some(length(listed.size)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
    };
    items.into_iter().map(entry).collect()
}

fn common_prefixes(prefixes: Vec<String>, encoding: KeyEncoding) -> Vec<CommonPrefix> {
    prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(encoding.encode(prefix)) }).collect()
}

/// A continuation token is the last key or common prefix of the page, so it needs no memory here and
/// outlives a restart.
fn read_token(token: &str) -> S3Result<String> {
    let key = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}
