//! Secrets at rest: sealed with AES-256-GCM (NIST SP 800-38D) under a key of their purpose, which comes of `PANNIER_SECRET`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::config::Config;
use crate::error::Error;

/// Bytes of a nonce, which is random and stands before what it sealed.
const NONCE: usize = 12;

/// Seals a text, so that only [`open`] with the same purpose and place reads it. It cannot be moved to another place.
pub(crate) fn seal(config: &Config, purpose: &str, place: &str, text: &str) -> Result<String, Error> {
    let key = key(config, purpose)?;
    let mut bytes = text.as_bytes().to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut bytes)
        .map_err(|cause| Error::internal("seal a secret", cause))?;
    Ok(STANDARD_NO_PAD.encode([nonce.as_ref().as_slice(), &bytes].concat()))
}

/// The text that was sealed.
pub(crate) fn open(config: &Config, purpose: &str, place: &str, sealed: &str) -> Result<String, Error> {
    let broken = || Error::internal("open a sealed secret", "it was not sealed for this place, or by this secret");
    let key = key(config, purpose)?;
    let mut bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| broken())?;
    let (nonce, sealed) = bytes.split_at_mut_checked(NONCE).ok_or_else(broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
    let text = key.open_in_place(nonce, Aad::from(place.as_bytes()), sealed).map_err(|_| broken())?;
    String::from_utf8(text.to_vec()).map_err(|_| broken())
}

fn key(config: &Config, purpose: &str) -> Result<RandomizedNonceKey, Error> {
    let secret = config.secret.as_ref();
    let secret = secret.ok_or_else(|| Error::internal("seal a secret", "PANNIER_SECRET is not set"))?;
    let bytes = secret.sign(purpose, "key");
    RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|cause| Error::internal("make a key", cause))
}

#[cfg(test)]
mod tests {
    use super::{open, seal};
    use crate::config::{Config, Secret};

    fn config() -> Config {
        Config { secret: Some(Secret::generate()), ..Config::read(|_| None, None).unwrap() }
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_alone() {
        let config = config();
        let sealed = seal(&config, "purpose", "a/1", "s3cret").unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_eq!(open(&config, "purpose", "a/1", &sealed).unwrap(), "s3cret");
        assert_ne!(seal(&config, "purpose", "a/1", "s3cret").unwrap(), sealed, "no nonce comes twice");
        for (config, purpose, place, sealed) in [
            (&config, "other", "a/1", sealed.as_str()),
            (&config, "purpose", "a/2", &sealed),
            (&self::config(), "purpose", "a/1", &sealed),
            (&config, "purpose", "a/1", &sealed[..sealed.len() - 2]),
            (&config, "purpose", "a/1", "AAAA"),
            (&config, "purpose", "a/1", "not base64!"),
        ] {
            assert!(open(config, purpose, place, sealed).is_err());
        }
    }
}
