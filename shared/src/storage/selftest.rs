//! Refuses a store that gets conditional writes wrong, before anything rests on them.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::bucket::{Bucket, Put};
use super::fault::{Fault, StoreError};
use super::key::Key;

/// Racing writers a round: enough that a store without an atomic check lets two of them win.
const RACERS: u8 = 8;

/// Races creators and changers on one object, and takes it away again.
pub(super) async fn run(bucket: &Bucket) -> Result<(), StoreError> {
    let nonce = crate::hex(&crate::random::<8>());
    let key = Key::SelfTest(&nonce);
    let outcome = race_twice(bucket, &key).await;
    bucket.delete(&key).await?;
    outcome
}

async fn race_twice(bucket: &Bucket, key: &Key<'_>) -> Result<(), StoreError> {
    let winners = race(bucket, key, &Put { if_absent: true, ..Put::default() }).await?;
    expect(winners.len() == 1, bucket, "creation with If-None-Match must have exactly one winner")?;
    let first = &winners[0];
    let winners = race(bucket, key, &Put { if_match: Some(first), ..Put::default() }).await?;
    expect(winners.len() == 1, bucket, "a change with If-Match must have exactly one winner")?;
    let stale = race(bucket, key, &Put { if_match: Some(first), ..Put::default() }).await?;
    expect(stale.is_empty(), bucket, "a change with an old If-Match must be refused")
}

/// The ETags of those whose write was taken.
async fn race(bucket: &Bucket, key: &Key<'_>, put: &Put<'_>) -> Result<Vec<String>, StoreError> {
    let writers: FuturesUnordered<_> = (0..RACERS)
        .map(|racer| {
            let body = [crate::random::<8>().as_slice(), &[racer]].concat();
            bucket.put(key, Bytes::from(body), put.clone())
        })
        .collect();
    let outcomes: Vec<_> = writers.collect().await;
    let mut winners = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(etag) => winners.push(etag),
            Err(error) if matches!(error.fault, Fault::Precondition | Fault::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(winners)
}

fn expect(holds: bool, bucket: &Bucket, law: &'static str) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::new(Fault::Unfit, "self-test", &bucket.name, "").caused_by(law)) }
}
