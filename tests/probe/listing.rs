//! Listings: all keys once, in byte order, page by page.

use std::sync::Arc;

use aws_sdk_s3::types::EncodingType;
use futures_util::{StreamExt, stream};

use super::Target;

const FOLDERS: usize = 10;
const FILES: usize = 250;

/// Keys and common prefixes of all pages.
async fn list(
    target: &Target,
    prefix: &str,
    delimiter: Option<&str>,
    page: i32,
    after: Option<&str>,
) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let list = target.client.list_objects_v2().bucket(&target.bucket).prefix(prefix).max_keys(page);
        let list = list.set_delimiter(delimiter.map(Into::into)).set_start_after(after.map(Into::into));
        let list = list.set_continuation_token(token).send().await.unwrap();
        let shown = list.contents().len() + list.common_prefixes().len();
        assert!(shown <= usize::try_from(page).unwrap());
        assert_eq!(list.key_count(), i32::try_from(shown).ok());
        keys.extend(list.contents().iter().map(|object| object.key().unwrap().to_owned()));
        prefixes.extend(list.common_prefixes().iter().map(|common| common.prefix().unwrap().to_owned()));
        if list.is_truncated() != Some(true) {
            return (keys, prefixes);
        }
        token = Some(list.next_continuation_token().unwrap().to_owned());
    }
}

pub(crate) async fn pages_of_2500_keys_are_all_keys(target: Arc<Target>) {
    let mut keys: Vec<String> =
        (0..FOLDERS).flat_map(|folder| (0..FILES).map(move |file| format!("listing/d{folder}/{file}"))).collect();
    stream::iter(keys.clone())
        .for_each_concurrent(32, async |key| {
            target.put(&key, b"x".to_vec()).await;
        })
        .await;
    keys.sort();
    assert_eq!(list(&target, "listing/", None, 700, None).await, (keys.clone(), vec![]));
    let folders: Vec<String> = (0..FOLDERS).map(|folder| format!("listing/d{folder}/")).collect();
    assert_eq!(list(&target, "listing/", Some("/"), 3, None).await, (vec![], folders.clone()));
    assert_eq!(list(&target, "listing/d3", Some("/"), 1000, None).await, (vec![], vec![folders[3].clone()]));
    let inside: Vec<String> = keys.iter().filter(|key| key.starts_with("listing/d3/")).cloned().collect();
    assert_eq!(list(&target, "listing/d3/", Some("/"), 100, None).await, (inside.clone(), vec![]));
    let after = &inside[100];
    assert_eq!(list(&target, "listing/d3/", None, 1000, Some(after)).await, (inside[101..].to_vec(), vec![]));
    let v1 = target.client.list_objects().bucket(&target.bucket).prefix("listing/d3/").marker(after).max_keys(10);
    let v1 = v1.send().await.unwrap();
    let found: Vec<&str> = v1.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(found, inside[101..111]);
    assert_eq!(list(&target, "listing/none", None, 10, None).await, (vec![], vec![]));
}

pub(crate) async fn keys_are_url_encoded_on_request(target: Arc<Target>) {
    let key = "encoded/a b+c\u{e9}&<>.txt";
    target.put(key, b"x".to_vec()).await;
    let list = || target.client.list_objects_v2().bucket(&target.bucket).prefix("encoded/");
    let plain = list().send().await.unwrap();
    assert_eq!(plain.contents()[0].key(), Some(key));
    let encoded = list().encoding_type(EncodingType::Url).send().await.unwrap();
    let encoded = encoded.contents()[0].key().unwrap();
    assert_ne!(encoded, key);
    // Space is `+` in some stores and `%20` in others; a plus is never itself.
    let decoded = percent_encoding::percent_decode_str(&encoded.replace('+', " ")).decode_utf8().unwrap().into_owned();
    assert_eq!(decoded, key);
}
