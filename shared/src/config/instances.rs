//! Database instances: what makes them, out of which images, and where they are reached.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use super::{ConfigError, check_url};

/// Ports below are the system's, and those above may be given to any outgoing connection (Linux,
/// `net.ipv4.ip_local_port_range`): a container would not get its own back after a restart.
const PORTS: std::ops::RangeInclusive<u16> = 1024..=32767;

/// What a MySQL container may use by default, in MB. MySQL 9 holds about 500 when it has nothing to do.
const MYSQL_MEMORY: u32 = 1024;

/// The bounds of what a MySQL container may be allowed, in MB: the least is enough for MariaDB.
const MYSQL_MEMORY_BOUNDS: std::ops::RangeInclusive<u32> = 384..=65_536;

/// The longest name of an image, a network or a host, in bytes.
const NAME_LIMIT: usize = 255;

/// The table `[instances]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instances {
    /// `INSTANCES_ENGINE`: what makes instances: `docker` (the default), `aws` or `off`.
    pub engine: EngineKind,
    /// `DOCKER_HOST`: where Docker answers, `unix://` and a path or `tcp://` and an address; its usual socket by default. The
    /// variable is Docker's own: anything else in it is no error until somebody asks for an instance.
    pub docker_host: String,
    /// `MYSQL_IMAGE`: an image that obeys the contract of the official `mysql` or `mariadb`; `mysql:8.0` by default.
    pub mysql_image: String,
    /// `REDIS_IMAGE`: an image that obeys the contract of the official `redis`; `redis:5.0` by default.
    pub redis_image: String,
    /// `INSTANCES_HOST`: the host that users are told; this process must reach it, too. 127.0.0.1 by default.
    pub host: String,
    /// `INSTANCES_BIND`: the address on which containers listen; 127.0.0.1 by default.
    pub bind: IpAddr,
    /// `INSTANCES_PORTS`: the ports on which they listen, as `2001-4999`, within 1024-32767.
    pub ports: Ports,
    /// The network of the containers, which keeps them apart; it is made if there is none.
    pub network: String,
    /// What a MySQL container may use, in MB: 384-65536, 1024 by default. MySQL 9 holds about 500 when idle.
    pub mysql_memory: u32,
    /// `[instances.aws]`: where managed services are made.
    pub aws: Aws,
}

/// What makes instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Containers on one machine.
    #[default]
    Docker,
    /// RDS for MySQL and ElastiCache for Redis, and ECS on Fargate for ephemeral ones.
    Aws,
    /// Nothing: every call answers 503.
    Off,
}

/// A range of ports, written `first-last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Ports {
    /// The first one.
    pub first: u16,
    /// The last one; not below the first.
    pub last: u16,
}

/// The table `[instances.aws]`: the operator's network, into which instances are put.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// `INSTANCES_PREFIX`: what the names of all that is made begin with, by which permissions are given; `pannier` by
    /// default. A letter, then at most 20 of a-z, 0-9 and '-'.
    pub prefix: Option<String>,
    /// `INSTANCES_SUBNET_GROUP`: the DB subnet group, and the cache subnet group, of this name.
    pub subnet_group: Option<String>,
    /// `INSTANCES_SUBNETS`: the subnets of ephemeral instances, comma-separated.
    pub subnets: Vec<String>,
    /// `INSTANCES_SECURITY_GROUPS`: the security groups of everything that is made, comma-separated.
    pub security_groups: Vec<String>,
    /// `INSTANCES_CLUSTER`: the ECS cluster of ephemeral instances.
    pub cluster: Option<String>,
    /// `INSTANCES_EXECUTION_ROLE`: the role by which ECS reads their secrets.
    pub execution_role: Option<String>,
    /// `INSTANCES_KMS_KEY`: the key that encrypts storage and secrets; AWS's own if not set.
    pub kms_key: Option<String>,
    /// The class of a MySQL instance; `db.t4g.micro` by default.
    pub mysql_class: Option<String>,
    /// Its engine version, as RDS knows it; `8.0` by default.
    pub mysql_version: Option<String>,
    /// Its storage in GiB, 20-65536; 20 by default.
    pub mysql_storage: Option<u32>,
    /// The URL of every AWS service, for a stand-in.
    pub endpoint: Option<String>,
}

impl Default for Instances {
    fn default() -> Self {
        Self {
            engine: EngineKind::default(),
            docker_host: "unix:///var/run/docker.sock".to_owned(),
            mysql_image: "mysql:8.0".to_owned(),
            redis_image: "redis:5.0".to_owned(),
            host: Ipv4Addr::LOCALHOST.to_string(),
            bind: Ipv4Addr::LOCALHOST.into(),
            ports: Ports { first: 2001, last: 4999 },
            network: "pannier-instances".to_owned(),
            mysql_memory: MYSQL_MEMORY,
            aws: Aws::default(),
        }
    }
}

impl TryFrom<String> for Ports {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (first, last) = text.split_once('-').ok_or("must be two ports, as 2001-4999")?;
        let port = |text: &str| text.trim().parse().ok().filter(|port| PORTS.contains(port));
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            _ => Err("must be two ports from 1024 to 32767, the lower first"),
        }
    }
}

impl Instances {
    /// Takes over what variables say.
    pub(super) fn with_variables(mut self, variable: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let texts = [
            ("DOCKER_HOST", &mut self.docker_host),
            ("MYSQL_IMAGE", &mut self.mysql_image),
            ("REDIS_IMAGE", &mut self.redis_image),
            ("INSTANCES_HOST", &mut self.host),
        ];
        for (name, setting) in texts {
            *setting = variable(name).unwrap_or_else(|| std::mem::take(setting));
        }
        let options = [
            ("INSTANCES_PREFIX", &mut self.aws.prefix),
            ("INSTANCES_SUBNET_GROUP", &mut self.aws.subnet_group),
            ("INSTANCES_CLUSTER", &mut self.aws.cluster),
            ("INSTANCES_EXECUTION_ROLE", &mut self.aws.execution_role),
            ("INSTANCES_KMS_KEY", &mut self.aws.kms_key),
        ];
        for (name, setting) in options {
            *setting = variable(name).or_else(|| setting.take());
        }
        let lists = [
            ("INSTANCES_SUBNETS", &mut self.aws.subnets),
            ("INSTANCES_SECURITY_GROUPS", &mut self.aws.security_groups),
        ];
        for (name, setting) in lists {
            *setting = variable(name).map_or_else(|| std::mem::take(setting), |list| super::split(&list));
        }
        if let Some(text) = variable("INSTANCES_ENGINE") {
            self.engine = match text.trim() {
                "docker" => EngineKind::Docker,
                "aws" => EngineKind::Aws,
                "off" => EngineKind::Off,
                _ => return Err(ConfigError::new("INSTANCES_ENGINE", "must be docker, aws or off")),
            };
        }
        if let Some(text) = variable("INSTANCES_BIND") {
            self.bind = text.parse().map_err(|_| ConfigError::new("INSTANCES_BIND", "must be an IP address"))?;
        }
        if let Some(text) = variable("INSTANCES_PORTS") {
            self.ports = Ports::try_from(text).map_err(|problem| ConfigError::new("INSTANCES_PORTS", problem))?;
        }
        Ok(self)
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let sane = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
            (1..=NAME_LIMIT).contains(&text.len()) && text.bytes().all(fits)
        };
        let names = [
            ("MYSQL_IMAGE", &self.mysql_image),
            ("REDIS_IMAGE", &self.redis_image),
            ("INSTANCES_HOST", &self.host),
            ("instances.network", &self.network),
        ];
        for (setting, name) in names {
            if !sane(name) || (setting == "INSTANCES_HOST" && name.contains('/')) {
                return Err(ConfigError::new(setting, "must be 1-255 of letters, digits and - _ . : / @"));
            }
        }
        if !MYSQL_MEMORY_BOUNDS.contains(&self.mysql_memory) {
            return Err(ConfigError::new("instances.mysql_memory", "must be a number of MB from 384 to 65536"));
        }
        self.aws.check()
    }
}

impl Aws {
    /// What the names of all that is made begin with.
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or("pannier")
    }

    fn check(&self) -> Result<(), ConfigError> {
        let prefix = self.prefix();
        let sane = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=21).contains(&prefix.len())
            || !prefix.starts_with(|first: char| first.is_ascii_lowercase())
            || !prefix.bytes().all(sane)
            // RDS and ElastiCache refuse both.
            || prefix.ends_with('-')
            || prefix.contains("--")
        {
            return Err(ConfigError::new(
                "INSTANCES_PREFIX",
                "must be a letter and at most 20 of a-z, 0-9 and single dashes, no dash last",
            ));
        }
        if self.mysql_storage.is_some_and(|gib| !(20..=65_536).contains(&gib)) {
            return Err(ConfigError::new("instances.aws.mysql_storage", "must be a number of GiB from 20 to 65536"));
        }
        check_url("endpoint of instances.aws", self.endpoint.as_deref())
    }
}
