//! The signature of a message (Standard Webhooks 1.0, "Signature scheme", symmetric).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::WebhookSecret;

/// What `webhook-signature` says of a message that is sent at `timestamp`, in seconds of Unix time.
pub(super) fn signature(secret: &WebhookSecret, id: &str, timestamp: u64, body: &str) -> String {
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};

    use super::signature;
    use crate::config::WebhookSecret;

    fn secret(text: &str) -> Result<WebhookSecret, Error> {
        let text: StrDeserializer<'_, Error> = text.into_deserializer();
        WebhookSecret::deserialize(text)
    }

    #[test]
    fn a_message_is_signed_as_the_specification_says() {
        let secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        for (bytes, fits) in [(23, false), (24, true), (25, true), (64, true), (65, false)] {
            let text = base64::Engine::encode(&super::STANDARD, vec![7; bytes]);
            assert_eq!(secret(&format!("whsec_{text}")).is_ok(), fits, "{bytes} bytes");
            assert_eq!(secret(&format!("whsec_{}", text.trim_end_matches('='))).is_ok(), fits, "{bytes} bytes");
            assert!(secret(&text).is_err());
        }
        assert!(secret("whsec_no base64 at all, of any length").is_err());
    }
}
