//! Which image has a content: the record that changes, and the moves between its states.

use serde::{Deserialize, Serialize};

use super::image::Image;
use crate::error::Error;
use crate::storage::{Bucket, Creation, ImageKey, Key, Versioned};

/// How often a record is read again because another write came first: each of them moved it on.
const ROUNDS: usize = 64;

/// The states; see the folder's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "image", rename_all = "lowercase")]
pub(super) enum State {
    Making(Image),
    Live(Image),
    Leaving(Image),
    Gone,
}

impl State {
    fn image(&self) -> Option<&Image> {
        match self {
            Self::Making(image) | Self::Live(image) | Self::Leaving(image) => Some(image),
            Self::Gone => None,
        }
    }

    fn is_of(&self, name: &str) -> bool {
        self.image().is_some_and(|image| image.name == name)
    }
}

/// Reads the record of a content.
pub(super) async fn read(bucket: &Bucket, content: &str) -> Result<Option<Versioned<State>>, Error> {
    Ok(bucket.read(&Key::Image(ImageKey::Content(content))).await?)
}

/// Decides the name; `false` if another was quicker.
pub(super) async fn begin(
    bucket: &Bucket,
    content: &str,
    found: Option<&Versioned<State>>,
    image: &Image,
) -> Result<bool, Error> {
    let (key, making) = (Key::Image(ImageKey::Content(content)), State::Making(image.clone()));
    Ok(match found {
        None => bucket.create(&key, &making).await? == Creation::Made,
        Some(found) => bucket.replace(&key, found, &making).await?,
    })
}

/// Whether an image stays for whoever has just put a token; its objects must have been there before that.
pub(super) async fn confirm(bucket: &Bucket, content: &str, image: &Image) -> Result<bool, Error> {
    for _ in 0..ROUNDS {
        let Some(found) = read(bucket, content).await?.filter(|found| found.value.is_of(&image.name)) else {
            return Ok(false);
        };
        if matches!(found.value, State::Live(_)) || change(bucket, content, &found, State::Live(image.clone())).await? {
            return Ok(true);
        }
    }
    Err(busy())
}

/// Removes an image that nobody holds a token of.
pub(super) async fn retire(bucket: &Bucket, content: &str, image: &Image) -> Result<(), Error> {
    for _ in 0..ROUNDS {
        let Some(found) = read(bucket, content).await?.filter(|found| found.value.is_of(&image.name)) else {
            return purge(bucket, image).await;
        };
        // After the read: see `Leaving`.
        let held = is_held(bucket, &image.name).await?;
        let next = match (&found.value, held) {
            (State::Leaving(_), true) => State::Live(image.clone()),
            (State::Leaving(_), false) => State::Gone,
            (_, true) => return Ok(()),
            (_, false) => State::Leaving(image.clone()),
        };
        change(bucket, content, &found, next).await?;
    }
    Err(busy())
}

/// Deletes the objects of a name that no record has and none will have again.
async fn purge(bucket: &Bucket, image: &Image) -> Result<(), Error> {
    let key = |key| Key::Image(key);
    bucket.delete(&key(ImageKey::Line(image.line()))).await?;
    bucket.delete(&key(ImageKey::Published(&image.name))).await?;
    bucket.delete_listed(&key(ImageKey::Variants(&image.name)), |_| true).await?;
    Ok(bucket.delete_listed(&key(ImageKey::Tokens(&image.name)), |_| true).await?)
}

async fn is_held(bucket: &Bucket, name: &str) -> Result<bool, Error> {
    let mut pages = bucket.list(&Key::Image(ImageKey::Tokens(name))).of_at_most(1);
    Ok(pages.next().await?.is_some_and(|page| !page.is_empty()))
}

async fn change(bucket: &Bucket, content: &str, found: &Versioned<State>, next: State) -> Result<bool, Error> {
    Ok(bucket.replace(&Key::Image(ImageKey::Content(content)), found, &next).await?)
}

fn busy() -> Error {
    Error::unavailable("Too many work on this image at once.")
}
