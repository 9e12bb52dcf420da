//! The tap that holds functions to their policies refuses what these do not name: without that, a test behind it would
//! show nothing.

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectAttributes, ObjectIdentifier};
use tests::rights::Rights;
use tests::stack::{Backend, Door, Stack, s3};

async fn behind(stack: &Stack, function: &str) -> S3 {
    let (store, keys) = stack.store();
    s3(&Rights::of(function).guard(store).await, keys)
}

/// What the store says: nothing, if it does what it is asked.
fn code<T, E: ProvideErrorMetadata, R>(sent: Result<T, aws_sdk_s3::error::SdkError<E, R>>) -> String {
    sent.err().map(|error| error.code().unwrap_or("none").to_owned()).unwrap_or_default()
}

const DENIED: &str = "AccessDenied";

#[tokio::test]
async fn a_function_may_do_what_its_policy_says_and_no_more() {
    let Some(stack) = Stack::start(Door::Functions, Backend::Embedded).await else { return };
    stack.put("photos/a/one.txt", "1").await;
    stack.put("images/one.png", "1").await;
    let images = behind(&stack, "image-download").await;
    let put = |s3: &S3, key: &str| s3.put_object().bucket("pannier").key(key).body(ByteStream::from_static(b"2"));
    let get = |s3: &S3, key: &str| s3.get_object().bucket("pannier").key(key);
    let list = |s3: &S3, prefix: &str| s3.list_objects_v2().bucket("pannier").prefix(prefix);
    assert_eq!(code(get(&images, "images/one.png").send().await), "");
    assert_eq!(code(get(&images, "images/none.png").send().await), "NoSuchKey", "it may list, so it is told");
    assert_eq!(code(get(&images, "photos/a/one.txt").send().await), DENIED);
    assert_eq!(code(put(&images, "images/two.png").send().await), DENIED);
    assert_eq!(code(put(&images, "image-state/variants/one.png/320").send().await), "");
    assert_eq!(code(list(&images, "images/").send().await), "");
    assert_eq!(code(list(&images, "photos/").send().await), DENIED);
    let delete = Delete::builder().objects(ObjectIdentifier::builder().key("images/one.png").build().unwrap());
    let delete = images.delete_objects().bucket("pannier").delete(delete.build().unwrap());
    assert_eq!(code(delete.send().await), DENIED);
    let copy = images.copy_object().bucket("pannier").key("image-state/variants/copy");
    assert_eq!(code(copy.copy_source("pannier/photos/a/one.txt").send().await), DENIED, "nor read by a copy");
    let index = behind(&stack, "archive-index").await;
    assert_eq!(code(get(&index, "photos/a/one.txt").send().await), "");
    let attributes = index.get_object_attributes().bucket("pannier").object_attributes(ObjectAttributes::ObjectParts);
    assert_eq!(code(attributes.key("images/one.png").send().await), DENIED);
    assert_eq!(code(index.delete_object().bucket("pannier").key("photos/a/one.txt").send().await), DENIED);
    assert_eq!(code(put(&behind(&stack, "tus-create").await, "elsewhere/x").send().await), DENIED);
    assert_eq!(stack.keys("photos/").await, ["photos/a/one.txt"]);
}
