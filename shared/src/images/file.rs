//! A file as it was sent: its name and its bytes.

use bytes::Bytes;

use super::FILE_LIMIT;
use super::pixels::Format;
use super::publish::{Published, publish};
use crate::error::{Error, Kind};
use crate::log::{self, Outcome, shown};
use crate::storage::Bucket;

/// The longest name, in characters; most file systems take 255 bytes.
const NAME_LIMIT: usize = 255;

/// The same in bytes: it has to fit into a key, which has 1,024.
const NAME_BYTES_LIMIT: usize = 512;

/// Formats of images that are not taken, by how they begin.
const OTHER_FORMATS: [(usize, &[u8]); 8] = [
    (0, b"BM"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
    (0, b"\0\0\x01\0"),
    (0, b"8BPS"),
    (8, b"WEBP"),
    (4, b"ftyp"),
    (0, b"\xff\x0a"),
];

/// How far into a file an SVG's root element is looked for, in bytes.
const SVG_SEARCH: usize = 1024;

/// The name of a file as its sender gave it, without the folders some browsers send along.
pub(super) fn bare_name(name: &str) -> Result<String, Error> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() || name.chars().count() > NAME_LIMIT || name.len() > NAME_BYTES_LIMIT {
        return Err(Error::invalid("The file has no name, or one of more than 255 characters or 512 bytes."));
    }
    Ok(name.to_owned())
}

/// Checks a file's name and publishes it; either way a line of the action log.
pub(super) async fn take(bucket: &Bucket, name: &str, bytes: Result<Bytes, Error>) -> Result<Published, Error> {
    let taken = try_take(bucket, name, bytes).await;
    match &taken {
        Ok(_) => log::action(Outcome::Success, &format!("image {} uploaded.", shown(name))),
        Err(error) => log::action(Outcome::Error, &format!("{} ({}).", complaint(error), shown(name))),
    }
    taken
}

async fn try_take(bucket: &Bucket, name: &str, bytes: Result<Bytes, Error>) -> Result<Published, Error> {
    let bytes = bytes?;
    check_name(name)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(too_large());
    }
    if Format::of_content(&bytes).is_none() {
        return Err(if is_other_image(&bytes) { not_allowed() } else { Error::invalid("This is not an image file") });
    }
    publish(bucket, bytes).await
}

/// Refuses a name whose extension is none of those that are taken.
pub(super) fn check_name(name: &str) -> Result<Format, Error> {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    Format::of_extension(extension).ok_or_else(not_allowed)
}

/// 413.
pub(super) fn too_large() -> Error {
    Error::new(Kind::TooLarge, "File too large")
}

fn not_allowed() -> Error {
    Error::invalid("File type not allowed")
}

/// What the action log says of an error.
fn complaint(error: &Error) -> &'static str {
    match (error.kind(), error.message()) {
        (Kind::TooLarge, _) => "file too large",
        (Kind::Invalid, "File type not allowed") => "unsupported file format",
        (Kind::Invalid, "This is not an image file") => "not an image file",
        (Kind::Invalid, _) => "invalid request",
        _ => "image not stored",
    }
}

/// Whether it is an image all the same.
fn is_other_image(bytes: &[u8]) -> bool {
    let begins = |(at, magic): &(usize, &[u8])| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(SVG_SEARCH)]).to_ascii_lowercase();
    OTHER_FORMATS.iter().any(begins) || head.contains("<svg")
}

#[cfg(test)]
mod tests {
    use super::{bare_name, check_name, is_other_image};

    #[test]
    fn the_extension_decides_what_a_name_may_be() {
        for name in ["a.jpg", "a.JPEG", ".png", "a.b.Gif", "a\u{202e}gpj.jpg"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["a", "jpg", "a.svg", "a.jpg.txt", "a.jpg ", "a.webp", "a.jp\u{435}g"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn folders_are_no_part_of_a_name() {
        assert_eq!(bare_name("C:\\photos\\a.jpg").unwrap(), "a.jpg");
        assert_eq!(bare_name("../../a.jpg").unwrap(), "a.jpg");
        assert!(bare_name("a/").is_err() && bare_name("").is_err() && bare_name(&"a".repeat(256)).is_err());
    }

    #[test]
    fn other_images_are_told_from_what_is_none() {
        assert!(is_other_image(b"<?xml version=\"1.0\"?><SVG xmlns=\"\">") && is_other_image(b"RIFF\0\0\0\0WEBPVP8 "));
        assert!(!is_other_image(b"<html><body>") && !is_other_image(b"") && !is_other_image(b"plain text"));
    }
}
