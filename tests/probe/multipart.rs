//! Multipart uploads.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Peer, Target, noise, status};

const MIB: usize = 1024 * 1024;

fn crc32(bytes: &[u8]) -> String {
    BASE64.encode(crc32fast::hash(bytes).to_be_bytes())
}

fn completed(parts: impl IntoIterator<Item = CompletedPart>) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.into_iter().collect())).build()
}

fn part(number: i32, etag: Option<String>) -> CompletedPart {
    CompletedPart::builder().part_number(number).set_e_tag(etag).build()
}

/// An upload in the making.
struct Upload<'t> {
    target: &'t Target,
    key: &'static str,
    id: String,
}

impl<'t> Upload<'t> {
    async fn new(target: &'t Target, key: &'static str) -> Self {
        let create = target.client.create_multipart_upload().bucket(&target.bucket).key(key);
        let id = create.send().await.unwrap().upload_id.unwrap();
        Self { target, key, id }
    }

    async fn put(&self, number: i32, body: &[u8]) -> CompletedPart {
        let put = self.target.client.upload_part().bucket(&self.target.bucket).key(self.key).upload_id(&self.id);
        let put = put.part_number(number).body(ByteStream::from(body.to_vec())).send().await.unwrap();
        part(number, put.e_tag)
    }

    async fn complete(&self, parts: Vec<CompletedPart>) -> Result<(), String> {
        let complete = self.target.client.complete_multipart_upload().bucket(&self.target.bucket).key(self.key);
        let complete = complete.upload_id(&self.id).multipart_upload(completed(parts)).send().await;
        let code = |error: aws_sdk_s3::error::SdkError<_>| {
            use aws_sdk_s3::error::ProvideErrorMetadata as _;
            error.code().unwrap_or("none").to_owned()
        };
        complete.map(drop).map_err(code)
    }
}

pub(crate) async fn a_full_object_crc32_comes_back(target: Arc<Target>) {
    let key = "multipart/crc32";
    let (first, second) = (noise(1, 5 * MIB), noise(2, 12_345));
    let whole = [first.clone(), second.clone()].concat();
    let create = target.client.create_multipart_upload().bucket(&target.bucket).key(key);
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
    let id = create.send().await.unwrap().upload_id.unwrap();
    let mut parts = Vec::new();
    for (number, body) in [(1, &first), (2, &second)] {
        let put = target.client.upload_part().bucket(&target.bucket).key(key).upload_id(&id).part_number(number);
        let put = put.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(body.clone()));
        let put = put.send().await.unwrap();
        assert_eq!(put.checksum_crc32().unwrap(), crc32(body));
        let done = CompletedPart::builder().part_number(number).set_e_tag(put.e_tag).checksum_crc32(crc32(body));
        parts.push(done.build());
    }
    let complete = |crc: String| {
        let complete = target.client.complete_multipart_upload().bucket(&target.bucket).key(key).upload_id(&id);
        let complete = complete.multipart_upload(completed(parts.clone())).checksum_type(ChecksumType::FullObject);
        complete.checksum_crc32(crc).send()
    };
    if target.peer != Peer::Moto {
        assert!(complete(crc32(b"something else")).await.is_err(), "a wrong checksum is refused");
    }
    complete(crc32(&whole)).await.unwrap();
    let head = target.client.head_object().bucket(&target.bucket).key(key).checksum_mode(ChecksumMode::Enabled);
    let head = head.send().await.unwrap();
    assert_eq!(head.checksum_crc32().unwrap(), crc32(&whole));
    assert_eq!(head.checksum_type(), Some(&ChecksumType::FullObject));
    assert!(head.e_tag().unwrap().ends_with("-2\""));
    assert!(target.bytes(key).await == whole);
}

pub(crate) async fn parts_are_copied_from_ranges(target: Arc<Target>) {
    let source = noise(3, 11 * MIB);
    let small = noise(4, 1000);
    for (key, body) in [("multipart/source", &source), ("multipart/small", &small)] {
        target.put(key, body.clone()).await;
    }
    let upload = Upload::new(&target, "multipart/copied").await;
    let copy = async |number: i32, from: &str, range: Option<&str>| {
        let copy = target.client.upload_part_copy().bucket(&target.bucket).key(upload.key).upload_id(&upload.id);
        let copy = copy.part_number(number).copy_source(format!("{}/{from}", target.bucket));
        let copy = copy.set_copy_source_range(range.map(str::to_owned)).send().await.unwrap();
        part(number, copy.copy_part_result.unwrap().e_tag)
    };
    let from_middle = format!("bytes={}-{}", MIB + 1, 7 * MIB);
    let parts = vec![
        copy(1, "multipart/source", Some(&from_middle)).await,
        upload.put(2, &source[..5 * MIB]).await,
        copy(3, "multipart/source", None).await,
        copy(4, "multipart/small", Some("bytes=10-19")).await,
    ];
    upload.complete(parts).await.unwrap();
    let expected = [&source[MIB + 1..=7 * MIB], &source[..5 * MIB], &source, &small[10..20]].concat();
    // The copy owns its bytes: it outlives the source.
    for key in ["multipart/source", "multipart/small"] {
        target.delete(key).await;
    }
    assert!(target.bytes(upload.key).await == expected);
}

pub(crate) async fn wrong_completions_are_refused(target: Arc<Target>) {
    let upload = Upload::new(&target, "multipart/wrong").await;
    let (first, second) = (upload.put(1, &noise(1, 1000)).await, upload.put(2, &noise(2, 1000)).await);
    let missing = part(3, first.e_tag.clone());
    let other = part(2, first.e_tag.clone());
    assert_eq!(upload.complete(vec![first.clone(), second.clone()]).await.unwrap_err(), "EntityTooSmall");
    assert_eq!(upload.complete(vec![second.clone(), first.clone()]).await.unwrap_err(), "InvalidPartOrder");
    assert_eq!(upload.complete(vec![missing]).await.unwrap_err(), "InvalidPart");
    assert_eq!(upload.complete(vec![other]).await.unwrap_err(), "InvalidPart");
    upload.complete(vec![first]).await.unwrap();
    assert!(target.bytes(upload.key).await == noise(1, 1000), "the other part is not in it");
}

pub(crate) async fn a_condition_holds_for_the_completion(target: Arc<Target>) {
    let upload = Upload::new(&target, "multipart/condition").await;
    let parts = vec![upload.put(1, b"late").await];
    target.put(upload.key, b"first".to_vec()).await;
    let complete = target.client.complete_multipart_upload().bucket(&target.bucket).key(upload.key);
    let complete = complete.upload_id(&upload.id).multipart_upload(completed(parts)).if_none_match("*").send().await;
    assert!(matches!(status(&complete.unwrap_err()), 412 | 409));
    assert_eq!(target.bytes(upload.key).await, b"first");
}

pub(crate) async fn parts_and_uploads_are_listed_until_aborted(target: Arc<Target>) {
    let upload = Upload::new(&target, "multipart/listed").await;
    for number in [1, 2, 3] {
        upload.put(number, b"body").await;
    }
    let parts = target.client.list_parts().bucket(&target.bucket).key(upload.key).upload_id(&upload.id).max_parts(2);
    let parts = parts.send().await.unwrap();
    assert_eq!(parts.parts().iter().map(|part| part.part_number().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(parts.is_truncated(), Some(true));
    assert_eq!(parts.next_part_number_marker(), Some("2"));
    let listed = async || {
        // MinIO lists the uploads of one exact key only.
        let list = target.client.list_multipart_uploads().bucket(&target.bucket).prefix(upload.key);
        let list = list.send().await.unwrap();
        list.uploads().iter().filter(|listed| listed.upload_id() == Some(&upload.id)).count()
    };
    assert_eq!(listed().await, 1);
    let abort = target.client.abort_multipart_upload().bucket(&target.bucket).key(upload.key).upload_id(&upload.id);
    abort.send().await.unwrap();
    assert_eq!(listed().await, 0);
    assert_eq!(upload.complete(vec![part(1, Some("x".into()))]).await.unwrap_err(), "NoSuchUpload");
}
