//! Managed services of AWS: RDS for MySQL, ElastiCache for Redis, and tasks of ECS on Fargate for what is ephemeral. The only
//! module that knows them.
//!
//! Everything of an instance has one name, `{prefix}-{id}`, and carries tags that say for which store and for whom it is:
//!
//! | what | name |
//! |---|---|
//! | secret of Secrets Manager | `{prefix}/{id}`: made before everything else and deleted after it |
//! | DB instance, replication group, or family of task definitions | `{prefix}-{id}` |
//! | DB parameter group, shared by all instances of a kind | `{prefix}-mysql-{version}-{charset}-{collation}` |
//!
//! The secret is what makes the name ours: it is created once, and says for which store. Nothing is touched whose secret
//! belongs to another store. It holds the credentials as JSON (`username`, `password`, `host`, `port`), for applications in the
//! cloud; and how far a new password is.
//!
//! Ready is what AWS calls available. Of a task it is the health of its container, which asks the database with the password;
//! so that this process need not be in the network of what it makes.
//!
//! What is different from a container:
//! - ElastiCache has no `maxmemory` that may be set: a node has the memory of its type, of which a quarter is reserved. The
//!   smallest type that holds what was asked for is taken, so that there is room for more than that.
//! - A node of ElastiCache loses its data when it is rebooted, therefore it is not: a restart is refused. So it is for what is
//!   ephemeral, which also keeps its password.
//! - What is ephemeral gets its password from ECS as a variable, the only way there is. It is no part of its definition, and
//!   Redis is started without it.
//!
//! Credentials and region are found as for everything ([`crate::cloud`]). Nothing is asked of AWS before it is needed.

mod definition;
mod ecs;
mod elasticache;
mod rds;
mod secret;
mod service;
mod trouble;

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::sync::OnceCell;

use self::secret::Kept;
use self::service::{Json, Query};
use self::trouble::Trouble;
use super::{Password, Provided, Step, Wanted, unavailable};
use crate::cloud::{self, Cloud};
use crate::config::{Aws as Settings, Config};
use crate::error::{Error, Kind};
use crate::instances::spec::{Class, Database};

/// Tries of one call, the first included.
const ATTEMPTS: u32 = 3;

/// The longest wait for a connection, for one answer, and for the answer after all tries.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// See [`CONNECT_LIMIT`].
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
/// See [`CONNECT_LIMIT`].
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// How often it is looked at a managed service, which takes minutes for everything.
const LOOK: Duration = Duration::from_secs(15);

/// How often it is looked at a task.
const TASK_LOOK: Duration = Duration::from_secs(5);

/// Tags: the store that something was made for, its instance and whose that is.
const SITE: &str = "pannier.site";
/// See [`SITE`].
const INSTANCE: &str = "pannier.instance";
/// See [`SITE`].
const OWNER: &str = "pannier.owner";

/// RDS for MySQL, ElastiCache for Redis, and ECS on Fargate for what is ephemeral.
pub struct Aws {
    settings: Settings,
    mysql_image: String,
    redis_image: String,
    /// In MB.
    mysql_memory: u32,
    cloud: Cloud,
    services: OnceCell<Option<Services>>,
}

struct Services {
    rds: Query,
    elasticache: Query,
    ecs: Json,
    secrets: Json,
}

impl Aws {
    pub(super) fn new(config: &Config) -> Self {
        let settings = &config.instances;
        Self {
            settings: settings.aws.clone(),
            mysql_image: settings.mysql_image.clone(),
            redis_image: settings.redis_image.clone(),
            mysql_memory: settings.mysql_memory,
            cloud: config.cloud,
            services: OnceCell::new(),
        }
    }

    /// Whether it is set up: that AWS answers is found out by whoever needs it, because asking it for nothing needs a
    /// permission of its own.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.subnet_group()?;
        match self.settings.security_groups.is_empty() {
            true => Err(unset("INSTANCES_SECURITY_GROUPS")),
            false => Ok(()),
        }
    }

    pub(super) async fn provide(&self, wanted: &Wanted<'_>) -> Result<Provided, Error> {
        self.ping().await?;
        match Box::pin(self.try_provide(wanted)).await {
            Ok(provided) => Ok(provided),
            Err(trouble) => trouble.provided(wanted.id, LOOK),
        }
    }

    async fn try_provide(&self, wanted: &Wanted<'_>) -> Result<Provided, Trouble> {
        let kept = secret::claim(self, wanted).await?;
        if kept.value.site != wanted.site {
            return Ok(Provided::Failed("Another instance has its name.".to_owned()));
        }
        let provided = match (wanted.spec.class, &wanted.spec.database) {
            (Class::Ephemeral, _) => ecs::provide(self, wanted, &kept).await?,
            (Class::Standard, Database::Mysql { charset, collation }) => {
                rds::provide(self, wanted, &kept, (charset, collation)).await?
            }
            (Class::Standard, Database::Redis { memory }) => elasticache::provide(self, wanted, &kept, *memory).await?,
        };
        if let Provided::Ready(place) = &provided {
            secret::tell(self, wanted, kept, place).await?;
        }
        Ok(provided)
    }

    pub(super) async fn remove(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        Ok(Box::pin(self.try_remove(wanted)).await?)
    }

    async fn try_remove(&self, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
        let kept = secret::read(self, wanted.id).await?;
        if kept.is_some_and(|kept| kept.value.site != wanted.site) {
            // Nothing of this name is ours.
            return Ok(Step::Done);
        }
        let step = match (wanted.spec.class, &wanted.spec.database) {
            (Class::Ephemeral, _) => ecs::remove(self, wanted).await?,
            (Class::Standard, Database::Mysql { charset, collation }) => {
                rds::remove(self, wanted, (charset, collation)).await?
            }
            (Class::Standard, Database::Redis { .. }) => elasticache::remove(self, wanted).await?,
        };
        if step == Step::Done {
            secret::delete(self, wanted.id).await?;
        }
        Ok(step)
    }

    pub(super) async fn restart(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        match (wanted.spec.class, &wanted.spec.database) {
            (Class::Ephemeral, _) => Err(conflict("An ephemeral instance cannot be restarted.")),
            (Class::Standard, Database::Redis { .. }) => {
                Err(conflict("A managed Redis cannot be restarted: it would lose its data."))
            }
            (Class::Standard, Database::Mysql { .. }) => Ok(Box::pin(rds::restart(self, wanted)).await?),
        }
    }

    pub(super) async fn set_password(&self, wanted: &Wanted<'_>, next: Password<'_>) -> Result<Step, Error> {
        if wanted.spec.class == Class::Ephemeral {
            return Err(conflict("An ephemeral instance keeps its password."));
        }
        Ok(Box::pin(self.try_set_password(wanted, next)).await?)
    }

    async fn try_set_password(&self, wanted: &Wanted<'_>, next: Password<'_>) -> Result<Step, Trouble> {
        let kept = secret::claim(self, wanted).await?;
        if kept.value.site != wanted.site {
            return Err(conflict("Another instance has its name.").into());
        }
        if kept.has_only(next) {
            return Ok(Step::Done);
        }
        match wanted.spec.database {
            Database::Mysql { .. } => rds::set_password(self, wanted, kept, next).await,
            Database::Redis { .. } => elasticache::set_password(self, wanted, kept, next).await,
        }
    }

    /// What everything of an instance is called.
    fn name(&self, id: &str) -> String {
        format!("{}-{id}", self.settings.prefix())
    }

    fn subnet_group(&self) -> Result<&str, Error> {
        self.settings.subnet_group.as_deref().ok_or_else(|| unset("INSTANCES_SUBNET_GROUP"))
    }

    async fn services(&self) -> Result<&Services, Error> {
        let services = self.services.get_or_init(|| connect(self.cloud, self.settings.endpoint.clone())).await;
        services.as_ref().ok_or_else(|| unset("AWS_REGION"))
    }
}

/// `None` without a region.
async fn connect(find: Cloud, endpoint: Option<String>) -> Option<Services> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(CALL_LIMIT);
    let config = find(None).await.into_builder();
    let config =
        config.retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS)).timeout_config(timeouts.build());
    let config = cloud::at(config, endpoint.as_deref()).build();
    Some(Services {
        rds: Query::new(&config, "rds", "2014-10-31")?,
        elasticache: Query::new(&config, "elasticache", "2015-02-02")?,
        ecs: Json::new(&config, "ecs", "AmazonEC2ContainerServiceV20141113")?,
        secrets: Json::new(&config, "secretsmanager", "secretsmanager")?,
    })
}

/// Keys and values of the tags of all that is made for an instance. Names of users have no character that a service refuses.
fn tags(wanted: &Wanted<'_>) -> [(&'static str, String); 3] {
    [(SITE, wanted.site), (INSTANCE, wanted.id), (OWNER, wanted.owner)].map(|(key, value)| (key, value.to_owned()))
}

/// Of something that was there, and is not any more.
fn is_lost(kept: &Kept) -> bool {
    kept.value.host.is_some()
}

fn conflict(message: &'static str) -> Error {
    Error::new(Kind::Conflict, message)
}

/// The engine is not set up; the log says what is missing.
fn unset(setting: &'static str) -> Error {
    unavailable().caused_by(format!("{setting} is not set"))
}
