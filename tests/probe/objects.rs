//! Single objects: metadata, checksums, copies, deletions, reads under way.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumMode, Delete, MetadataDirective, ObjectIdentifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Peer, Target, noise, status};

pub(crate) async fn metadata_comes_back(target: Arc<Target>) {
    for (key, body) in [("objects/meta-small", noise(1, 10)), ("objects/meta-large", noise(1, 200_000))] {
        let expires = DateTime::from_secs(4_000_000_000);
        let put = target.client.put_object().bucket(&target.bucket).key(key).body(body.into());
        let put = put.content_type("image/x-test").content_disposition("inline; filename=\"a.png\"");
        let put = put.content_language("ru").cache_control("max-age=5").content_encoding("identity").expires(expires);
        put.metadata("name", "value, with \"marks\"").metadata("other", "2").send().await.unwrap();
        let head = target.client.head_object().bucket(&target.bucket).key(key).send().await.unwrap();
        assert_eq!(head.content_type(), Some("image/x-test"));
        assert_eq!(head.content_disposition(), Some("inline; filename=\"a.png\""));
        assert_eq!(head.content_language(), Some("ru"));
        assert_eq!(head.cache_control(), Some("max-age=5"));
        assert_eq!(head.content_encoding(), Some("identity"));
        assert_eq!(head.expires_string(), Some("Tue, 02 Oct 2096 07:06:40 GMT"));
        let metadata = head.metadata().unwrap();
        assert_eq!((metadata["name"].as_str(), metadata["other"].as_str()), ("value, with \"marks\"", "2"));
    }
}

pub(crate) async fn response_headers_are_overridden(target: Arc<Target>) {
    let key = "objects/override";
    let put = target.client.put_object().bucket(&target.bucket).key(key).body(ByteStream::from_static(b"x"));
    put.content_type("text/plain").send().await.unwrap();
    let get = target.client.get_object().bucket(&target.bucket).key(key).response_content_type("text/html");
    let get = get.response_content_disposition("attachment").response_cache_control("no-store").send().await.unwrap();
    assert_eq!(get.content_type(), Some("text/html"));
    assert_eq!(get.content_disposition(), Some("attachment"));
    assert_eq!(get.cache_control(), Some("no-store"));
}

pub(crate) async fn checksums_are_verified_and_kept(target: Arc<Target>) {
    for (key, body) in [("objects/sum-small", noise(2, 100)), ("objects/sum-large", noise(2, 300_000))] {
        let put = || target.client.put_object().bucket(&target.bucket).key(key).body(ByteStream::from(body.clone()));
        let wrong = put().checksum_crc32(BASE64.encode([1, 2, 3, 4])).send().await.unwrap_err();
        assert_eq!(status(&wrong), 400, "{:?}", wrong.code());
        let wrong = put().content_md5(BASE64.encode([7; 16])).send().await.unwrap_err();
        assert_eq!(wrong.code(), Some("BadDigest"));
        let wrong = put().checksum_sha256(BASE64.encode([7; 32])).send().await.unwrap_err();
        assert_eq!(status(&wrong), 400, "{:?}", wrong.code());
        let head = || target.client.head_object().bucket(&target.bucket).key(key);
        assert_eq!(status(&head().send().await.unwrap_err()), 404, "nothing was stored");
        let crc32 = BASE64.encode(crc32fast::hash(&body).to_be_bytes());
        put().checksum_crc32(&crc32).send().await.unwrap();
        let head = head().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(head.checksum_crc32(), Some(crc32.as_str()));
        assert_eq!(head.content_length(), i64::try_from(body.len()).ok());
    }
}

pub(crate) async fn copies_share_content_and_choose_metadata(target: Arc<Target>) {
    for (name, body) in [("small", noise(3, 100)), ("large", noise(3, 300_000))] {
        let (source, copy_key) = (format!("objects/copy-{name}"), format!("objects/copied {name}+"));
        let put = target.client.put_object().bucket(&target.bucket).key(&source).body(ByteStream::from(body.clone()));
        let put = put.metadata("a", "1").content_type("text/a").send().await.unwrap();
        let from = format!("{}/{source}", target.bucket);
        let copy = || target.client.copy_object().bucket(&target.bucket).key(&copy_key).copy_source(&from);
        let refused = copy().copy_source_if_match("\"00000000000000000000000000000000\"").send().await.unwrap_err();
        assert_eq!(status(&refused), 412);
        copy().copy_source_if_match(put.e_tag().unwrap()).send().await.unwrap();
        target.delete(&source).await;
        let get = target.client.get_object().bucket(&target.bucket).key(&copy_key).send().await.unwrap();
        assert_eq!((get.content_type(), get.e_tag()), (Some("text/a"), put.e_tag()));
        assert_eq!(get.metadata().unwrap()["a"], "1");
        assert!(get.body.collect().await.unwrap().to_vec() == body);
        replace_metadata(&target, &copy_key).await;
        assert!(target.bytes(&copy_key).await == body);
    }
}

/// A copy onto itself with other metadata: the bytes are shared with what it replaces.
async fn replace_metadata(target: &Target, key: &str) {
    let encoded = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
    let from = format!("{}/{encoded}", target.bucket);
    let copy = target.client.copy_object().bucket(&target.bucket).key(key);
    let copy = copy.copy_source(from).metadata("b", "2").content_type("text/b");
    let copy = copy.metadata_directive(MetadataDirective::Replace);
    copy.send().await.unwrap();
    let head = target.client.head_object().bucket(&target.bucket).key(key);
    let head = head.send().await.unwrap();
    assert_eq!(head.content_type(), Some("text/b"));
    assert_eq!(head.metadata().unwrap().keys().collect::<Vec<_>>(), ["b"]);
}

pub(crate) async fn many_are_deleted_at_once(target: Arc<Target>) {
    let keys: Vec<String> = (0..20).map(|n| format!("objects/many {n}")).collect();
    for key in &keys {
        target.put(key, b"x".to_vec()).await;
    }
    let ids = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let absent = ObjectIdentifier::builder().key("objects/many absent").build().unwrap();
    let delete = Delete::builder().set_objects(Some(ids.chain([absent]).collect())).build().unwrap();
    let deleted = target.client.delete_objects().bucket(&target.bucket).delete(delete).send().await.unwrap();
    assert_eq!(deleted.deleted().len(), 21, "what is not there counts as deleted");
    assert!(deleted.errors().is_empty());
    let left = target.client.list_objects_v2().bucket(&target.bucket).prefix("objects/many").send().await.unwrap();
    assert_eq!(left.key_count(), Some(0));
}

pub(crate) async fn a_read_finishes_what_it_began(target: Arc<Target>) {
    let key = "objects/under-way";
    let (old, new) = (noise(4, 24 << 20), noise(5, 24 << 20));
    let put = |body: &Vec<u8>| {
        target.client.put_object().bucket(&target.bucket).key(key).body(ByteStream::from(body.clone())).send()
    };
    put(&old).await.unwrap();
    let mut read = target.client.get_object().bucket(&target.bucket).key(key).send().await.unwrap().body;
    let mut bytes = read.next().await.unwrap().unwrap().to_vec();
    put(&new).await.unwrap();
    target.delete(key).await;
    while let Some(frame) = tokio::time::timeout(Duration::from_secs(60), read.next()).await.unwrap() {
        match frame {
            Ok(frame) => bytes.extend(frame),
            // MinIO keeps no bytes for a reader: it breaks off, which is not wrong.
            Err(_) if target.peer == Peer::Minio => return,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(bytes == old, "one version, whole");
}

pub(crate) async fn missing_things_have_their_codes(target: Arc<Target>) {
    let get = target.client.get_object().bucket(&target.bucket).key("objects/absent").send().await.unwrap_err();
    assert!(get.into_service_error().is_no_such_key());
    let head = target.client.head_object().bucket(&target.bucket).key("objects/absent").send().await.unwrap_err();
    assert!(head.into_service_error().is_not_found());
    let list = target.client.list_objects_v2().bucket("probe-no-such-bucket").send().await.unwrap_err();
    assert!(list.into_service_error().is_no_such_bucket());
    let put = target.client.put_object().bucket("probe-no-such-bucket").key("k").body(ByteStream::from_static(b"x"));
    assert_eq!(put.send().await.unwrap_err().code(), Some("NoSuchBucket"));
    let head = target.client.head_bucket().bucket("probe-no-such-bucket").send().await.unwrap_err();
    assert_eq!(status(&head), 404);
    target.put("objects/there", b"x".to_vec()).await;
    let delete = target.client.delete_bucket().bucket(&target.bucket).send().await.unwrap_err();
    assert_eq!(delete.code(), Some("BucketNotEmpty"));
    let long = target.client.put_object().bucket(&target.bucket).key("k".repeat(1025));
    assert_eq!(long.body(ByteStream::from_static(b"x")).send().await.unwrap_err().code(), Some("KeyTooLongError"));
}
