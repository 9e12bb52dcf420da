//! Every setting, read once at the start: from variables, and from one TOML document.
//!
//! The document and the variables are the same for the local program and for a function. A setting
//! that is wrong is an error at the start, never a surprise at the first request.

mod business;
mod instances;
mod speech;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde::de::Error as _;

pub use self::business::{Business, BusinessId, WebhookSecret};
pub use self::instances::{Aws, EngineKind, Instances, Ports};
pub use self::speech::{EngineSettings, Listed, PLACEHOLDERS, PollyKind, Speech};

use crate::cloud::{self, Cloud};

type HmacSha256 = Hmac<sha2::Sha256>;

/// The most bytes a configuration file may have.
const FILE_LIMIT: u64 = 1024 * 1024;

/// The least that `REQUEST_LIMIT` may be, in bytes: uploads come in pieces of this size.
const REQUEST_LIMIT_LEAST: u64 = 1024 * 1024;

/// The longest name of a user, in bytes.
const USER_LIMIT: usize = 64;

/// How long an upload may stand still by default.
const UPLOAD_EXPIRY: Duration = Duration::from_secs(24 * 3600);

/// How much of an upload one request may carry by default: all of it.
const APPEND_LIMIT: u64 = 5 << 40;

/// The settings of a process.
#[derive(Clone, Debug)]
pub struct Config {
    /// `S3_ENDPOINT`: the store's URL; `None` is AWS itself (or, in the local program, the embedded store).
    pub s3_endpoint: Option<String>,
    /// `BUCKET`: where everything lives.
    pub bucket: String,
    /// `ARCHIVE_PREFIX`: what precedes a folder's hash in its keys; empty or ending in `/`.
    pub archive_prefix: String,
    /// `DELAY`: seconds between the chunks of an archive, 0-60, for testing slow downloads.
    pub delay_seconds: u8,
    /// `ARCHIVE_ASSEMBLE`: bytes above which an archive is put together in the bucket and handed out by the store, instead
    /// of streamed; never, if not set. The template sets it below what a function may stream.
    pub archive_assemble: Option<u64>,
    /// `DOWNLOAD_REDIRECT`: bytes above which a finished upload, or a range of it, is handed out by the store instead of
    /// through here; never, if not set. The template sets it below what a function may stream.
    pub download_redirect: Option<u64>,
    /// `PUBLIC_URL`: base of absolute links; from the request if not set.
    pub public_url: Option<String>,
    /// `CORS_ORIGINS`: origins whose scripts may read answers, comma-separated; `*` (the default) is any.
    pub cors_origins: Vec<String>,
    /// `PANNIER_SECRET`: 32 bytes in base64; encrypts stored passwords and signs capability URLs.
    pub secret: Option<Secret>,
    /// `UPLOAD_EXPIRY`: seconds without progress after which an unfinished upload is given up; 24 h by default.
    pub upload_expiry: Duration,
    /// `APPEND_LIMIT`: the most bytes of an upload that one request may carry; 5 TiB by default. The template sets it
    /// to what a function takes.
    pub append_limit: u64,
    /// `STORE_PUBLIC_URL`: where clients reach the store, for presigned URLs; `S3_ENDPOINT` if not set. The local
    /// program sets it to where `--store-listen` listens.
    pub store_public_url: Option<String>,
    /// `RESPONSE_MODE`: how a function hands over its responses, `buffered` (the default) or `stream`; told by the
    /// template beside the mode of the function's route, which must agree. The local program always streams.
    pub response_mode: ResponseMode,
    /// `REQUEST_LIMIT`: the most bytes of a request body that the platform hands over to this process; any, if not
    /// set. A function is told by the template.
    pub request_limit: Option<u64>,
    /// `--demo-users`: well-known API keys and a business token, for trying things out.
    pub demo_users: bool,
    /// `IMAGE_CATALOGUE`: whether `GET /api/images` and the gallery list what was uploaded, `on` (the default) or `off`.
    pub image_catalogue: bool,
    /// Who finds credentials and region for AWS: functions look at their variables, the local program goes all the
    /// ways of the SDK.
    pub cloud: Cloud,
    /// Speech: how much text, and by which engines.
    pub speech: Speech,
    /// Database instances: what makes them, and where.
    pub instances: Instances,
    /// Business servers; their tokens are not kept. [`Config::business`] finds one.
    pub business: BTreeMap<BusinessId, Business>,
    /// API users by name.
    pub users: BTreeMap<String, User>,
}

/// How a function hands over its responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// As one JSON document of at most 6 MB.
    #[default]
    Buffered,
    /// As bytes while they are made.
    Streamed,
}

/// What its platform tells a function before anything else: where to report even a wrong setting.
#[derive(Clone, Debug)]
pub struct Platform {
    /// `AWS_LAMBDA_RUNTIME_API`: host and port of the Runtime API, or its URL.
    pub runtime_api: String,
    /// `RUST_LOG`: what to log: levels, and targets with their levels.
    pub log: String,
}

impl Platform {
    /// Reads the process's variables.
    pub fn from_env() -> Result<Self, ConfigError> {
        let runtime_api = variable("AWS_LAMBDA_RUNTIME_API").ok_or_else(|| {
            ConfigError::new("AWS_LAMBDA_RUNTIME_API", "is not set: this program is a function and needs its platform")
        })?;
        Ok(Self { runtime_api, log: variable("RUST_LOG").unwrap_or_default() })
    }
}

/// A user of the instances API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// SHA-256 of the API key, in hex.
    pub key_sha256: Digest,
    /// How many instances at once.
    #[serde(default = "five")]
    pub max_instances: u32,
}

fn five() -> u32 {
    5
}

/// A SHA-256 digest, written in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom("a SHA-256 digest is 64 hex digits");
        if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// 32 secret bytes. Prints as dots.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// From base64 with padding, as `PANNIER_SECRET` holds it.
    pub fn from_base64(text: &str) -> Result<Self, ConfigError> {
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| ConfigError::new("PANNIER_SECRET", "must be 32 bytes in base64"))
    }

    /// A new one from the system's generator.
    pub fn generate() -> Self {
        Self(crate::random())
    }

    /// What only someone who has the secret can make of `text`: an HMAC-SHA-256. Another `purpose` makes another.
    pub fn sign(&self, purpose: &str, text: &str) -> [u8; 32] {
        // A shorter key is padded with zeros to the hash's block (RFC 2104, section 2).
        let mut key = [0; 64];
        key[..32].copy_from_slice(&self.0);
        let mut mac = HmacSha256::new(&key.into());
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// As `PANNIER_SECRET` holds it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// Which setting is wrong, and why, in one line.
#[derive(Debug)]
pub struct ConfigError {
    setting: String,
    problem: String,
}

impl ConfigError {
    /// `setting` as its user wrote it; `problem` says what it must be.
    pub fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { setting: setting.into(), problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A TOML error draws a picture over several lines; a start-up error is one.
        let problem = self.problem.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{}: {problem}", self.setting)
    }
}

impl std::error::Error for ConfigError {}

/// A variable of the process; an empty one counts as not set. The one place that looks at the environment.
#[allow(clippy::disallowed_methods)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the TOML document may hold.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    business: BTreeMap<String, Business>,
    users: BTreeMap<String, User>,
    speech: Speech,
    instances: Instances,
}

impl Config {
    /// How many instances a user may have at once; those of `--demo-users` have no settings of their own.
    pub fn max_instances(&self, user: &str) -> u32 {
        self.users.get(user).map_or_else(five, |user| user.max_instances)
    }

    /// Reads the process's variables, and the document that `PANNIER_CONFIG` names.
    pub fn from_env() -> Result<Self, ConfigError> {
        let file = variable("PANNIER_CONFIG");
        Self::read(variable, file.as_deref().map(Path::new))
    }

    /// Reads the settings from `variable` and from `file`.
    pub fn read(variable: impl Fn(&str) -> Option<String>, file: Option<&Path>) -> Result<Self, ConfigError> {
        let document = file.map_or_else(|| Ok(Document::default()), read_document)?;
        let bytes = |name| variable(name).map(|text| parse_bytes(name, &text)).transpose();
        let config = Self {
            s3_endpoint: variable("S3_ENDPOINT"),
            bucket: variable("BUCKET").unwrap_or_else(|| "pannier".to_owned()),
            archive_prefix: variable("ARCHIVE_PREFIX").unwrap_or_else(|| "photos/".to_owned()),
            delay_seconds: variable("DELAY").map_or(Ok(0), |text| parse_delay(&text))?,
            archive_assemble: bytes("ARCHIVE_ASSEMBLE")?,
            download_redirect: bytes("DOWNLOAD_REDIRECT")?,
            public_url: variable("PUBLIC_URL"),
            cors_origins: variable("CORS_ORIGINS").map_or_else(|| vec!["*".to_owned()], |list| split(&list)),
            secret: variable("PANNIER_SECRET").map(|text| Secret::from_base64(&text)).transpose()?,
            upload_expiry: variable("UPLOAD_EXPIRY").map_or(Ok(UPLOAD_EXPIRY), |text| parse_expiry(&text))?,
            image_catalogue: variable("IMAGE_CATALOGUE")
                .map_or(Ok(true), |text| parse_switch("IMAGE_CATALOGUE", &text))?,
            append_limit: variable("APPEND_LIMIT").map_or(Ok(APPEND_LIMIT), |text| parse_limit(&text))?,
            store_public_url: variable("STORE_PUBLIC_URL"),
            response_mode: variable("RESPONSE_MODE").map_or(Ok(ResponseMode::default()), |text| parse_mode(&text))?,
            request_limit: variable("REQUEST_LIMIT").map(|text| parse_request_limit(&text)).transpose()?,
            demo_users: false,
            cloud: cloud::environment,
            speech: document.speech.with_variables(&variable)?,
            instances: document.instances.with_variables(&variable)?,
            business: document.business.into_iter().map(|(token, own)| (BusinessId::of(&token), own)).collect(),
            users: document.users,
        };
        config.check()?;
        Ok(config)
    }

    /// Checks what a type cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        let urls = [
            ("S3_ENDPOINT", &self.s3_endpoint),
            ("PUBLIC_URL", &self.public_url),
            ("STORE_PUBLIC_URL", &self.store_public_url),
        ];
        for (setting, url) in urls {
            check_url(setting, url.as_deref())?;
        }
        let bucket_fits = (3..=63).contains(&self.bucket.len())
            && self.bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if !bucket_fits {
            return Err(ConfigError::new("BUCKET", "must be 3-63 of a-z, 0-9, '-' and '.'"));
        }
        if !(self.archive_prefix.is_empty() || self.archive_prefix.ends_with('/')) || self.archive_prefix.len() > 512 {
            return Err(ConfigError::new("ARCHIVE_PREFIX", "must be empty or end in '/', and have at most 512 bytes"));
        }
        for business in self.business.values() {
            // By its name: the token is a secret.
            check_url(&format!("notify_url of business {:?}", business.name), business.notify_url.as_deref())?;
        }
        for name in self.users.keys() {
            check_user(name)?;
        }
        self.instances.check()?;
        self.speech.check()
    }
}

/// A user's name stands in keys.
fn check_user(name: &str) -> Result<(), ConfigError> {
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=USER_LIMIT).contains(&name.len()) && name.bytes().all(sane) && !name.starts_with('.');
    let problem =
        || ConfigError::new(format!("users.{name:?}"), "a name is 1-64 of A-Z a-z 0-9 - _ . and begins with no dot");
    if fits { Ok(()) } else { Err(problem()) }
}

/// `DELAY` and `--delay`: whole seconds, 0-60.
pub fn parse_delay(text: &str) -> Result<u8, ConfigError> {
    let seconds = text.trim().parse::<u8>().ok().filter(|seconds| *seconds <= 60);
    seconds.ok_or_else(|| ConfigError::new("DELAY", "must be a number of seconds from 0 to 60"))
}

fn parse_bytes(name: &'static str, text: &str) -> Result<u64, ConfigError> {
    text.trim().parse().map_err(|_| ConfigError::new(name, "must be a number of bytes"))
}

fn parse_expiry(text: &str) -> Result<Duration, ConfigError> {
    let seconds = text.trim().parse().ok().filter(|seconds| (1..=365 * 24 * 3600).contains(seconds));
    let problem = || ConfigError::new("UPLOAD_EXPIRY", "must be a number of seconds from 1 to 31536000");
    seconds.map(Duration::from_secs).ok_or_else(problem)
}

fn parse_limit(text: &str) -> Result<u64, ConfigError> {
    let bytes = text.trim().parse().ok().filter(|bytes| (1..=APPEND_LIMIT).contains(bytes));
    bytes.ok_or_else(|| ConfigError::new("APPEND_LIMIT", "must be a number of bytes from 1 to 5497558138880"))
}

fn parse_switch(setting: &str, text: &str) -> Result<bool, ConfigError> {
    match text.trim() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(ConfigError::new(setting, "must be on or off")),
    }
}

fn parse_mode(text: &str) -> Result<ResponseMode, ConfigError> {
    match text {
        "buffered" => Ok(ResponseMode::Buffered),
        "stream" => Ok(ResponseMode::Streamed),
        _ => Err(ConfigError::new("RESPONSE_MODE", "must be buffered or stream")),
    }
}

fn parse_request_limit(text: &str) -> Result<u64, ConfigError> {
    let bytes = text.trim().parse::<u64>().ok().filter(|bytes| *bytes >= REQUEST_LIMIT_LEAST);
    bytes.ok_or_else(|| ConfigError::new("REQUEST_LIMIT", "must be a number of bytes, at least 1048576"))
}

fn check_url(setting: &str, url: Option<&str>) -> Result<(), ConfigError> {
    let Some(url) = url else { return Ok(()) };
    let parsed = url.parse::<http::Uri>().ok();
    let fits = parsed.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    if fits { Ok(()) } else { Err(ConfigError::new(setting, "must be an http:// or https:// URL")) }
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

fn read_document(path: &Path) -> Result<Document, ConfigError> {
    let name = path.display().to_string();
    let problem = |cause: &dyn fmt::Display| ConfigError::new(&name, cause.to_string());
    let file = File::open(path).map_err(|cause| problem(&cause))?;
    let mut text = String::new();
    let size = file.take(FILE_LIMIT + 1).read_to_string(&mut text).map_err(|cause| problem(&cause))?;
    if size as u64 > FILE_LIMIT {
        return Err(problem(&"a configuration file has at most 1 MiB"));
    }
    toml::from_str(&text).map_err(|cause| {
        let line = cause.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        problem(&format!("line {line}: {}", cause.message()))
    })
}
