//! Credentials and region as every tool of AWS finds them: variables, profiles, roles, the metadata of a machine.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use futures_util::future::BoxFuture;

/// All the ways of the SDK.
pub(crate) fn anywhere(region: Option<Region>) -> BoxFuture<'static, SdkConfig> {
    Box::pin(async {
        // Each client has its own; and a wrong one, which other tools may take for a right one, would end the program here.
        let loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::standard());
        match region {
            Some(region) => loader.region(region),
            None => loader,
        }
        .load()
        .await
    })
}
