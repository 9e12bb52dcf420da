//! Managed services of AWS.
use super::{Password, Provided, Step, Wanted, unavailable};
use crate::config::{Aws as Settings, Instances};
use crate::error::Error;
/// RDS for MySQL, ElastiCache for Redis, and ECS on Fargate for what is ephemeral.
pub struct Aws { settings: Settings }
impl Aws {
    pub(super) fn new(settings: &Instances) -> Self { Self { settings: settings.aws.clone() } }
    pub(super) async fn ping(&self) -> Result<(), Error> {
        if self.settings.subnet_group.is_some() { Ok(()) } else { Err(unavailable()) }
    }
    pub(super) async fn provide(&self, _wanted: &Wanted<'_>) -> Result<Provided, Error> { Err(unavailable()) }
    pub(super) async fn remove(&self, _wanted: &Wanted<'_>) -> Result<Step, Error> { Err(unavailable()) }
    pub(super) async fn restart(&self, _wanted: &Wanted<'_>) -> Result<Step, Error> { Err(unavailable()) }
    pub(super) async fn set_password(&self, _wanted: &Wanted<'_>, _next: Password<'_>) -> Result<Step, Error> { Err(unavailable()) }
}
