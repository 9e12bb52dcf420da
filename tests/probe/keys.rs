//! Keys that a file system, a URL or a parser might stumble over.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;

use super::{Peer, Target};

/// Keys that every store takes.
const ODD: &[&str] = &[
    "odd/with space",
    "odd/plus+plus",
    "odd/percent%2Fslash",
    "odd/100%",
    "odd/a?b=c&d#e",
    "odd/quote\"'<>&;:@=,$",
    "odd/\u{fc}nic\u{f6}de/\u{65e5}\u{672c}",
    "odd/\u{1f600}",
    "odd/...",
    "odd/~tilde",
    "odd/back\\slash",
    "odd/trailing ",
    "odd/e\u{301}",
];
/// Keys that stores which map keys to paths refuse.
const ODDER: &[&str] = &[
    "..",
    ".",
    "a/../b",
    "odd//double",
    "odd///",
    "/leading",
    "odd/./dot",
    "odd/new\nline",
    "odd/folder/",
    "odd/tab\t",
    "../../../../etc/passwd",
];

pub(crate) async fn odd_keys_round_trip(target: Arc<Target>) {
    let mut keys: Vec<String> = ODD.iter().map(|key| (*key).to_owned()).collect();
    if target.peer == Peer::Embedded {
        keys.extend(ODDER.iter().map(|key| (*key).to_owned()));
        keys.push(format!("odd/{}", "l".repeat(1020)));
    }
    for key in &keys {
        let put = target.client.put_object().bucket(&target.bucket).key(key);
        put.body(ByteStream::from(key.clone().into_bytes())).send().await.unwrap();
    }
    let mut listed = Vec::new();
    let mut pages = target.client.list_objects_v2().bucket(&target.bucket).into_paginator().send();
    while let Some(page) = pages.next().await {
        listed.extend(page.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    for key in &keys {
        assert!(listed.contains(key), "{key:?} is listed");
        assert_eq!(target.bytes(key).await, key.as_bytes(), "{key:?}");
        target.delete(key).await;
        assert!(target.client.get_object().bucket(&target.bucket).key(key).send().await.is_err(), "{key:?} is gone");
    }
}

pub(crate) async fn no_key_leaves_its_bucket(target: Arc<Target>) {
    let other = format!("{}-other", target.bucket);
    target.client.create_bucket().bucket(&other).send().await.unwrap();
    let put = target.client.put_object().bucket(&other).key("secret").body(ByteStream::from_static(b"secret"));
    put.send().await.unwrap();
    for up in ["..", "a/../..", "%2e%2e", "a/%2e%2e/%2e%2e"] {
        let key = format!("{up}/{other}/secret");
        let get = target.client.get_object().bucket(&target.bucket).key(&key).send().await;
        assert!(get.is_err(), "{key} is no way into another bucket");
        let put = target.client.put_object().bucket(&target.bucket).key(&key).body(ByteStream::from_static(b"evil"));
        // Storing it under its very name is right, refusing it is too.
        let _ = put.send().await;
    }
    let get = target.client.get_object().bucket(&other).key("secret").send().await.unwrap();
    assert_eq!(get.body.collect().await.unwrap().to_vec(), b"secret");
    let list = target.client.list_objects_v2().bucket(&other).send().await.unwrap();
    assert_eq!(list.key_count(), Some(1));
}
