//! What is under way: written before anything else, deleted after everything else.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::contents;
use super::image::Image;
use crate::error::Error;
use crate::random_name;
use crate::storage::{Bucket, ImageKey, Key, Put};

/// Something that takes several steps, and what to do about it when it is found cut short.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "lowercase")]
pub(super) enum Attempt {
    /// An upload whose token nobody was told, or a deletion: the token goes, and the image if that was the last.
    Token(Held),
    /// A variant: it goes if its image has gone.
    Variant {
        /// The image.
        name: String,
        /// In pixels.
        width: u32,
    },
}

/// A token, and what it is for. The same is what is stored under the token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Held {
    /// The image's content.
    pub(super) content: String,
    pub(super) image: Image,
    /// Its SHA-256, in hex.
    pub(super) token: String,
}

/// One that is written down.
pub(super) struct Begun<'a> {
    attempt: Attempt,
    nonce: String,
    bucket: &'a Bucket,
}

impl Attempt {
    pub(super) async fn begin(self, bucket: &Bucket) -> Result<Begun<'_>, Error> {
        let nonce = random_name();
        bucket.create(&Key::Image(ImageKey::Attempt(&nonce)), &self).await?;
        Ok(Begun { attempt: self, nonce, bucket })
    }

    /// Leaves things as if it had not begun, or had ended. Safe to run twice.
    pub(super) async fn undo(&self, bucket: &Bucket) -> Result<(), Error> {
        match self {
            Self::Token(held) => {
                bucket.delete(&held.key()).await?;
                contents::retire(bucket, &held.content, &held.image).await
            }
            Self::Variant { name, width } => {
                if bucket.head(&Key::Image(ImageKey::Published(name))).await?.is_none() {
                    bucket.delete(&Key::Image(ImageKey::Variant { name, width: *width })).await?;
                }
                Ok(())
            }
        }
    }
}

impl Begun<'_> {
    /// It has come to its end.
    pub(super) async fn succeed(self) -> Result<(), Error> {
        Ok(self.bucket.delete(&Key::Image(ImageKey::Attempt(&self.nonce))).await?)
    }

    /// See [`Attempt::undo`].
    pub(super) async fn undo(self) -> Result<(), Error> {
        self.attempt.undo(self.bucket).await?;
        self.succeed().await
    }
}

impl Held {
    fn key(&self) -> Key<'_> {
        Key::Image(ImageKey::Token { name: &self.image.name, digest: &self.token })
    }

    /// Puts the token, by which the image is found again.
    pub(super) async fn put(&self, bucket: &Bucket) -> Result<(), Error> {
        bucket.create(&self.key(), self).await?;
        Ok(())
    }

    /// Writes the line of the catalogue, which may be there already. Only whoever has put a token and found the image
    /// live may do so: it cannot go before that token is used, and nobody was told it yet.
    pub(super) async fn list(&self, bucket: &Bucket) -> Result<(), Error> {
        bucket.put(&Key::Image(ImageKey::Line(self.image.line())), Bytes::new(), Put::default()).await?;
        Ok(())
    }
}
