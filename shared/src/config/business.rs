//! Business servers: who may apply for uploads, and where their callbacks go.

use std::fmt;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use super::Config;

/// The token that `--demo-users` lets in.
const DEMO_TOKEN: &str = "demo";

/// The business behind [`DEMO_TOKEN`].
static DEMO: LazyLock<Business> = LazyLock::new(|| Business {
    name: "demo".to_owned(),
    notify_url: None,
    store_prefix: "demo/".to_owned(),
    webhook_secret: None,
});

/// What a webhook secret starts with, and its bytes (Standard Webhooks, "Signature scheme").
const SECRET_PREFIX: &str = "whsec_";
/// See [`SECRET_PREFIX`].
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Base64 as people write it, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A business server that may apply for uploads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Business {
    /// What to call it in logs.
    pub name: String,
    /// Where callbacks go; none are made without it.
    pub notify_url: Option<String>,
    /// What precedes its destination keys; empty or ending in `/`.
    #[serde(default)]
    pub store_prefix: String,
    /// Signs its callbacks; without it they go unsigned.
    pub webhook_secret: Option<WebhookSecret>,
}

/// Stands for a business wherever its token, a secret, must not be: 128 bits of the token's SHA-256, in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BusinessId([u8; 16]);

impl BusinessId {
    /// Of the business that has this token.
    pub fn of(token: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}

impl fmt::Display for BusinessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl From<BusinessId> for String {
    fn from(id: BusinessId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for BusinessId {
    type Error = &'static str;

    fn try_from(hex: String) -> Result<Self, Self::Error> {
        let fits = hex.len() == 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = u128::from_str_radix(&hex, 16).ok().filter(|_| fits);
        value.map(|value| Self(value.to_be_bytes())).ok_or("a business's identifier is 32 hex digits")
    }
}

/// What signs the callbacks of a business: 24-64 bytes, written `whsec_` and base64. Prints as dots.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(...)")
    }
}

impl<'de> Deserialize<'de> for WebhookSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = text.strip_prefix(SECRET_PREFIX).and_then(|encoded| BASE64.decode(encoded).ok());
        let bytes = bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len()));
        // Without what was there instead: it may be most of a secret.
        bytes.map(Self).ok_or_else(|| D::Error::custom("a webhook secret is whsec_ and 24-64 bytes in base64"))
    }
}

impl Config {
    /// The business that has this token.
    pub fn business(&self, token: &str) -> Option<&Business> {
        self.business_by_id(BusinessId::of(token))
    }

    /// The business that an identifier stands for; also the demo's, where it is let in.
    pub fn business_by_id(&self, id: BusinessId) -> Option<&Business> {
        let demo = || (self.demo_users && id == BusinessId::of(DEMO_TOKEN)).then(|| &*DEMO);
        self.business.get(&id).or_else(demo)
    }
}
