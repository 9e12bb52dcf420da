//! What is under way: written before anything else, deleted after everything else.

use serde::{Deserialize, Serialize};

use super::contents;
use super::image::Image;
use crate::error::Error;
use crate::random_name;
use crate::storage::{Bucket, ImageKey, Key, Put};

/// An upload or a deletion, and what to do about it when it is found cut short: without its token, and without the
/// image if that was the last.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// The image's content.
    pub(super) content: String,
    pub(super) image: Image,
    /// SHA-256 of the token that nobody was told, or that was used.
    pub(super) token: String,
}

/// One that is written down.
pub(super) struct Begun<'a> {
    pub(super) attempt: Attempt,
    nonce: String,
    bucket: &'a Bucket,
}

impl Attempt {
    pub(super) async fn begin(self, bucket: &Bucket) -> Result<Begun<'_>, Error> {
        let nonce = random_name();
        bucket.create(&Key::Image(ImageKey::Attempt(&nonce)), &self).await?;
        Ok(Begun { attempt: self, nonce, bucket })
    }

    /// Takes back the token, and the image if that was the last. Safe to run twice.
    pub(super) async fn undo(&self, bucket: &Bucket) -> Result<(), Error> {
        let token = ImageKey::Token { name: &self.image.name, digest: &self.token };
        bucket.delete(&Key::Image(token)).await?;
        contents::retire(bucket, &self.content, &self.image).await
    }
}

impl Begun<'_> {
    /// The token may be told.
    pub(super) async fn succeed(self) -> Result<(), Error> {
        Ok(self.bucket.delete(&Key::Image(ImageKey::Attempt(&self.nonce))).await?)
    }

    /// See [`Attempt::undo`].
    pub(super) async fn undo(self) -> Result<(), Error> {
        self.attempt.undo(self.bucket).await?;
        self.succeed().await
    }

    /// Puts the token, by which the image is found again.
    pub(super) async fn put_token(&self) -> Result<(), Error> {
        let Attempt { content, image, token } = &self.attempt;
        let held = Held { content: content.clone(), image: image.clone() };
        let key = Key::Image(ImageKey::Token { name: &image.name, digest: token });
        self.bucket.create(&key, &held).await?;
        Ok(())
    }

    /// Writes the image, its thumbnail and its line. Each may be there already.
    pub(super) async fn put_objects(&self, bytes: bytes::Bytes, thumbnail: Option<bytes::Bytes>) -> Result<(), Error> {
        let image = &self.attempt.image;
        super::variant::put_original(self.bucket, image, bytes).await?;
        if let Some(thumbnail) = thumbnail {
            super::variant::put(self.bucket, &image.name, super::THUMBNAIL, thumbnail).await?;
        }
        // After the image: what the catalogue lists can be fetched.
        let line = Key::Image(ImageKey::Line(image.line()));
        self.bucket.put(&line, bytes::Bytes::new(), Put::default()).await?;
        Ok(())
    }
}

/// What a token is for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) content: String,
    pub(super) image: Image,
}
