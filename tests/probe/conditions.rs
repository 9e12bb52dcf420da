//! Conditional writes and reads: what all state of Pannier rests on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use futures_util::future::try_join_all;

use super::{Peer, Target, noise, status};

const RACERS: usize = 50;

pub(crate) async fn fifty_creators_have_one_winner(target: Arc<Target>) {
    // Small bodies live in the index, large ones in files: both ways have to decide alike.
    for size in [10, 200_000] {
        let key = format!("conditions/create-{size}");
        let race = (0..RACERS).map(|racer| {
            let (target, key) = (Arc::clone(&target), key.clone());
            tokio::spawn(async move {
                let body = noise(racer as u64, size);
                let put = target.client.put_object().bucket(&target.bucket).key(key).if_none_match("*");
                put.body(body.into()).send().await.map_err(|error| status(&error))
            })
        });
        let outcomes = try_join_all(race).await.unwrap();
        let winners: Vec<usize> = (0..RACERS).filter(|racer| outcomes[*racer].is_ok()).collect();
        assert_eq!(winners.len(), 1, "{winners:?} won");
        for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(refused, 412 | 409), "refused with {refused}");
        }
        let stored = target.client.get_object().bucket(&target.bucket).key(&key).send().await.unwrap();
        let stored = stored.body.collect().await.unwrap().to_vec();
        assert!(stored == noise(winners[0] as u64, size), "the winner's bytes are there");
    }
}

pub(crate) async fn fifty_increments_count_to_fifty(target: Arc<Target>) {
    let key = "conditions/counter";
    target
        .client
        .put_object()
        .bucket(&target.bucket)
        .key(key)
        .body(ByteStream::from_static(b"0"))
        .send()
        .await
        .unwrap();
    let race = (0..RACERS).map(|_| {
        let target = Arc::clone(&target);
        tokio::spawn(async move { while !increment(&target, key).await {} })
    });
    try_join_all(race).await.unwrap();
    let (count, _) = read(&target, key).await;
    assert_eq!(count, RACERS);
}

/// One attempt at a compare-and-swap.
async fn increment(target: &Target, key: &str) -> bool {
    let (count, etag) = read(target, key).await;
    let body = (count + 1).to_string().into_bytes();
    let put = target.client.put_object().bucket(&target.bucket).key(key).if_match(etag).body(body.into());
    match put.send().await {
        Ok(_) => true,
        Err(error) => {
            assert!(matches!(status(&error), 412 | 409), "{error:?}");
            false
        }
    }
}

async fn read(target: &Target, key: &str) -> (usize, String) {
    let object = target.client.get_object().bucket(&target.bucket).key(key).send().await.unwrap();
    let etag = object.e_tag().unwrap().to_owned();
    let text = object.body.collect().await.unwrap().to_vec();
    (String::from_utf8(text).unwrap().parse().unwrap(), etag)
}

pub(crate) async fn a_swap_needs_the_current_etag(target: Arc<Target>) {
    let key = "conditions/swap";
    let put = |etag: &str| {
        let put = target.client.put_object().bucket(&target.bucket).key(key).if_match(etag);
        put.body(ByteStream::from_static(b"x")).send()
    };
    let absent = status(&put("\"00000000000000000000000000000000\"").await.unwrap_err());
    match target.peer {
        Peer::Embedded => assert_eq!(absent, 404, "as on AWS"),
        Peer::Minio | Peer::Moto => assert!(matches!(absent, 404 | 412), "{absent}"),
    }
    let created = target.client.put_object().bucket(&target.bucket).key(key).body(ByteStream::from_static(b"y"));
    let etag = created.send().await.unwrap().e_tag.unwrap();
    assert_eq!(status(&put("\"00000000000000000000000000000000\"").await.unwrap_err()), 412);
    put(&etag).await.unwrap();
    assert_eq!(status(&put(&etag).await.unwrap_err()), 412, "the ETag is that of before");
}

pub(crate) async fn reads_answer_304_and_412(target: Arc<Target>) {
    let key = "conditions/read";
    let put = target.client.put_object().bucket(&target.bucket).key(key).body(ByteStream::from_static(b"x"));
    let etag = put.send().await.unwrap().e_tag.unwrap();
    let get = || target.client.get_object().bucket(&target.bucket).key(key);
    let head = || target.client.head_object().bucket(&target.bucket).key(key);
    let hour = Duration::from_secs(3600);
    let (past, future) = (DateTime::from(SystemTime::now() - hour), DateTime::from(SystemTime::now() + hour));
    let other = "\"00000000000000000000000000000000\"";
    assert_eq!(status(&get().if_none_match(&etag).send().await.unwrap_err()), 304);
    assert_eq!(status(&head().if_none_match(&etag).send().await.unwrap_err()), 304);
    assert_eq!(status(&get().if_match(other).send().await.unwrap_err()), 412);
    assert_eq!(status(&head().if_match(other).send().await.unwrap_err()), 412);
    assert_eq!(status(&get().if_unmodified_since(past).send().await.unwrap_err()), 412);
    assert!(get().if_match(&etag).if_none_match(other).send().await.is_ok());
    assert!(get().if_modified_since(past).if_unmodified_since(future).send().await.is_ok());
}
