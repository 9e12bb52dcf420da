//! `Upload-Metadata`: what a client says about its file.

use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::uploads::destination::destination;
use crate::uploads::serve::is_media_type;

/// The longest `Upload-Metadata`, in bytes: it is kept, and sent back with every HEAD.
const METADATA_LIMIT: usize = 16 * 1024;

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client says about its file.
#[derive(Debug, Default)]
pub(super) struct Metadata(HashMap<String, Vec<u8>>);

impl Metadata {
    /// Reads the header: pairs of a key and a value in base64, separated by commas. An empty header is legal.
    ///
    /// # Errors
    /// 400 for an empty key, a key that comes twice, and a value that is not base64.
    pub(super) fn parse(header: &str) -> Result<Self, Error> {
        if header.len() > METADATA_LIMIT {
            return Err(Error::invalid("Upload-Metadata has at most 16 KiB."));
        }
        let mut pairs = HashMap::new();
        for pair in header.split(',').map(str::trim).filter(|_| !header.trim().is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = BASE64.decode(value.trim());
            let value = value.map_err(|cause| malformed().caused_by(cause))?;
            if key.is_empty() || pairs.insert(key.to_owned(), value).is_some() {
                return Err(malformed());
            }
        }
        Ok(Self(pairs))
    }

    /// `filename`
    pub(super) fn file_name(&self) -> Option<&str> {
        self.text("filename")
    }

    /// `filetype`, if it is a media type.
    pub(super) fn file_type(&self) -> Option<&str> {
        self.text("filetype").filter(|kind| is_media_type(kind))
    }

    /// The key that `storePath` asks for, if it is there.
    ///
    /// # Errors
    /// 401 unless the request has the token of a business, 400 for a path that is not allowed.
    pub(super) fn destination(&self, config: &Config, headers: &HeaderMap) -> Result<Option<String>, Error> {
        if !self.0.contains_key("storePath") {
            return Ok(None);
        }
        let path = self.text("storePath").ok_or_else(|| Error::invalid("storePath is not UTF-8."))?;
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = given.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).map(|_| given[7..].trim());
        let business = token.and_then(|token| config.business(token)).ok_or_else(|| {
            Error::new(Kind::Unauthorized, "storePath asks for the token of a business.")
                .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        })?;
        destination(&business.store_prefix, path, self.file_name().unwrap_or_default()).map(Some)
    }

    fn text(&self, key: &str) -> Option<&str> {
        std::str::from_utf8(self.0.get(key)?).ok()
    }
}

fn malformed() -> Error {
    Error::invalid("Upload-Metadata must be pairs of a key and a value in base64, each key once.")
}

#[cfg(test)]
mod tests {
    use super::Metadata;

    #[test]
    fn pairs_are_read_as_tus_says() {
        let metadata = Metadata::parse("filename d29ybGQ=,empty,filetype dGV4dC9wbGFpbg").unwrap();
        assert_eq!(metadata.file_name(), Some("world"));
        assert_eq!(metadata.file_type(), Some("text/plain"));
        assert_eq!(metadata.text("empty"), Some(""));
        assert_eq!(Metadata::parse("filetype eA==").unwrap().file_type(), None);
        assert!(Metadata::parse("").unwrap().0.is_empty() && Metadata::parse(" ").unwrap().0.is_empty());
        for header in ["a !", "a YQ==,a YQ==", ",", "a YQ==,", "a YQ== YQ=="] {
            assert!(Metadata::parse(header).is_err(), "{header:?}");
        }
    }
}
