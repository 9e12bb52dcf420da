//! Clients of the store.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region, ResponseChecksumValidation};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::bucket::Bucket;
use super::direct::{Connectors, Direct};
use super::fault::StoreError;
use super::selftest;
use crate::config::Config;

/// Tries of one request, the first included. A retried write may meet its own first attempt: see
/// [`super::record`].
const ATTEMPTS: u32 = 4;

/// The longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// The longest wait for the head of a response.
const READ_LIMIT: Duration = Duration::from_secs(20);

/// The buckets that a process works on. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    /// Everything Pannier writes.
    pub main: Bucket,
    /// The folders served as archives; the same bucket unless a directory is mounted.
    pub archives: Bucket,
}

/// How requests reach a store.
pub enum Transport {
    /// Over the network, with the usual `AWS_*` variables.
    Network,
    /// To a store in this process.
    InProcess {
        /// Calls the store directly.
        client: SharedHttpClient,
        /// The store's own credentials: access key and secret key.
        credentials: (String, String),
    },
}

impl Storage {
    /// Makes the clients of the configured store. Nothing is sent yet.
    pub async fn connect(config: &Config, transport: Transport) -> Self {
        let main = Bucket::new(client(config, transport).await, &config.bucket);
        Self { archives: main.clone(), main }
    }

    /// Serves the folders of another bucket as archives.
    #[must_use]
    pub async fn with_archives(self, config: &Config, transport: Transport, bucket: &str) -> Self {
        Self { archives: Bucket::new(client(config, transport).await, bucket), ..self }
    }

    /// Makes the main bucket if it is missing, and refuses a store that gets conditional writes wrong.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.main.ensure().await?;
        selftest::run(&self.main).await
    }

    /// Whether the store answers at all, for `/health`.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.main.ping().await
    }
}

/// The SDK's client, and the short way to objects where there is one.
async fn client(config: &Config, transport: Transport) -> (Client, Option<Direct>) {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    let mut in_process = None;
    if let Transport::InProcess { client, credentials: (access, secret) } = transport {
        in_process = Some(client);
        loader = loader
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new(access, secret, None, None, "embedded"))
            .endpoint_url("http://embedded.invalid");
    } else if let Some(endpoint) = &config.s3_endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let shared = loader
        .retry_config(
            RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(50)),
        )
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).read_timeout(READ_LIMIT).build())
        // Slow readers are legitimate; a stalled store is noticed by whoever reads its body.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await;
    let path_style = in_process.is_some() || config.s3_endpoint.is_some();
    let connectors = Connectors::new(in_process.unwrap_or_else(https));
    let region = shared.region().cloned().unwrap_or_else(|| Region::from_static("us-east-1"));
    let builder = aws_sdk_s3::config::Builder::from(&shared)
        .http_client(connectors.clone())
        .force_path_style(path_style)
        .region(region.clone())
        // Bodies are checked where they are used, against our own record of them.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let direct = path_style.then(|| Direct::new(&shared, region.as_ref(), connectors)).flatten();
    (Client::from_conf(builder.build()), direct)
}

/// What the SDK would make by itself.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}
