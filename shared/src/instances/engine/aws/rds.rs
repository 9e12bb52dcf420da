//! MySQL on RDS.

use serde::Deserialize;

use super::secret::{self, Asked, Kept};
use super::service::{Address, Form, List, Query};
use super::trouble::{Trouble, found};
use super::{Aws, LOOK, Password, Provided, Step, Wanted, is_lost, tags, unavailable};

/// The class, the version and the storage in GiB of an instance, if nothing else is set.
const CLASS: &str = "db.t4g.micro";
/// See [`CLASS`].
const VERSION: &str = "8.0";
/// See [`CLASS`].
const STORAGE: u32 = 20;

/// How long backups are kept, in days.
const BACKUPS: u32 = 1;

/// States in which it is used; in the second one only its storage is moved.
const READY: [&str; 2] = ["available", "storage-optimization"];

/// What states begin with out of which nobody comes without help (RDS user guide, "Viewing DB instance status").
const FAILED: [&str; 6] =
    ["failed", "inaccessible-encryption", "incompatible-", "insufficient-capacity", "restore-error", "storage-full"];

/// A character set and a collation.
type Pair<'a> = (&'a str, &'a str);

#[derive(Deserialize)]
struct Described {
    #[serde(rename = "DescribeDBInstancesResult")]
    result: Instances,
}

#[derive(Deserialize)]
struct Instances {
    #[serde(rename = "DBInstances", default)]
    list: List<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    #[serde(rename = "DBInstanceStatus", default)]
    status: String,
    endpoint: Option<Address>,
    pending_modified_values: Option<PendingValues>,
    #[serde(rename = "DBParameterGroups", default)]
    parameter_groups: List<ParameterGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PendingValues {
    master_user_password: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterGroup {
    parameter_apply_status: Option<String>,
}

#[derive(Deserialize)]
struct DescribedParameters {
    #[serde(rename = "DescribeDBParametersResult")]
    result: Parameters,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "Parameters", default)]
    list: List<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_name: Option<String>,
    parameter_value: Option<String>,
}

pub(super) async fn provide(
    aws: &Aws,
    wanted: &Wanted<'_>,
    kept: &Kept,
    pair: (&str, &str),
) -> Result<Provided, Trouble> {
    let (rds, name) = (&aws.services().await?.rds, aws.name(wanted.id));
    let Some(found) = find(rds, &name).await? else {
        if is_lost(kept) {
            return Ok(Provided::Failed("Its database is gone.".to_owned()));
        }
        return create(aws, wanted, pair).await;
    };
    match found.status.as_str() {
        status if READY.contains(&status) => {
            let is_applying = is_applying(&found);
            Ok(match found.endpoint.and_then(|endpoint| endpoint.place(false)) {
                Some(place) if !is_applying => Provided::Ready(place),
                _ => Provided::Pending(LOOK),
            })
        }
        "insufficient-capacity" => Ok(Provided::Failed("The cloud has no capacity for it at the moment.".to_owned())),
        status if FAILED.iter().any(|prefix| status.starts_with(prefix)) => {
            Ok(Provided::Failed(format!("The cloud says of it: {status}.")))
        }
        "stopped" => {
            rds.tell("StartDBInstance", named(&name), "start a database").await?;
            Ok(Provided::Pending(LOOK))
        }
        _ => Ok(Provided::Pending(LOOK)),
    }
}

pub(super) async fn remove(aws: &Aws, wanted: &Wanted<'_>, pair: (&str, &str)) -> Result<Step, Trouble> {
    let (rds, name) = (&aws.services().await?.rds, aws.name(wanted.id));
    let Some(found) = find(rds, &name).await? else {
        remove_parameters(aws, rds, pair).await?;
        return Ok(Step::Done);
    };
    if found.status != "deleting" {
        let delete = named(&name).with("SkipFinalSnapshot", true).with("DeleteAutomatedBackups", true);
        match rds.tell("DeleteDBInstance", delete, "delete a database").await {
            // It has to be made first; or somebody else was quicker.
            Err(trouble) if !trouble.is_early() && !trouble.is("DBInstanceNotFound") => return Err(trouble),
            _ => {}
        }
    }
    Ok(Step::Pending(LOOK))
}

pub(super) async fn restart(aws: &Aws, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
    let (rds, name) = (&aws.services().await?.rds, aws.name(wanted.id));
    let Some(found) = find(rds, &name).await? else { return Ok(Step::Done) };
    match found.status.as_str() {
        // By somebody who was not heard of again; or on its way up anyway.
        "rebooting" | "starting" | "stopped" => Ok(Step::Done),
        status if READY.contains(&status) => {
            match rds.tell("RebootDBInstance", named(&name), "reboot a database").await {
                Ok(()) => Ok(Step::Done),
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
    let (rds, name) = (&aws.services().await?.rds, aws.name(wanted.id));
    let Some(found) = find(rds, &name).await? else {
        return Err(unavailable().caused_by("the database is gone").into());
    };
    let pending = found.pending_modified_values.is_some_and(|pending| pending.master_user_password.is_some());
    if pending || !READY.contains(&found.status.as_str()) {
        return Ok(Step::Pending(LOOK));
    }
    if kept.asked(next).is_some() {
        secret::settle(aws, wanted.id, kept, next).await?;
        return Ok(Step::Done);
    }
    let modify = named(&name).with("ApplyImmediately", true).with("MasterUserPassword", next.0);
    match rds.tell("ModifyDBInstance", modify, "set a password").await {
        Ok(()) => secret::ask(aws, wanted.id, kept, next, Asked::New).await?,
        Err(trouble) if trouble.is_early() => {}
        Err(trouble) if trouble.is_refusal() => {
            return Err(super::conflict("The cloud refuses another password.").into());
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(Step::Pending(LOOK))
}

/// The instance that everything else in the form is about.
fn named(name: &str) -> Form {
    Form::default().with("DBInstanceIdentifier", name)
}

async fn find(rds: &Query, name: &str) -> Result<Option<Instance>, Trouble> {
    let described = rds.ask::<Described>("DescribeDBInstances", named(name), "look for a database").await;
    let found = found(described, "DBInstanceNotFound")?;
    Ok(found.and_then(|found| found.result.list.members.into_iter().next()))
}

/// Whether its parameters are still on their way.
fn is_applying(found: &Instance) -> bool {
    found.parameter_groups.members.iter().any(|group| group.parameter_apply_status.as_deref() == Some("applying"))
}

async fn create(aws: &Aws, wanted: &Wanted<'_>, pair: (&str, &str)) -> Result<Provided, Trouble> {
    let (rds, settings) = (&aws.services().await?.rds, &aws.settings);
    let group = provide_parameters(aws, rds, pair).await?;
    let create = named(&aws.name(wanted.id))
        .with("Engine", "mysql")
        .with("EngineVersion", version(aws))
        .with("DBInstanceClass", settings.mysql_class.as_deref().unwrap_or(CLASS))
        .with("StorageType", "gp3")
        .with("AllocatedStorage", settings.mysql_storage.unwrap_or(STORAGE))
        .with("StorageEncrypted", true)
        .with_some("KmsKeyId", settings.kms_key.as_deref())
        .with("MasterUsername", "root")
        .with("MasterUserPassword", wanted.password.0)
        .with("DBSubnetGroupName", aws.subnet_group()?)
        .list("VpcSecurityGroupIds.VpcSecurityGroupId", &settings.security_groups)
        .with("PubliclyAccessible", false)
        .with("MultiAZ", false)
        .with("BackupRetentionPeriod", BACKUPS)
        .with("CopyTagsToSnapshot", true)
        .with("DeletionProtection", false)
        .with("DBParameterGroupName", group)
        .tags(tags(wanted));
    match rds.tell("CreateDBInstance", create, "create a database").await {
        Ok(()) => Ok(Provided::Pending(LOOK)),
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
async fn provide_parameters(aws: &Aws, rds: &Query, pair: Pair<'_>) -> Result<String, Trouble> {
    let (family, group) = (family(version(aws)), group(aws.settings.prefix(), version(aws), pair));
    let of_users = grouped(&group).with("Source", "user");
    let described = rds.ask::<DescribedParameters>("DescribeDBParameters", of_users, "look for parameters").await;
    let known = match found(described, "DBParameterGroupNotFound")? {
        Some(known) => known.result.list.members,
        None => {
            let create = grouped(&group).with("DBParameterGroupFamily", family);
            let create = create.with("Description", "Character set and collation of instances");
            match rds.tell("CreateDBParameterGroup", create, "create parameters").await {
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
    match (set_parameters(rds, &group, pair).await, old) {
        (Err(trouble), Some(old)) if trouble.is_refusal() => set_parameters(rds, &group, old).await?,
        (done, _) => done?,
    }
    Ok(group)
}

fn is_set(known: &[Parameter], pair: Pair<'_>) -> bool {
    parameters(pair).iter().all(|(name, value)| {
        let is_it = |one: &Parameter| {
            one.parameter_name.as_deref() == Some(*name) && one.parameter_value.as_deref() == Some(*value)
        };
        known.iter().any(is_it)
    })
}

fn parameters((charset, collation): Pair<'_>) -> [(&'static str, &str); 2] {
    [("character_set_server", charset), ("collation_server", collation)]
}

async fn set_parameters(rds: &Query, group: &str, pair: Pair<'_>) -> Result<(), Trouble> {
    let modify = parameters(pair).into_iter().zip(1..).fold(grouped(group), |form, ((name, value), number)| {
        let parameter = format!("Parameters.Parameter.{number}");
        let form = form.with(&format!("{parameter}.ParameterName"), name);
        let form = form.with(&format!("{parameter}.ParameterValue"), value);
        form.with(&format!("{parameter}.ApplyMethod"), "immediate")
    });
    rds.tell("ModifyDBParameterGroup", modify, "set parameters").await
}

/// The parameter group that everything else in the form is about.
fn grouped(group: &str) -> Form {
    Form::default().with("DBParameterGroupName", group)
}

/// Goes with the last instance that used them.
async fn remove_parameters(aws: &Aws, rds: &Query, pair: Pair<'_>) -> Result<(), Trouble> {
    let group = group(aws.settings.prefix(), version(aws), pair);
    match rds.tell("DeleteDBParameterGroup", grouped(&group), "delete parameters").await {
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
