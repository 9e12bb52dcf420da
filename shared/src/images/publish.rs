//! From the bytes of an upload to a published image and a token for it.

use bytes::Bytes;
use tokio::sync::OwnedMutexGuard;

use super::attempt::{Attempt, Held};
use super::contents::{self, State};
use super::image::Image;
use super::pixels::{Picture, Refusal, examine};
use super::turn::turn;
use super::variant;
use super::{BUSY, THUMBNAIL};
use crate::error::Error;
use crate::storage::{Bucket, Versioned};
use crate::work::on_cpu;
use crate::{random_name, sha256};

/// How often an upload begins again because the image of the same content left meanwhile.
const ROUNDS: usize = 16;

/// What an uploader gets.
#[derive(Clone, Debug)]
pub struct Published {
    /// The image.
    pub image: Image,
    /// With this it may be deleted; nobody else has it, and only its SHA-256 is kept.
    pub token: String,
}

/// Checks, cleans and publishes an image. The same bytes give the same image, each time with another token.
///
/// # Errors
/// 400 if it is none that is taken.
pub async fn publish(bucket: &Bucket, original: Bytes) -> Result<Published, Error> {
    let content = {
        let original = original.clone();
        on_cpu(BUSY, move || sha256(&original)).await?
    };
    let mut upload = Upload { bucket, content, original, picture: None, turn: None };
    for _ in 0..ROUNDS {
        if let Some(published) = upload.attempt().await? {
            return Ok(published);
        }
    }
    Err(Error::unavailable("The image is being deleted as often as it is uploaded."))
}

struct Upload<'a> {
    bucket: &'a Bucket,
    content: String,
    original: Bytes,
    picture: Option<Picture>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Upload<'_> {
    /// `None` if the image has left before its token was there.
    async fn attempt(&mut self) -> Result<Option<Published>, Error> {
        let found = self.found().await?;
        let (image, whole) = match found.as_ref().map(|found| &found.value) {
            Some(State::Live(image) | State::Leaving(image)) => (image.clone(), true),
            Some(State::Making(image)) if sha256(&self.picture().await?.bytes) == image.sha256 => {
                (image.clone(), false)
            }
            // Nothing, or what another version of this program made of it.
            None | Some(State::Gone | State::Making(_)) => {
                let image = Image::new(self.picture().await?);
                if !contents::begin(self.bucket, &self.content, found.as_ref(), &image).await? {
                    return Ok(None);
                }
                (image, false)
            }
        };
        let token = random_name();
        let held = Held { content: self.content.clone(), image, token: sha256(token.as_bytes()) };
        let begun = Attempt::Token(held.clone()).begin(self.bucket).await?;
        if !whole {
            let picture = self.picture().await?.clone();
            variant::put_all(self.bucket, &held.image, picture.bytes, picture.thumbnail).await?;
        }
        held.put(self.bucket).await?;
        if contents::confirm(self.bucket, &self.content, &held.image).await? {
            held.list(self.bucket).await?;
            begun.succeed().await?;
            return Ok(Some(Published { image: held.image, token }));
        }
        begun.undo().await?;
        Ok(None)
    }

    /// The record; if the image is still to be made, when it is this upload's turn to do so: whoever uploads the same at
    /// once need not decode it as often.
    async fn found(&mut self) -> Result<Option<Versioned<State>>, Error> {
        let whole = |found: &Option<Versioned<State>>| {
            matches!(found.as_ref().map(|found| &found.value), Some(State::Live(_) | State::Leaving(_)))
        };
        let mut found = contents::read(self.bucket, &self.content).await?;
        if !whole(&found) && self.turn.is_none() {
            self.turn = Some(turn(&self.content).await);
            found = contents::read(self.bucket, &self.content).await?;
        }
        if whole(&found) {
            self.turn = None;
        }
        Ok(found)
    }

    /// The picture, decoded when it is asked for first.
    async fn picture(&mut self) -> Result<&Picture, Error> {
        let picture = match self.picture.take() {
            Some(picture) => picture,
            None => {
                let original = self.original.clone();
                on_cpu(BUSY, move || examine(&original, THUMBNAIL)).await?.map_err(refusal)?
            }
        };
        Ok(self.picture.insert(picture))
    }
}

/// What is said of bytes that are not taken.
fn refusal(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Type => Error::invalid("File type not allowed"),
        Refusal::Damaged(why) => Error::invalid("This is not an image file").caused_by(why),
    }
}
