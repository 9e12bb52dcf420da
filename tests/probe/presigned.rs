//! Presigned URLs, used as a browser would: a plain HTTP client that knows no S3.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::{Target, noise, peer, status};

/// Sends a request with a client that was not built for the store.
pub(crate) async fn send(method: Method, url: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder().method(method).uri(url).body(Full::new(Bytes::from(body))).unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

/// A URL that lets anyone put this object for an hour.
pub(crate) async fn presigned_put(endpoint: &str, keys: &(String, String), bucket: &str, key: &str) -> String {
    let client = peer::client(endpoint, keys, None);
    client.put_object().bucket(bucket).key(key).presigned(hour()).await.unwrap().uri().to_owned()
}

fn hour() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap()
}

pub(crate) async fn get_and_put(target: Arc<Target>) {
    // Presigning needs the address that will be used, whatever the target's own client does.
    let client = peer::client(&target.endpoint, &target.keys, None);
    let (key, body) = ("presigned/a b+\u{e9}.bin", noise(5, 300_000));
    let put = client.put_object().bucket(&target.bucket).key(key).presigned(hour()).await.unwrap();
    let (answer, text) = send(Method::PUT, put.uri(), body.clone()).await;
    assert_eq!(answer, StatusCode::OK, "{text:?}");
    let get = client.get_object().bucket(&target.bucket).key(key).response_content_type("text/x-test");
    let get = get.presigned(hour()).await.unwrap();
    let (answer, bytes) = send(Method::GET, get.uri(), Vec::new()).await;
    assert_eq!(answer, StatusCode::OK);
    assert!(bytes == body);
}

pub(crate) async fn a_wrong_signature_is_refused(target: Arc<Target>) {
    let key = "presigned/secret";
    target.put(key, b"x".to_vec()).await;
    let wrong = peer::client(&target.endpoint, &(target.keys.0.clone(), "wrong".into()), None);
    assert_eq!(status(&wrong.get_object().bucket(&target.bucket).key(key).send().await.unwrap_err()), 403);
    let write = wrong.put_object().bucket(&target.bucket).key(key).body(ByteStream::from(noise(1, 3_000_000)));
    assert_eq!(status(&write.send().await.unwrap_err()), 403);
    let unknown = peer::client(&target.endpoint, &("nobody".into(), target.keys.1.clone()), None);
    assert_eq!(status(&unknown.list_buckets().send().await.unwrap_err()), 403);
    let signed = wrong.get_object().bucket(&target.bucket).key(key).presigned(hour()).await.unwrap();
    assert_eq!(send(Method::GET, signed.uri(), Vec::new()).await.0, StatusCode::FORBIDDEN);
    let plain = format!("{}/{}/{key}", target.endpoint, target.bucket);
    assert_eq!(send(Method::GET, &plain, Vec::new()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(target.bytes(key).await, b"x");
}
