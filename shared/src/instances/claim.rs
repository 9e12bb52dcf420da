//! What instances compete for: the slots of a user's quota, and the ports of a host.
//!
//! A claim is an object, created once. The instance's record names it first and claims it then; so a claim whose record does
//! not name it, or is not there, is nobody's, however young it is. Taking such a claim away is a change and then a deletion, so
//! that of two who do it only one deletes, and nobody's new claim is hit.

use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

use super::record::{Instance, Name};
use crate::clock;
use crate::config::Ports;
use crate::error::Error;
use crate::random_name;
use crate::storage::instance_key::{parse_instance, parse_port, parse_slot};
use crate::storage::{Bucket, Creation, InstanceKey, Key, Versioned};

/// After how many milliseconds a port on which something else listened is tried again.
const BLOCKED: u64 = 10 * 60 * 1000;

/// After how many milliseconds a claim that somebody was about to delete is deleted by somebody else.
const ABANDONED: u64 = 10 * 1000;

/// Who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
enum Claim {
    /// An instance.
    Instance { owner: String, id: String },
    /// Something that is not ours.
    Blocked { since: u64 },
    /// Nobody: it is about to be deleted.
    Free { nonce: String, since: u64 },
}

impl Claim {
    fn of(name: &Name) -> Self {
        Self::Instance { owner: name.owner.clone(), id: name.id.clone() }
    }
}

/// Claims what the record names already; whether it is this instance's now.
async fn claim(bucket: &Bucket, key: &Key<'_>, name: &Name) -> Result<bool, Error> {
    let own = Claim::of(name);
    if bucket.create(key, &own).await? == Creation::Made {
        return Ok(true);
    }
    let found = bucket.read::<Claim>(key).await?;
    Ok(found.is_some_and(|found| found.value == own))
}

/// The lowest slot below `limit` that seems to be free.
pub(super) async fn free_slot(bucket: &Bucket, owner: &str, limit: u32) -> Result<Option<u32>, Error> {
    let keys = keys(bucket, &Key::Instance(InstanceKey::Slots(owner))).await?;
    let used: Vec<u32> = keys.iter().filter_map(|key| parse_slot(key)).map(|(_, number)| number).collect();
    // Those above the limit count, too: it was higher once.
    let room = used.len() < usize::try_from(limit).unwrap_or(usize::MAX);
    Ok((0..limit).find(|number| room && !used.contains(number)))
}

/// The lowest port of a range that seems to be free.
pub(super) async fn free_port(bucket: &Bucket, host: &str, range: Ports) -> Result<Option<u16>, Error> {
    let keys = keys(bucket, &Key::Instance(InstanceKey::Ports(host))).await?;
    let used: Vec<u16> = keys.iter().filter_map(|key| parse_port(key)).map(|(_, port)| port).collect();
    Ok((range.first..=range.last).find(|port| !used.contains(port)))
}

/// Claims a slot for whom the record names it.
pub(super) async fn claim_slot(bucket: &Bucket, name: &Name, number: u32) -> Result<bool, Error> {
    claim(bucket, &Key::Instance(InstanceKey::Slot { owner: &name.owner, number }), name).await
}

/// Claims a port for whom the record names it.
pub(super) async fn claim_port(bucket: &Bucket, name: &Name, host: &str, port: u16) -> Result<bool, Error> {
    claim(bucket, &Key::Instance(InstanceKey::Port { host, port }), name).await
}

/// Says that something else listens on an instance's port.
pub(super) async fn block_port(bucket: &Bucket, name: &Name, host: &str, port: u16) -> Result<(), Error> {
    let key = Key::Instance(InstanceKey::Port { host, port });
    if let Some(found) = bucket.read::<Claim>(&key).await?.filter(|found| found.value == Claim::of(name)) {
        bucket.replace(&key, &found, &Claim::Blocked { since: clock::now() }).await?;
    }
    Ok(())
}

/// Gives back what an instance has of a host's ports and of its owner's slots.
pub(super) async fn release(bucket: &Bucket, instance: &Instance, host: Option<&str>) -> Result<(), Error> {
    let name = instance.name();
    if let (Some(host), Some(port)) = (host, instance.port) {
        release_one(bucket, &Key::Instance(InstanceKey::Port { host, port }), &name).await?;
    }
    let Some(number) = instance.slot else { return Ok(()) };
    release_one(bucket, &Key::Instance(InstanceKey::Slot { owner: &instance.owner, number }), &name).await
}

async fn release_one(bucket: &Bucket, key: &Key<'_>, name: &Name) -> Result<(), Error> {
    match bucket.read::<Claim>(key).await? {
        Some(found) if found.value == Claim::of(name) => free(bucket, key, &found).await,
        _ => Ok(()),
    }
}

/// Takes every claim away that is nobody's.
pub(super) async fn sweep(bucket: &Bucket) -> Result<(), Error> {
    let (slots, ports) = try_join(
        keys(bucket, &Key::Instance(InstanceKey::AllSlots)),
        keys(bucket, &Key::Instance(InstanceKey::AllPorts)),
    )
    .await?;
    for key in slots.iter().chain(&ports) {
        sweep_one(bucket, key).await?;
    }
    Ok(())
}

async fn sweep_one(bucket: &Bucket, key: &str) -> Result<(), Error> {
    let listed = Key::Listed(key);
    // Before the record, which may name it only later.
    let Some(found) = bucket.read::<Claim>(&listed).await? else { return Ok(()) };
    let old = |since: u64, age: u64| clock::now().saturating_sub(since) > age;
    let over = match &found.value {
        Claim::Blocked { since } => old(*since, BLOCKED),
        Claim::Free { since, .. } => old(*since, ABANDONED),
        Claim::Instance { owner, id } => {
            let name = Name { owner: owner.clone(), id: id.clone() };
            let instance = name.read(bucket).await?;
            !instance.is_some_and(|instance| names(&instance.value, key))
        }
    };
    if over { free(bucket, &listed, &found).await } else { Ok(()) }
}

/// Whether an instance's record names this claim.
fn names(instance: &Instance, key: &str) -> bool {
    let slot = parse_slot(key).is_some_and(|(owner, number)| owner == instance.owner && instance.slot == Some(number));
    slot || parse_port(key).is_some_and(|(_, port)| instance.port == Some(port))
}

/// Deletes a claim as it was read; one that somebody else is about to delete is left to them.
async fn free(bucket: &Bucket, key: &Key<'_>, found: &Versioned<Claim>) -> Result<(), Error> {
    let free = Claim::Free { nonce: random_name(), since: clock::now() };
    if bucket.replace(key, found, &free).await? {
        bucket.delete(key).await?;
    }
    Ok(())
}

async fn keys(bucket: &Bucket, prefix: &Key<'_>) -> Result<Vec<String>, Error> {
    let (mut pages, mut keys) = (bucket.list(prefix), Vec::new());
    while let Some(page) = pages.next().await? {
        keys.extend(page.into_iter().map(|listed| listed.key));
    }
    Ok(keys)
}

/// The keys of every instance of a user, or of everybody.
pub(super) async fn instances(bucket: &Bucket, owner: Option<&str>) -> Result<Vec<Name>, Error> {
    let prefix = owner.map_or(InstanceKey::All, InstanceKey::Of);
    let keys = keys(bucket, &Key::Instance(prefix)).await?;
    let names = keys.iter().filter_map(|key| parse_instance(key));
    Ok(names.map(|(owner, id)| Name { owner: owner.to_owned(), id: id.to_owned() }).collect())
}
