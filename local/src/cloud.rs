//! Credentials and region as every tool of AWS finds them: variables, profiles, roles, the metadata of a machine.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use futures_util::future::BoxFuture;

/// All the ways of the SDK.
pub(crate) fn anywhere(region: Option<Region>) -> BoxFuture<'static, SdkConfig> {
    Box::pin(async {
        let loader = aws_config::defaults(BehaviorVersion::latest());
        match region {
            Some(region) => loader.region(region),
            None => loader,
        }
        .load()
        .await
    })
}
