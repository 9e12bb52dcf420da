//! What is known of a published image.

use serde::{Deserialize, Serialize};

use super::THUMBNAIL;
use super::pixels::{Format, Picture};
use crate::error::Error;
use crate::storage::image_key::Line;
use crate::{clock, is_id, random_name, sha256};

/// Characters of a name before its extension: 128 bits in base64.
const ID_LENGTH: usize = 22;

/// A published image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The last segment of its address.
    pub name: String,
    /// Width as displayed, in pixels.
    pub width: u32,
    /// Height as displayed, in pixels.
    pub height: u32,
    /// Bytes.
    pub bytes: u64,
    /// Of the bytes that are served, in hex.
    pub sha256: String,
    /// When it was uploaded first: milliseconds since 1970.
    pub uploaded: u64,
}

impl Image {
    /// A picture under a name that nobody can guess.
    pub(super) fn new(picture: &Picture) -> Self {
        Self {
            name: format!("{}.{}", random_name(), picture.format.extension()),
            width: picture.width,
            height: picture.height,
            bytes: picture.bytes.len() as u64,
            sha256: sha256(&picture.bytes),
            uploaded: clock::now(),
        }
    }

    /// Its name without the extension.
    pub fn id(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// What the catalogue tells of it.
    pub(super) fn line(&self) -> Line<'_> {
        Line { uploaded: self.uploaded, name: &self.name, width: self.width, height: self.height, bytes: self.bytes }
    }
}

/// The format of an image by its name; `None` if no image can have that name.
pub(super) fn format_of(name: &str) -> Option<Format> {
    let (id, extension) = name.split_once('.')?;
    let random = id.len() == ID_LENGTH && is_id(id, ID_LENGTH);
    Format::of_extension(extension).filter(|format| random && format.extension() == extension)
}

/// 404.
pub(super) fn missing() -> Error {
    Error::not_found("There is no such image.")
}

/// The address of an image, and of its thumbnail.
pub(super) fn urls(base: &str, name: &str) -> (String, String) {
    let url = format!("{base}/images/{name}");
    let thumbnail = format!("{url}?w={THUMBNAIL}");
    (url, thumbnail)
}

#[cfg(test)]
mod tests {
    use super::format_of;
    use crate::random_name;

    #[test]
    fn a_name_is_random_and_has_the_extension_of_its_format() {
        assert!(format_of(&format!("{}.jpg", random_name())).is_some());
        let id = "A".repeat(22);
        for name in [".jpg", "a.jpg", &id, &format!("{id}."), &format!("{id}.jpeg"), &format!("{id}.JPG")] {
            assert!(format_of(name).is_none(), "{name}");
        }
        for name in [format!("{id}.png.jpg"), format!("../{}.png", &id[3..]), format!("{id}.svg"), format!("{id}.png/")]
        {
            assert!(format_of(&name).is_none(), "{name}");
        }
    }
}
