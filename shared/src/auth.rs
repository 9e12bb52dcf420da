//! Who is calling: API keys, known only by their hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::error::{Error, Kind};

/// The keys that `--demo-users` lets in; each is also its user's name.
const DEMO_USERS: [&str; 3] = ["user1", "user2", "user3"];

/// Bytes of a capability: 128 bits cannot be guessed.
const CAPABILITY: usize = 16;

/// The longest key looked at, in bytes.
pub const KEY_LIMIT: usize = 512;

/// The name of the user whose key is in `Authorization: <key>` or `Authorization: Bearer <key>`.
/// 401 for a missing or unknown one; the answer does not tell the two apart.
pub fn caller(config: &Config, headers: &HeaderMap) -> Result<String, Error> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let bearer = given.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    user(config, bearer.map_or(given, |scheme| &given[scheme.len()..]).trim())
}

/// The name of the user whose key this is; 401 for an unknown one.
pub fn user(config: &Config, key: &str) -> Result<String, Error> {
    if key.is_empty() || key.len() > KEY_LIMIT {
        return Err(unauthorized());
    }
    if config.demo_users && DEMO_USERS.contains(&key) {
        return Ok(key.to_owned());
    }
    // Comparing digests of a secret tells nothing of the secret through its timing.
    let digest: [u8; 32] = Sha256::digest(key).into();
    let known = config.users.iter().find(|(_, user)| user.key_sha256.0 == digest);
    known.map(|(name, _)| name.clone()).ok_or_else(unauthorized)
}

/// The key in a URL that permits what the URL is for. `purpose` and `id` name that.
pub fn capability(config: &Config, purpose: &str, id: &str) -> Result<String, Error> {
    let secret = config.secret.as_ref();
    let secret = secret.ok_or_else(|| Error::internal("sign a URL", "PANNIER_SECRET is not set"))?;
    Ok(URL_SAFE_NO_PAD.encode(&secret.sign(purpose, id)[..CAPABILITY]))
}

/// Whether `key` is the one that [`capability`] gives.
pub fn permits(config: &Config, purpose: &str, id: &str, key: &str) -> Result<bool, Error> {
    let right = capability(config, purpose, id)?;
    // In a time that does not tell how much of it is right.
    let differences = right.bytes().zip(key.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    Ok(right.len() == key.len() && differences == 0)
}

fn unauthorized() -> Error {
    // RFC 9110, 11.6.1: a 401 names a scheme that would help.
    Error::new(Kind::Unauthorized, "An API key is missing or not known.")
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}
