//! Ranged reads.

use std::sync::Arc;

use super::{Target, noise, status};

pub(crate) async fn of_a_small_and_of_a_large_object(target: Arc<Target>) {
    for size in [1000_usize, 1_000_003] {
        let key = format!("ranges/{size}");
        let body = noise(size as u64, size);
        target.put(&key, body.clone()).await;
        let last = size - 1;
        for (range, from, to) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=100-".to_owned(), 100, size),
            ("bytes=-7".to_owned(), size - 7, size),
            (format!("bytes=5-{}", size * 2), 5, size),
            (format!("bytes={last}-{last}"), last, size),
            (format!("bytes=-{}", size * 2), 0, size),
        ] {
            let get = target.client.get_object().bucket(&target.bucket).key(&key).range(&range).send().await.unwrap();
            assert_eq!(get.content_range().unwrap(), format!("bytes {from}-{}/{size}", to - 1), "{range}");
            assert_eq!(get.content_length(), Some(i64::try_from(to - from).unwrap()), "{range}");
            let bytes = get.body.collect().await.unwrap().to_vec();
            assert!(bytes == body[from..to], "{range} of {size}");
        }
        let beyond = target.client.get_object().bucket(&target.bucket).key(&key).range(format!("bytes={size}-"));
        assert_eq!(status(&beyond.send().await.unwrap_err()), 416);
    }
}
