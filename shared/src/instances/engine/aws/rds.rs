//! MySQL on RDS.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{ApplyMethod, DbInstance, Parameter, Tag};

use super::secret::{self, Asked, Kept};
use super::trouble::{Trouble, found};
use super::{Aws, LOOK, Password, Provided, Step, Wanted, is_lost, tags, unavailable};
use crate::instances::record::Place;

/// The class, the version and the storage in GiB of an instance, if nothing else is set.
const CLASS: &str = "db.t4g.micro";
/// See [`CLASS`].
const VERSION: &str = "8.0";
/// See [`CLASS`].
const STORAGE: u32 = 20;

/// How long backups are kept, in days.
const BACKUPS: i32 = 1;

/// States in which it is used; in the second one only its storage is moved.
const READY: [&str; 2] = ["available", "storage-optimization"];

/// What states begin with out of which nobody comes without help (RDS user guide, "Viewing DB instance status").
const FAILED: [&str; 6] =
    ["failed", "inaccessible-encryption", "incompatible-", "insufficient-capacity", "restore-error", "storage-full"];

/// A character set and a collation.
type Pair<'a> = (&'a str, &'a str);

pub(super) async fn provide(
    aws: &Aws,
    wanted: &Wanted<'_>,
    kept: &Kept,
    pair: (&str, &str),
) -> Result<Provided, Trouble> {
    let (client, name) = (&aws.clients().await.rds, aws.name(wanted.id));
    let Some(found) = find(client, &name).await? else {
        if is_lost(kept) {
            return Ok(Provided::Failed("Its database is gone.".to_owned()));
        }
        return create(aws, wanted, pair).await;
    };
    match found.db_instance_status().unwrap_or_default() {
        status if READY.contains(&status) => Ok(match place(&found) {
            Some(place) if !is_applying(&found) => Provided::Ready(place),
            _ => Provided::Pending(LOOK),
        }),
        "insufficient-capacity" => Ok(Provided::Failed("The cloud has no capacity for it at the moment.".to_owned())),
        status if FAILED.iter().any(|prefix| status.starts_with(prefix)) => {
            Ok(Provided::Failed(format!("The cloud says of it: {status}.")))
        }
        "stopped" => {
            let started = client.start_db_instance().db_instance_identifier(name).send().await;
            started.map_err(|error| Trouble::of("start a database", error))?;
            Ok(Provided::Pending(LOOK))
        }
        _ => Ok(Provided::Pending(LOOK)),
    }
}

pub(super) async fn remove(aws: &Aws, wanted: &Wanted<'_>, pair: (&str, &str)) -> Result<Step, Trouble> {
    let (client, name) = (&aws.clients().await.rds, aws.name(wanted.id));
    let Some(found) = find(client, &name).await? else {
        remove_parameters(aws, client, pair).await?;
        return Ok(Step::Done);
    };
    if found.db_instance_status() != Some("deleting") {
        let delete = client.delete_db_instance().db_instance_identifier(name);
        let deleted = delete.skip_final_snapshot(true).delete_automated_backups(true).send().await;
        match deleted.map_err(|error| Trouble::of("delete a database", error)) {
            // It has to be made first; or somebody else was quicker.
            Err(trouble) if !trouble.is_early() && !trouble.is("DBInstanceNotFound") => return Err(trouble),
            _ => {}
        }
    }
    Ok(Step::Pending(LOOK))
}

pub(super) async fn restart(aws: &Aws, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
    let (client, name) = (&aws.clients().await.rds, aws.name(wanted.id));
    let Some(found) = find(client, &name).await? else { return Ok(Step::Done) };
    match found.db_instance_status().unwrap_or_default() {
        // By somebody who was not heard of again; or on its way up anyway.
        "rebooting" | "starting" | "stopped" => Ok(Step::Done),
        status if READY.contains(&status) => {
            let rebooted = client.reboot_db_instance().db_instance_identifier(name).send().await;
            match rebooted.map_err(|error| Trouble::of("reboot a database", error)) {
                Ok(_) => Ok(Step::Done),
                Err(trouble) if trouble.is_early() => Ok(Step::Pending(LOOK)),
                Err(trouble) => Err(trouble),
            }
        }
        _ => Ok(Step::Pending(LOOK)),
    }
}

/// RDS has one password at a time. That it was asked for the new one is written down, because it does not tell; asking again
/// does no harm.
pub(super) async fn set_password(
    aws: &Aws,
    wanted: &Wanted<'_>,
    kept: Kept,
    next: Password<'_>,
) -> Result<Step, Trouble> {
    let (client, name) = (&aws.clients().await.rds, aws.name(wanted.id));
    let Some(found) = find(client, &name).await? else {
        return Err(unavailable().caused_by("the database is gone").into());
    };
    let pending = found.pending_modified_values().is_some_and(|pending| pending.master_user_password().is_some());
    if pending || !READY.contains(&found.db_instance_status().unwrap_or_default()) {
        return Ok(Step::Pending(LOOK));
    }
    if kept.asked(next).is_some() {
        secret::settle(aws, wanted.id, kept, next).await?;
        return Ok(Step::Done);
    }
    let modify = client.modify_db_instance().db_instance_identifier(name).apply_immediately(true);
    let modified = modify.master_user_password(next.0).send().await;
    match modified.map_err(|error| Trouble::of("set a password", error)) {
        Ok(_) => secret::ask(aws, wanted.id, kept, next, Asked::New).await?,
        Err(trouble) if trouble.is_early() => {}
        Err(trouble) if trouble.is_refusal() => {
            return Err(super::conflict("The cloud refuses another password.").into());
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(Step::Pending(LOOK))
}

async fn find(client: &Client, name: &str) -> Result<Option<DbInstance>, Trouble> {
    let described = client.describe_db_instances().db_instance_identifier(name).send().await;
    let described = described.map_err(|error| Trouble::of("look for a database", error));
    let found = found(described, "DBInstanceNotFound")?;
    Ok(found.and_then(|found| found.db_instances?.into_iter().next()))
}

fn place(found: &DbInstance) -> Option<Place> {
    let endpoint = found.endpoint()?;
    let port = u16::try_from(endpoint.port()?).ok()?;
    Some(Place { host: endpoint.address()?.to_owned(), port, tls: false })
}

/// Whether its parameters are still on their way.
fn is_applying(found: &DbInstance) -> bool {
    found.db_parameter_groups().iter().any(|group| group.parameter_apply_status() == Some("applying"))
}

async fn create(aws: &Aws, wanted: &Wanted<'_>, pair: (&str, &str)) -> Result<Provided, Trouble> {
    let (client, settings) = (&aws.clients().await.rds, &aws.settings);
    let group = provide_parameters(aws, client, pair).await?;
    let storage = i32::try_from(settings.mysql_storage.unwrap_or(STORAGE)).unwrap_or(i32::MAX);
    let tags = tags(wanted).map(|(key, value)| Tag::builder().key(key).value(value).build());
    let create = client
        .create_db_instance()
        .db_instance_identifier(aws.name(wanted.id))
        .engine("mysql")
        .engine_version(version(aws))
        .db_instance_class(settings.mysql_class.as_deref().unwrap_or(CLASS))
        .storage_type("gp3")
        .allocated_storage(storage)
        .storage_encrypted(true)
        .set_kms_key_id(settings.kms_key.clone())
        .master_username("root")
        .master_user_password(wanted.password.0)
        .db_subnet_group_name(aws.subnet_group()?)
        .set_vpc_security_group_ids(Some(settings.security_groups.clone()))
        .publicly_accessible(false)
        .multi_az(false)
        .backup_retention_period(BACKUPS)
        .copy_tags_to_snapshot(true)
        .deletion_protection(false)
        .db_parameter_group_name(group)
        .set_tags(Some(tags.into()));
    match create.send().await.map_err(|error| Trouble::of("create a database", error)) {
        Ok(_) => Ok(Provided::Pending(LOOK)),
        // Somebody else was quicker; or the last one that used the parameters went meanwhile, and they with it.
        Err(trouble) if trouble.is("DBInstanceAlreadyExists") || trouble.is("DBParameterGroupNotFound") => {
            Ok(Provided::Pending(LOOK))
        }
        Err(trouble) => Err(trouble),
    }
}

fn version(aws: &Aws) -> &str {
    aws.settings.mysql_version.as_deref().unwrap_or(VERSION)
}

/// The family of parameter groups of a version: `mysql8.0` of 8.0.39.
fn family(version: &str) -> String {
    let release: Vec<&str> = version.split('.').take(2).collect();
    format!("mysql{}", release.join("."))
}

/// The name of the parameter group for a pair: letters, digits and single hyphens.
fn group(prefix: &str, version: &str, (charset, collation): Pair<'_>) -> String {
    format!("{prefix}-{}-{charset}-{collation}", family(version).replacen("mysql", "mysql-", 1))
        .replace(['.', '_'], "-")
}

/// The name of the parameter group that has a pair in effect; it is made if there is none.
async fn provide_parameters(aws: &Aws, client: &Client, pair: Pair<'_>) -> Result<String, Trouble> {
    let (family, group) = (family(version(aws)), group(aws.settings.prefix(), version(aws), pair));
    let described = client.describe_db_parameters().db_parameter_group_name(&group).source("user").send().await;
    let described = described.map_err(|error| Trouble::of("look for parameters", error));
    let known = match found(described, "DBParameterGroupNotFound")? {
        Some(known) => known.parameters.unwrap_or_default(),
        None => {
            let create = client.create_db_parameter_group().db_parameter_group_name(&group);
            let create =
                create.db_parameter_group_family(family).description("Character set and collation of instances");
            match create.send().await.map_err(|error| Trouble::of("create parameters", error)) {
                Err(trouble) if !trouble.is("DBParameterGroupAlreadyExists") => return Err(trouble),
                _ => Vec::new(),
            }
        }
    };
    // RDS knows utf8mb3 by its old name alone in some versions.
    let old = (pair.0 == "utf8mb3").then(|| pair.1.replacen("utf8mb3", "utf8", 1));
    let old = old.as_deref().map(|collation| ("utf8", collation));
    if is_set(&known, pair) || old.is_some_and(|old| is_set(&known, old)) {
        return Ok(group);
    }
    match (set_parameters(client, &group, pair).await, old) {
        (Err(trouble), Some(old)) if trouble.is_refusal() => set_parameters(client, &group, old).await?,
        (done, _) => done?,
    }
    Ok(group)
}

fn is_set(known: &[Parameter], pair: Pair<'_>) -> bool {
    parameters(pair).iter().all(|(name, value)| {
        known.iter().any(|one| one.parameter_name() == Some(name) && one.parameter_value() == Some(value))
    })
}

fn parameters((charset, collation): Pair<'_>) -> [(&'static str, &str); 2] {
    [("character_set_server", charset), ("collation_server", collation)]
}

async fn set_parameters(client: &Client, group: &str, pair: Pair<'_>) -> Result<(), Trouble> {
    let parameters = parameters(pair).map(|(name, value)| {
        let parameter = Parameter::builder().parameter_name(name).parameter_value(value);
        parameter.apply_method(ApplyMethod::Immediate).build()
    });
    let modify = client.modify_db_parameter_group().db_parameter_group_name(group);
    let modified = modify.set_parameters(Some(parameters.into())).send().await;
    modified.map(drop).map_err(|error| Trouble::of("set parameters", error))
}

/// Goes with the last instance that used them.
async fn remove_parameters(aws: &Aws, client: &Client, pair: Pair<'_>) -> Result<(), Trouble> {
    let group = group(aws.settings.prefix(), version(aws), pair);
    let deleted = client.delete_db_parameter_group().db_parameter_group_name(group).send().await;
    match deleted.map_err(|error| Trouble::of("delete parameters", error)) {
        Err(trouble) if !trouble.is_early() && !trouble.is("DBParameterGroupNotFound") => Err(trouble),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{family, group};
    use crate::instances::spec::CHARSETS;

    #[test]
    fn a_group_has_a_name_of_its_own_that_rds_takes() {
        assert_eq!((family("8.0"), family("8.4.3")), ("mysql8.0".to_owned(), "mysql8.4".to_owned()));
        assert_eq!(group("pannier", "8.0.39", ("binary", "binary")), "pannier-mysql-8-0-binary-binary");
        let mut names = std::collections::BTreeSet::new();
        for charset in CHARSETS {
            for collation in charset.collations {
                let name = group("pannier", "8.0", (charset.name, &format!("{}_{collation}", charset.name)));
                assert!(name.len() <= 255 && !name.contains("--"), "{name}");
                assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{name}");
                assert!(names.insert(name));
            }
        }
    }
}
