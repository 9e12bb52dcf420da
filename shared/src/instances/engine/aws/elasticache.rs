//! Redis on ElastiCache: a replication group of one node, because only such a group may have encryption and a password.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{AuthTokenUpdateStrategyType as Strategy, ReplicationGroup, Tag};

use super::secret::{self, Asked, Kept};
use super::trouble::{Trouble, found};
use super::{Aws, LOOK, Password, Provided, Step, Wanted, conflict, is_lost, tags, unavailable};
use crate::instances::record::Place;

/// The engine's version: the last of Redis.
const VERSION: &str = "7.1";

/// How long snapshots are kept, in days.
const SNAPSHOTS: i32 = 1;

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

pub(super) async fn provide(aws: &Aws, wanted: &Wanted<'_>, kept: &Kept, memory: u32) -> Result<Provided, Trouble> {
    let (client, name) = (&aws.clients().await.elasticache, aws.name(wanted.id));
    let Some(found) = find(client, &name).await? else {
        if is_lost(kept) {
            return Ok(Provided::Failed("Its database is gone.".to_owned()));
        }
        return create(aws, wanted, memory).await;
    };
    Ok(match found.status().unwrap_or_default() {
        // It is used while a snapshot is made.
        "available" | "snapshotting" => place(&found).map_or(Provided::Pending(LOOK), Provided::Ready),
        status @ ("create-failed" | "restore-failed") => Provided::Failed(format!("The cloud says of it: {status}.")),
        _ => Provided::Pending(LOOK),
    })
}

pub(super) async fn remove(aws: &Aws, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
    let (client, name) = (&aws.clients().await.elasticache, aws.name(wanted.id));
    let Some(found) = find(client, &name).await? else { return Ok(Step::Done) };
    if found.status() != Some("deleting") {
        let delete = client.delete_replication_group().replication_group_id(name).retain_primary_cluster(false);
        match delete.send().await.map_err(|error| Trouble::of("delete a cache", error)) {
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
    let (client, name) = (&aws.clients().await.elasticache, aws.name(wanted.id));
    let Some(found) = find(client, &name).await? else {
        return Err(unavailable().caused_by("the cache is gone").into());
    };
    let pending = found.pending_modified_values().is_some_and(|pending| pending.auth_token_status().is_some());
    if pending || found.status() != Some("available") {
        return Ok(Step::Pending(LOOK));
    }
    let asked = match kept.asked(next) {
        None => begin(client, &name, next).await,
        Some(Asked::Both) => modify(client, &name, next, Strategy::Set).await.map(|()| Asked::New),
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
async fn begin(client: &Client, name: &str, next: Password<'_>) -> Result<Asked, Trouble> {
    match modify(client, name, next, Strategy::Rotate).await {
        Err(trouble) if trouble.is_refusal() => match modify(client, name, next, Strategy::Set).await {
            Err(trouble) if trouble.is_refusal() => Err(conflict("The cloud refuses another password.").into()),
            done => done.map(|()| Asked::New),
        },
        done => done.map(|()| Asked::Both),
    }
}

async fn modify(client: &Client, name: &str, password: Password<'_>, strategy: Strategy) -> Result<(), Trouble> {
    let modify = client.modify_replication_group().replication_group_id(name).apply_immediately(true);
    let modified = modify.auth_token(password.0).auth_token_update_strategy(strategy).send().await;
    modified.map(drop).map_err(|error| Trouble::of("set a password", error))
}

async fn find(client: &Client, name: &str) -> Result<Option<ReplicationGroup>, Trouble> {
    let described = client.describe_replication_groups().replication_group_id(name).send().await;
    let described = described.map_err(|error| Trouble::of("look for a cache", error));
    let found = found(described, "ReplicationGroupNotFound")?;
    Ok(found.and_then(|found| found.replication_groups?.into_iter().next()))
}

fn place(found: &ReplicationGroup) -> Option<Place> {
    let endpoint = found.node_groups().first()?.primary_endpoint()?;
    let port = u16::try_from(endpoint.port()?).ok()?;
    Some(Place { host: endpoint.address()?.to_owned(), port, tls: true })
}

async fn create(aws: &Aws, wanted: &Wanted<'_>, memory: u32) -> Result<Provided, Trouble> {
    let (client, settings) = (&aws.clients().await.elasticache, &aws.settings);
    let Some(node) = node_for(memory) else {
        return Ok(Provided::Failed("No node has as much memory.".to_owned()));
    };
    let tags = tags(wanted).map(|(key, value)| Tag::builder().key(key).value(value).build());
    let create = client
        .create_replication_group()
        .replication_group_id(aws.name(wanted.id))
        .replication_group_description("An instance that a user asked for")
        .engine("redis")
        .engine_version(VERSION)
        .cache_node_type(node)
        .num_cache_clusters(1)
        .automatic_failover_enabled(false)
        .multi_az_enabled(false)
        .transit_encryption_enabled(true)
        .auth_token(wanted.password.0)
        .at_rest_encryption_enabled(true)
        .set_kms_key_id(settings.kms_key.clone())
        .cache_subnet_group_name(aws.subnet_group()?)
        .set_security_group_ids(Some(settings.security_groups.clone()))
        .snapshot_retention_limit(SNAPSHOTS)
        .set_tags(Some(tags.into()));
    match create.send().await.map_err(|error| Trouble::of("create a cache", error)) {
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
