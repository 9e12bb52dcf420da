//! Whom AWS has to do with: credentials and region, the same for every service.
//!
//! A function is told both by its variables, and looks nowhere else: the other ways of the SDK (profiles, roles by a web
//! identity, metadata of machines) are 0.6 MB of each function. Of the variables that SDKs know it reads those named here and no
//! others. The local program, which may run anywhere, brings the whole of it along.

use std::future::ready;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::origin::Origin;
use aws_types::region::Region;
use aws_types::sdk_config::Builder;
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
pub(crate) fn named_region() -> Option<Region> {
    variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).map(Region::new)
}

/// What clients begin with where everything is known.
pub(crate) fn known(region: Option<Region>, credentials: Option<Credentials>) -> Builder {
    let mut config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(region);
    config.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
    config
}

/// With an endpoint that no variable and no profile takes the place of: they only do where it is nobody's decision.
pub(crate) fn at(mut config: Builder, endpoint: Option<&str>) -> Builder {
    let Some(endpoint) = endpoint else { return config };
    config.insert_origin("endpoint_url", Origin::shared_config());
    config.endpoint_url(endpoint)
}

/// Where RDS, ElastiCache, ECS and Secrets Manager are (AWS General Reference, "AWS service endpoints"): they follow one pattern,
/// in each partition of AWS, with FIPS 140 and with IPv6 beside IPv4.
pub fn endpoint(service: &str, region: &str, fips: bool, dual_stack: bool) -> String {
    // How regions begin, and the ends of names there.
    const PARTITIONS: [(&str, [&str; 2]); 7] = [
        ("cn-", ["amazonaws.com.cn", "api.amazonwebservices.com.cn"]),
        ("eusc-", ["amazonaws.eu", "api.amazonwebservices.eu"]),
        ("us-iso-", ["c2s.ic.gov", "api.aws.ic.gov"]),
        ("us-isob-", ["sc2s.sgov.gov", "api.aws.scloud"]),
        ("eu-isoe-", ["cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"]),
        ("us-isof-", ["csp.hci.ic.gov", "api.aws.hci.ic.gov"]),
        ("", ["amazonaws.com", "api.aws"]),
    ];
    let partition = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    let [single, dual] = partition.map_or([""; 2], |(_, suffixes)| *suffixes);
    // Where the one name stands for both.
    let is_dual = service == "secretsmanager" && (single == "amazonaws.com" || region.starts_with("cn-") && !fips);
    let has_fips = region.starts_with("us-gov-") && !dual_stack && matches!(service, "rds" | "elasticache");
    let fips = if fips && !has_fips { "-fips" } else { "" };
    let suffix = if dual_stack && !is_dual { dual } else { single };
    format!("https://{service}{fips}.{region}.{suffix}")
}

fn is_on(name: &str) -> bool {
    variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
