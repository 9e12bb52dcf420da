//! Whom AWS has to do with: credentials and region, the same for every service.
//!
//! A function is told both by its variables, and looks nowhere else: the other ways of the SDK (profiles, roles by a web
//! identity, metadata of machines) are 0.6 MB of each function. The local program, which may run anywhere, brings them along.

use std::future::ready;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use futures_util::future::BoxFuture;

use crate::config::variable;

/// Finds what the clients of all services begin with; the region too, if none is given.
pub type Cloud = fn(Option<Region>) -> BoxFuture<'static, SdkConfig>;

/// By the variables that Lambda sets (developer guide, "Defined runtime environment variables"), which stay as they are for
/// as long as the process lives; and those by which the SDKs are told of another endpoint.
pub fn environment(region: Option<Region>) -> BoxFuture<'static, SdkConfig> {
    let region = region.or_else(named_region);
    let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
    let credentials = keys
        .map(|(access, secret)| Credentials::new(access, secret, variable("AWS_SESSION_TOKEN"), None, "environment"));
    let mut found = known(region, credentials).use_fips(is_on("AWS_USE_FIPS_ENDPOINT"));
    found = found.use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
    found.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    Box::pin(ready(found.build()))
}

/// The region that the variables name.
pub fn named_region() -> Option<Region> {
    variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).map(Region::new)
}

/// What clients begin with where everything is known.
pub(crate) fn known(region: Option<Region>, credentials: Option<Credentials>) -> aws_types::sdk_config::Builder {
    let mut config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(region);
    config.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
    config
}

/// The HTTP client that SDKs make by themselves.
pub(crate) fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}

fn is_on(name: &str) -> bool {
    variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
