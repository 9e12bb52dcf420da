//! The secret of an instance: its first trace and its last. It makes the name ours, holds the credentials, and remembers how
//! far a new password is.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::service::or_empty;
use super::trouble::{Trouble, found};
use super::{Aws, Password, Wanted, tags, unavailable};
use crate::instances::record::Place;
use crate::instances::spec::Database;

/// The field of the password, by which ECS finds it.
pub(super) const PASSWORD: &str = "password";

/// What is in a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Value {
    pub(super) username: String,
    /// See [`PASSWORD`].
    pub(super) password: String,
    /// Known once the instance was ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
    /// The store that it was made for.
    pub(super) site: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rotation: Option<Rotation>,
}

/// A new password on its way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotation {
    pub(super) password: String,
    pub(super) asked: Asked,
}

/// What a service was asked for and has agreed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Asked {
    /// To take the new password beside the old one.
    Both,
    /// To take the new one alone.
    New,
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "ARN")]
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Got {
    #[serde(rename = "ARN")]
    arn: String,
    #[serde(default, deserialize_with = "or_empty")]
    secret_string: String,
}

/// A secret that is there.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) arn: String,
    pub(super) value: Value,
}

impl Kept {
    /// Whether the password is this one, and no other is on its way.
    pub(super) fn has_only(&self, password: Password<'_>) -> bool {
        self.value.rotation.is_none() && self.value.password == password.0
    }

    /// What was asked for, on the way to this password.
    pub(super) fn asked(&self, next: Password<'_>) -> Option<Asked> {
        let rotation = self.value.rotation.as_ref().filter(|rotation| rotation.password == next.0)?;
        Some(rotation.asked)
    }
}

/// The secret of an instance, which is made if there is none; whose it is has to be looked at.
pub(super) async fn claim(aws: &Aws, wanted: &Wanted<'_>) -> Result<Kept, Trouble> {
    if let Some(kept) = read(aws, wanted.id).await? {
        return Ok(kept);
    }
    let username = match wanted.spec.database {
        Database::Mysql { .. } => "root",
        Database::Redis { .. } => "default",
    };
    let value = Value {
        username: username.to_owned(),
        password: wanted.password.0.to_owned(),
        host: None,
        port: None,
        site: wanted.site.to_owned(),
        rotation: None,
    };
    let create = json!({
        "Name": name(aws, wanted.id),
        "SecretString": text(&value)?,
        "Tags": tags(wanted).map(|(key, value)| json!({ "Key": key, "Value": value })),
        "KmsKeyId": aws.settings.kms_key,
        "ClientRequestToken": token(),
    });
    match aws.services().await?.secrets.ask::<Created>("CreateSecret", create, "create a secret").await {
        Ok(created) => Ok(Kept { arn: created.arn, value }),
        // Somebody else was quicker; or one of that name is still on its way out.
        Err(trouble) if trouble.is("ResourceExists") || trouble.is("InvalidRequest") => {
            let kept = read(aws, wanted.id).await?;
            kept.ok_or_else(|| unavailable().caused_by("a secret is neither there nor gone").into())
        }
        Err(trouble) => Err(trouble),
    }
}

/// The secret of an instance, if there is one.
pub(super) async fn read(aws: &Aws, id: &str) -> Result<Option<Kept>, Trouble> {
    let get = json!({ "SecretId": name(aws, id) });
    let got = aws.services().await?.secrets.ask::<Got>("GetSecretValue", get, "read a secret").await;
    let got = match found(got, "ResourceNotFound") {
        // It is marked for deletion.
        Err(trouble) if trouble.is("InvalidRequest") => None,
        got => got?,
    };
    let Some(got) = got else { return Ok(None) };
    // Not the error of serde, which may quote what it reads.
    let value = serde_json::from_str(&got.secret_string);
    let value = value.map_err(|_| unavailable().caused_by("a secret is not as it was made"))?;
    Ok(Some(Kept { arn: got.arn, value }))
}

/// Writes down where an instance is reached, and by which password.
pub(super) async fn tell(aws: &Aws, wanted: &Wanted<'_>, kept: Kept, place: &Place) -> Result<(), Trouble> {
    let mut value = kept.value.clone();
    value.host = Some(place.host.clone());
    value.port = Some(place.port);
    value.password = wanted.password.0.to_owned();
    write(aws, wanted.id, kept, value).await
}

/// Writes down that a service has agreed to take another password. With the new one alone it is what applications are told
/// from now on.
pub(super) async fn ask(aws: &Aws, id: &str, kept: Kept, next: Password<'_>, asked: Asked) -> Result<(), Trouble> {
    let mut value = kept.value.clone();
    value.rotation = Some(Rotation { password: next.0.to_owned(), asked });
    if asked == Asked::New {
        value.password = next.0.to_owned();
    }
    write(aws, id, kept, value).await
}

/// Writes down that a new password is in effect.
pub(super) async fn settle(aws: &Aws, id: &str, kept: Kept, next: Password<'_>) -> Result<(), Trouble> {
    let value = Value { password: next.0.to_owned(), rotation: None, ..kept.value.clone() };
    write(aws, id, kept, value).await
}

/// Deletes it, for good.
pub(super) async fn delete(aws: &Aws, id: &str) -> Result<(), Trouble> {
    let delete = json!({ "SecretId": name(aws, id), "ForceDeleteWithoutRecovery": true });
    let deleted = aws.services().await?.secrets.tell("DeleteSecret", delete, "delete a secret").await;
    found(deleted, "ResourceNotFound").map(drop)
}

async fn write(aws: &Aws, id: &str, kept: Kept, value: Value) -> Result<(), Trouble> {
    if kept.value == value {
        return Ok(());
    }
    let put = json!({ "SecretId": name(aws, id), "SecretString": text(&value)?, "ClientRequestToken": token() });
    aws.services().await?.secrets.tell("PutSecretValue", put, "write a secret").await
}

/// Names a new version, so that a request that is sent again makes no second one. Whoever has no SDK has to tell it.
fn token() -> String {
    crate::hex(&crate::random::<16>())
}

fn name(aws: &Aws, id: &str) -> String {
    format!("{}/{id}", aws.settings.prefix())
}

fn text(value: &Value) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|_| unavailable().caused_by("a secret cannot be written").into())
}
