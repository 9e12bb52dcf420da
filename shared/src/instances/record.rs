//! The record of an instance.

use serde::{Deserialize, Serialize};

use super::lease::Lease;
use super::spec::Spec;
use crate::app::App;
use crate::clock;
use crate::error::Error;
use crate::seal;
use crate::storage::{Bucket, InstanceKey, Key, Versioned};

/// What passwords are sealed for.
const PURPOSE: &str = "instance-password";

/// Bytes of an id.
const ID: usize = 6;

/// Characters of a password: 62 to the power of 32 is above 2 to the power of 190. Only letters and digits: it is part of URLs,
/// configuration files, SQL and command lines.
const PASSWORD: usize = 32;

/// An instance, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// 12 hex digits.
    pub id: String,
    /// The user's name.
    pub owner: String,
    /// What was asked for.
    pub spec: Spec,
    /// A digest of the request, where a key made it repeatable.
    pub(super) request: Option<String>,
    /// Sealed.
    pub(super) password: String,
    /// How it is.
    pub state: State,
    /// Its share of the quota.
    pub(super) slot: Option<u32>,
    /// Its port of the engine's host, where the engine needs one.
    pub(super) port: Option<u16>,
    /// Where it is reached, from the first time that it answered.
    pub place: Option<Place>,
    /// Milliseconds since 1970.
    pub created: u64,
    /// When work on its state began, or began again after somebody had died with it.
    pub(super) since: u64,
    /// When it goes by itself.
    pub expires: Option<u64>,
    /// Who works on it.
    pub(super) lease: Option<Lease>,
}

/// Where a database is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it speaks TLS from the first byte.
    #[serde(default)]
    pub tls: bool,
}

/// How an instance is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// On its way.
    Creating,
    /// Whoever has the password gets in.
    Ready,
    /// On its way down and up again; `down` while it is still to be stopped.
    Restarting {
        /// Whether it is still to be stopped.
        down: bool,
    },
    /// It gets another password.
    Rotating {
        /// The new one, sealed.
        next: String,
    },
    /// On its way out.
    Deleting,
    /// It could not be made, or not be brought up again.
    Failed {
        /// Why, for its user.
        reason: String,
    },
}

impl State {
    /// Whether nothing is to be done.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Ready | Self::Failed { .. })
    }

    /// As answers have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Restarting { .. } => "restarting",
            Self::Rotating { .. } => "rotating",
            Self::Deleting => "deleting",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Which instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) owner: String,
    pub(super) id: String,
}

impl Name {
    pub(super) fn key(&self) -> Key<'_> {
        Key::Instance(InstanceKey::One { owner: &self.owner, id: &self.id })
    }

    /// Where its secrets belong.
    fn place(&self) -> String {
        format!("{}/{}", self.owner, self.id)
    }

    pub(super) async fn read(&self, bucket: &Bucket) -> Result<Option<Versioned<Instance>>, Error> {
        Ok(bucket.read(&self.key()).await?)
    }

    /// Reads and changes it until no other change comes between; the new one, `None` if it is gone or `change` says so.
    pub(super) async fn change(
        &self,
        bucket: &Bucket,
        change: impl Fn(Instance) -> Option<Instance>,
    ) -> Result<Option<Instance>, Error> {
        Ok(bucket.update_if(&self.key(), change).await?)
    }

    /// Seals a password for this instance.
    pub(super) fn seal(&self, app: &App, password: &str) -> Result<String, Error> {
        seal::seal(&app.config, PURPOSE, &self.place(), password)
    }

    /// Opens what [`Name::seal`] sealed.
    pub(super) fn open(&self, app: &App, sealed: &str) -> Result<String, Error> {
        seal::open(&app.config, PURPOSE, &self.place(), sealed)
    }
}

impl Instance {
    /// One that is still to be made, and its password.
    pub(super) fn new(
        app: &App,
        name: Name,
        spec: Spec,
        ttl: Option<u64>,
        request: Option<String>,
    ) -> Result<Self, Error> {
        let (created, password) = (clock::now(), name.seal(app, &new_password())?);
        Ok(Self {
            id: name.id,
            owner: name.owner,
            spec,
            request,
            password,
            state: State::Creating,
            slot: None,
            port: None,
            place: None,
            created,
            since: created,
            expires: ttl.map(|seconds| created + 1000 * seconds),
            lease: None,
        })
    }

    pub(super) fn name(&self) -> Name {
        Name { owner: self.owner.clone(), id: self.id.clone() }
    }

    /// The password that lets in.
    pub fn password(&self, app: &App) -> Result<String, Error> {
        self.name().open(app, &self.password)
    }

    /// The same with another password, and ready.
    pub(super) fn with_password(self, sealed: String) -> Self {
        Self { password: sealed, state: State::Ready, ..self }
    }

    /// The same on its way to another state.
    pub(super) fn to(self, state: State) -> Self {
        Self { state, since: clock::now(), ..self }
    }

    /// Whether its time has come.
    pub(super) fn is_over(&self) -> bool {
        self.expires.is_some_and(|end| end <= clock::now())
    }
}

/// 12 hex digits.
pub(super) fn new_id() -> String {
    crate::hex(&crate::random::<ID>())
}

/// The id of what a user of a store asks for by a key of their own: always the same.
pub(super) fn id_for(app: &App, site: &str, owner: &str, key: &str) -> Result<String, Error> {
    let secret = app.config.secret.as_ref();
    let secret = secret.ok_or_else(|| Error::internal("make an id", "PANNIER_SECRET is not set"))?;
    Ok(crate::hex(&secret.sign("instance-id", &format!("{site}/{owner}/{key}"))[..ID]))
}

/// Letters and digits from the system's generator.
pub(super) fn new_password() -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut password = String::with_capacity(PASSWORD);
    while password.len() < PASSWORD {
        // The rest would make some letters likelier than others.
        let fair = crate::random::<PASSWORD>().into_iter().filter(|byte| usize::from(*byte) < 4 * LETTERS.len());
        let letters = fair.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        password.extend(letters.take(PASSWORD - password.len()));
    }
    password
}

#[cfg(test)]
mod tests {
    use super::{PASSWORD, new_id, new_password};

    #[test]
    fn passwords_and_ids_have_their_form() {
        let passwords: std::collections::BTreeSet<String> = (0..1000).map(|_| new_password()).collect();
        assert_eq!(passwords.len(), 1000);
        assert!(
            passwords.iter().all(|one| one.len() == PASSWORD && one.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        );
        let seen: std::collections::BTreeSet<u8> = passwords.iter().flat_map(|one| one.bytes()).collect();
        assert_eq!(seen.len(), 62);
        assert!(new_id().len() == 12 && new_id() != new_id());
    }
}
