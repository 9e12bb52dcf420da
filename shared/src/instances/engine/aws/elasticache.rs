//! Redis on ElastiCache: a replication group of one node, because only such a group may have encryption and a password.

use serde::Deserialize;

use super::secret::{self, Asked, Kept};
use super::service::{Address, Form, List, Query};
use super::trouble::{Trouble, found};
use super::{Aws, LOOK, Password, Provided, Step, Wanted, conflict, is_lost, tags, unavailable};
use crate::instances::record::Place;

/// The engine's version: the last of Redis.
const VERSION: &str = "7.1";

/// How long snapshots are kept, in days.
const SNAPSHOTS: u32 = 1;

/// Types of nodes and their `maxmemory` in bytes (ElastiCache user guide, "Redis OSS node-type specific parameters"), the
/// smallest first.
const NODES: [(&str, u64); 4] = [
    ("cache.t4g.micro", 536_870_912),
    ("cache.t4g.small", 1_471_026_299),
    ("cache.t4g.medium", 3_317_862_236),
    ("cache.m6g.large", 6_854_542_746),
];

/// Of which this part is reserved for snapshots, by default, in percent.
const RESERVED: u64 = 25;

#[derive(Deserialize)]
struct Described {
    #[serde(rename = "DescribeReplicationGroupsResult")]
    result: Groups,
}

#[derive(Deserialize)]
struct Groups {
    #[serde(rename = "ReplicationGroups", default)]
    list: List<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    #[serde(default)]
    status: String,
    pending_modified_values: Option<PendingValues>,
    #[serde(default)]
    node_groups: List<NodeGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PendingValues {
    auth_token_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeGroup {
    primary_endpoint: Option<Address>,
}

impl Group {
    fn place(self) -> Option<Place> {
        self.node_groups.members.into_iter().next()?.primary_endpoint?.place(true)
    }
}

pub(super) async fn provide(aws: &Aws, wanted: &Wanted<'_>, kept: &Kept, memory: u32) -> Result<Provided, Trouble> {
    let (elasticache, name) = (&aws.services().await?.elasticache, aws.name(wanted.id));
    let Some(found) = find(elasticache, &name).await? else {
        if is_lost(kept) {
            return Ok(Provided::Failed("Its database is gone.".to_owned()));
        }
        return create(aws, wanted, memory).await;
    };
    Ok(match found.status.as_str() {
        // It is used while a snapshot is made.
        "available" | "snapshotting" => found.place().map_or(Provided::Pending(LOOK), Provided::Ready),
        status @ ("create-failed" | "restore-failed") => Provided::Failed(format!("The cloud says of it: {status}.")),
        _ => Provided::Pending(LOOK),
    })
}

pub(super) async fn remove(aws: &Aws, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
    let (elasticache, name) = (&aws.services().await?.elasticache, aws.name(wanted.id));
    let Some(found) = find(elasticache, &name).await? else { return Ok(Step::Done) };
    if found.status != "deleting" {
        let delete = named(&name).with("RetainPrimaryCluster", false);
        match elasticache.tell("DeleteReplicationGroup", delete, "delete a cache").await {
            // It has to be made first; or somebody else was quicker.
            Err(trouble) if !trouble.is_early() && !trouble.is("ReplicationGroupNotFound") => return Err(trouble),
            _ => {}
        }
    }
    Ok(Step::Pending(LOOK))
}

/// First both passwords let in, then the new one alone: ElastiCache has no other way. How far that is is written down, because
/// it does not tell which passwords it knows.
pub(super) async fn set_password(
    aws: &Aws,
    wanted: &Wanted<'_>,
    kept: Kept,
    next: Password<'_>,
) -> Result<Step, Trouble> {
    let (elasticache, name) = (&aws.services().await?.elasticache, aws.name(wanted.id));
    let Some(found) = find(elasticache, &name).await? else {
        return Err(unavailable().caused_by("the cache is gone").into());
    };
    let pending = found.pending_modified_values.is_some_and(|pending| pending.auth_token_status.is_some());
    if pending || found.status != "available" {
        return Ok(Step::Pending(LOOK));
    }
    let asked = match kept.asked(next) {
        None => begin(elasticache, &name, next).await,
        Some(Asked::Both) => modify(elasticache, &name, next, "SET").await.map(|()| Asked::New),
        Some(Asked::New) => {
            secret::settle(aws, wanted.id, kept, next).await?;
            return Ok(Step::Done);
        }
    };
    match asked {
        Ok(asked) => secret::ask(aws, wanted.id, kept, next, asked).await?,
        Err(trouble) if trouble.is_early() => {}
        Err(trouble) => return Err(trouble),
    }
    Ok(Step::Pending(LOOK))
}

/// Adds the new password. If that is refused, it may have been added by somebody who was not heard of again: then it can be
/// made the only one. If that is refused, too, nothing has changed.
async fn begin(elasticache: &Query, name: &str, next: Password<'_>) -> Result<Asked, Trouble> {
    match modify(elasticache, name, next, "ROTATE").await {
        Err(trouble) if trouble.is_refusal() => match modify(elasticache, name, next, "SET").await {
            Err(trouble) if trouble.is_refusal() => Err(conflict("The cloud refuses another password.").into()),
            done => done.map(|()| Asked::New),
        },
        done => done.map(|()| Asked::Both),
    }
}

async fn modify(elasticache: &Query, name: &str, password: Password<'_>, strategy: &str) -> Result<(), Trouble> {
    let modify = named(name).with("ApplyImmediately", true).with("AuthToken", password.0);
    let modify = modify.with("AuthTokenUpdateStrategy", strategy);
    elasticache.tell("ModifyReplicationGroup", modify, "set a password").await
}

async fn find(elasticache: &Query, name: &str) -> Result<Option<Group>, Trouble> {
    let described = elasticache.ask::<Described>("DescribeReplicationGroups", named(name), "look for a cache").await;
    let found = found(described, "ReplicationGroupNotFound")?;
    Ok(found.and_then(|found| found.result.list.members.into_iter().next()))
}

/// The group that everything else in the form is about.
fn named(name: &str) -> Form {
    Form::default().with("ReplicationGroupId", name)
}

async fn create(aws: &Aws, wanted: &Wanted<'_>, memory: u32) -> Result<Provided, Trouble> {
    let (elasticache, settings) = (&aws.services().await?.elasticache, &aws.settings);
    let Some(node) = node_for(memory) else {
        return Ok(Provided::Failed("No node has as much memory.".to_owned()));
    };
    let create = named(&aws.name(wanted.id))
        .with("ReplicationGroupDescription", "An instance that a user asked for")
        .with("Engine", "redis")
        .with("EngineVersion", VERSION)
        .with("CacheNodeType", node)
        .with("NumCacheClusters", 1)
        .with("AutomaticFailoverEnabled", false)
        .with("MultiAZEnabled", false)
        .with("TransitEncryptionEnabled", true)
        .with("AuthToken", wanted.password.0)
        .with("AtRestEncryptionEnabled", true)
        .with_some("KmsKeyId", settings.kms_key.as_deref())
        .with("CacheSubnetGroupName", aws.subnet_group()?)
        .list("SecurityGroupIds.SecurityGroupId", &settings.security_groups)
        .with("SnapshotRetentionLimit", SNAPSHOTS)
        .tags(tags(wanted));
    match elasticache.tell("CreateReplicationGroup", create, "create a cache").await {
        Err(trouble) if !trouble.is("ReplicationGroupAlreadyExists") => Err(trouble),
        _ => Ok(Provided::Pending(LOOK)),
    }
}

/// The smallest type of node that holds so many MB beside what is reserved.
fn node_for(memory: u32) -> Option<&'static str> {
    let wanted = u64::from(memory) * 1024 * 1024;
    let node = NODES.iter().find(|(_, bytes)| bytes / 100 * (100 - RESERVED) >= wanted)?;
    Some(node.0)
}

#[cfg(test)]
mod tests {
    use super::node_for;

    #[test]
    fn a_node_holds_what_is_asked_for_and_is_the_smallest() {
        for (memory, node) in [
            (64, "cache.t4g.micro"),
            (383, "cache.t4g.micro"),
            (385, "cache.t4g.small"),
            (1052, "cache.t4g.small"),
            (1053, "cache.t4g.medium"),
            (2373, "cache.t4g.medium"),
            (2374, "cache.m6g.large"),
            (4096, "cache.m6g.large"),
        ] {
            assert_eq!(node_for(memory), Some(node), "{memory}");
        }
        assert_eq!(node_for(8192), None);
    }
}
