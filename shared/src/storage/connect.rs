//! Clients of the store.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region, ResponseChecksumValidation, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::bucket::Bucket;
use super::direct::{Connectors, Direct};
use super::fault::StoreError;
use super::selftest;
use crate::cloud::{self, named_region};
use crate::config::Config;

/// Tries of one request, the first included. A retried write may meet its own first attempt: see
/// [`super::record`].
const ATTEMPTS: u32 = 4;

/// The longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// The longest wait for the head of a response, a small body on its way to the store included.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(20);

/// The same where a large body is on its way, or the store has much to copy.
const WRITE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The buckets that a process works on. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    /// Everything Pannier writes.
    pub main: Bucket,
    /// The folders served as archives; the same bucket unless a directory is mounted.
    pub archives: Bucket,
    /// What precedes an archive's hash in the keys of its objects.
    pub archive_prefix: Arc<str>,
    /// Whether the main bucket is in this process, where no client can reach it by itself.
    pub in_process: bool,
}

/// How requests reach a store.
pub enum Transport {
    /// Over the network, with the usual `AWS_*` variables.
    Network,
    /// Over the network, with this access key and secret key.
    NetworkAs(String, String),
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
        let in_process = matches!(transport, Transport::InProcess { .. });
        let main = bucket(config, transport, &config.bucket).await;
        Self { archives: main.clone(), main, archive_prefix: config.archive_prefix.as_str().into(), in_process }
    }

    /// Serves the folders of another bucket as archives.
    #[must_use]
    pub async fn with_archives(self, config: &Config, transport: Transport, bucket: &str) -> Self {
        Self { archives: self::bucket(config, transport, bucket).await, ..self }
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

/// Settings of an operation that may take long.
pub(super) fn patient() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::Config::builder().timeout_config(timeouts(WRITE_LIMIT))
}

/// The limit is that of one attempt as the SDK counts it: a limit of its HTTP client could not differ between
/// operations, and would count the body too.
fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).operation_attempt_timeout(attempt).build()
}

async fn bucket(config: &Config, transport: Transport, name: &str) -> Bucket {
    let (endpoint, in_process, keys) = match transport {
        Transport::Network => (config.s3_endpoint.as_deref(), None, None),
        Transport::NetworkAs(access, secret) => (config.s3_endpoint.as_deref(), None, Some((access, secret))),
        Transport::InProcess { client, credentials } => (Some(IN_PROCESS), Some(client), Some(credentials)),
    };
    let mut shared = match keys {
        Some((access, secret)) => cloud::known(
            region(endpoint).or_else(named_region),
            Some(Credentials::new(access, secret, None, None, "configured")),
        ),
        None => (config.cloud)(region(endpoint)).await.into_builder(),
    };
    if endpoint.is_some() {
        // Only AWS itself has other endpoints for FIPS and dual stack.
        shared = shared.use_fips(false).use_dual_stack(false);
    }
    let shared = cloud::at(shared, endpoint)
        .retry_config(
            RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(50)),
        )
        .timeout_config(timeouts(READ_LIMIT))
        // Slow readers are legitimate; a stalled store is noticed by whoever reads its body.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    let connectors = Connectors::new(in_process.unwrap_or_else(https));
    // Only there are URLs known to be path-style: not where the SDK finds an endpoint by itself.
    let direct =
        endpoint.and(shared.region()).and_then(|region| Direct::new(&shared, region.as_ref(), connectors.clone()));
    let builder = aws_sdk_s3::config::Builder::from(&shared)
        .http_client(connectors)
        .force_path_style(endpoint.is_some())
        // Bodies are checked where they are used, against our own record of them.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    Bucket::new(Client::from_conf(builder.build()), name, endpoint.is_none_or(is_private), &shared, direct)
}

/// As the SDK would make it by itself, but without a proxy.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}

/// The region to sign for. Only for AWS itself is it worth asking further than the environment: the chain
/// of the SDK ends at the metadata service of a virtual machine, which other networks let hang.
fn region(endpoint: Option<&str>) -> Option<Region> {
    match endpoint {
        Some(IN_PROCESS) => Some(Region::from_static("us-east-1")),
        Some(_) => Some(named_region().unwrap_or(Region::from_static("us-east-1"))),
        None => None,
    }
}

/// Stands for the store in this process; the name can never be resolved. To `http:` the SDK would sign streams chunk by
/// chunk, whatever it is told: a sixth of all the work for an upload.
const IN_PROCESS: &str = "https://embedded.invalid";

/// Whether nobody between here and the store could change a body, so that its CRC-32 is check enough and
/// it need not be hashed for the signature (125 MB/s where the processor has no SHA instructions).
fn is_private(endpoint: &str) -> bool {
    let uri: Option<http::Uri> = endpoint.parse().ok();
    let (scheme, host) = uri.as_ref().map_or((None, ""), |uri| (uri.scheme_str(), uri.host().unwrap_or_default()));
    endpoint == IN_PROCESS || scheme == Some("https") || matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}
