//! The stores that are probed, and how a client for one is made.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};

/// What kind of store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Ours.
    Embedded,
    /// MinIO.
    Minio,
    /// moto, the mock of the Python world.
    Moto,
}

/// A store under probe, with a bucket that is the probe's alone.
pub(crate) struct Target {
    /// Kind of store.
    pub(crate) peer: Peer,
    /// Base URL over TCP.
    pub(crate) endpoint: String,
    /// Key pair.
    pub(crate) keys: (String, String),
    /// The client that the checks use.
    pub(crate) client: Client,
    /// An empty bucket.
    pub(crate) bucket: String,
}

/// A client without retries: a check wants the first answer.
pub(crate) fn client(endpoint: &str, keys: &(String, String), http: Option<SharedHttpClient>) -> Client {
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(&keys.0, &keys.1, None, None, "probe"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .force_path_style(true);
    config.set_http_client(http);
    Client::from_conf(config.build())
}

impl Target {
    /// A target over TCP; makes the bucket.
    pub(crate) async fn over_tcp(peer: Peer, endpoint: &str, keys: (String, String), bucket: &str) -> Self {
        let client = client(endpoint, &keys, None);
        Self::new(peer, endpoint, keys, bucket, client).await
    }

    /// A target with a client of its own; makes the bucket.
    pub(crate) async fn new(peer: Peer, endpoint: &str, keys: (String, String), bucket: &str, client: Client) -> Self {
        client.create_bucket().bucket(bucket).send().await.expect("the probe's bucket is made");
        Self { peer, endpoint: endpoint.to_owned(), keys, client, bucket: bucket.to_owned() }
    }

    /// Stores an object.
    pub(crate) async fn put(&self, key: &str, body: Vec<u8>) {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        put.body(body.into()).send().await.unwrap();
    }

    /// The bytes of an object that has to be there.
    pub(crate) async fn bytes(&self, key: &str) -> Vec<u8> {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        get.send().await.unwrap().body.collect().await.unwrap().to_vec()
    }

    /// Deletes an object.
    pub(crate) async fn delete(&self, key: &str) {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        delete.send().await.unwrap();
    }
}
