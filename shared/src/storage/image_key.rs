//! The keys of images.
//!
//! | key | object |
//! |---|---|
//! | `images/{name}` | a published image; nothing else is below this prefix, so that a cache may serve it as it is |
//! | `image-state/contents/{sha256}` | which image has this content, if any: the one record that changes |
//! | `image-state/tokens/{name}/{sha256}` | an uploader may delete it, who knows what this is the SHA-256 of |
//! | `image-state/variants/{name}/{width}` | the image in another width |
//! | `image-state/lines/{10^13 - 1 - uploaded}/{name}/{width}x{height}/{bytes}` | empty: a line of the catalogue, newest first |
//! | `image-state/attempts/{nonce}` | an upload or a deletion under way |
//! | `image-state/incoming/{nonce}/{file name}` | bytes that came straight to the store and are not checked yet |
//!
//! `name` is 128 random bits and an extension.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Milliseconds are counted down from here, so that the newest is listed first. It ends in the year 2286.
pub(super) const LAST: u64 = 9_999_999_999_999;

/// An object of the images, or a prefix of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKey<'a> {
    /// A published image.
    Published(&'a str),
    /// Which image has a content: by the SHA-256 of what was uploaded, in hex.
    Content(&'a str),
    /// Prefix: everyone who may delete an image.
    Tokens(&'a str),
    /// Someone who may.
    Token {
        /// The image.
        name: &'a str,
        /// SHA-256 of the token, in hex.
        digest: &'a str,
    },
    /// Prefix: an image in other widths.
    Variants(&'a str),
    /// An image in another width.
    Variant {
        /// The image.
        name: &'a str,
        /// In pixels.
        width: u32,
    },
    /// Prefix: the catalogue.
    Lines,
    /// A line of the catalogue.
    Line(Line<'a>),
    /// Prefix: everything under way.
    Attempts,
    /// An upload or a deletion under way.
    Attempt(&'a str),
    /// Prefix: all bytes that are not checked yet.
    Incomings,
    /// Bytes that are not checked yet.
    Incoming {
        /// Nobody can guess it.
        nonce: &'a str,
        /// The name that their sender gave them.
        file_name: &'a str,
    },
}

/// What the catalogue tells of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// When it was uploaded first: milliseconds since 1970.
    pub uploaded: u64,
    /// Its name.
    pub name: &'a str,
    /// Width as displayed, in pixels.
    pub width: u32,
    /// Height as displayed, in pixels.
    pub height: u32,
    /// Bytes.
    pub bytes: u64,
}

impl fmt::Display for ImageKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Published(name) = self {
            return write!(f, "images/{name}");
        }
        f.write_str("image-state/")?;
        match self {
            Self::Published(_) => Ok(()),
            Self::Content(sha256) => write!(f, "contents/{sha256}"),
            Self::Tokens(name) => write!(f, "tokens/{name}/"),
            Self::Token { name, digest } => write!(f, "tokens/{name}/{digest}"),
            Self::Variants(name) => write!(f, "variants/{name}/"),
            Self::Variant { name, width } => write!(f, "variants/{name}/{width}"),
            Self::Lines => f.write_str("lines/"),
            Self::Line(Line { uploaded, name, width, height, bytes }) => {
                write!(f, "lines/{:013}/{name}/{width}x{height}/{bytes}", LAST.saturating_sub(*uploaded))
            }
            Self::Attempts => f.write_str("attempts/"),
            Self::Attempt(nonce) => write!(f, "attempts/{nonce}"),
            Self::Incomings => f.write_str("incoming/"),
            Self::Incoming { nonce, file_name } => {
                write!(f, "incoming/{nonce}/{}", URL_SAFE_NO_PAD.encode(file_name))
            }
        }
    }
}

/// Reads an [`ImageKey::Line`] back; `None` for anything else.
pub fn parse_line(key: &str) -> Option<Line<'_>> {
    let mut parts = key.strip_prefix("image-state/lines/")?.split('/');
    let (down, name, size, bytes) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (width, height) = size.split_once('x')?;
    let line = Line {
        uploaded: LAST.checked_sub(down.parse().ok()?)?,
        name,
        width: width.parse().ok()?,
        height: height.parse().ok()?,
        bytes: bytes.parse().ok()?,
    };
    (parts.next().is_none() && ImageKey::Line(line).to_string() == key).then_some(line)
}

/// Reads an [`ImageKey::Attempt`] back: the nonce.
pub fn parse_attempt(key: &str) -> Option<&str> {
    key.strip_prefix("image-state/attempts/").filter(|nonce| !nonce.is_empty() && !nonce.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::{ImageKey, Line, parse_line};

    #[test]
    fn a_line_reads_back_and_the_newest_comes_first() {
        let older = Line { uploaded: 1_763_000_000_000, name: "a.jpg", width: 4000, height: 3000, bytes: 1 << 22 };
        let newer = Line { uploaded: older.uploaded + 1, name: "b.png", ..older };
        let keys = [older, newer].map(|line| ImageKey::Line(line).to_string());
        assert_eq!(parse_line(&keys[0]), Some(older));
        assert_eq!(parse_line(&keys[1]), Some(newer));
        assert!(keys[1] < keys[0]);
    }

    #[test]
    fn what_is_no_line_is_none() {
        let prefix = ImageKey::Lines.to_string();
        for tail in ["", "1/a/1x1/1", "0000000000001/a/1x1", "0000000000001/a/1/1", "0000000000001/a/+1x1/1"] {
            assert_eq!(parse_line(&format!("{prefix}{tail}")), None, "{tail}");
        }
    }
}
