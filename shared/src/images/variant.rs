//! An image in another width: made when it is asked for first, and kept.

use bytes::Bytes;

use super::attempt::Attempt;
use super::image::{Image, format_of};
use super::pixels::resize;
use super::turn::turn;
use super::{BUSY, THUMBNAIL, WIDTHS};
use crate::error::Error;
use crate::memory::IMAGES;
use crate::storage::{Bucket, Fault, Fetch, ImageKey, Key, Put};
use crate::work::on_cpu;

/// What is published never changes under its name (RFC 8246).
pub(super) const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// Where an object says how wide its picture is, so that nobody has to decode it for that.
const WIDTH: &str = "width";

/// Reads `?w=`; 400 if it is none of the widths.
pub(super) fn width(asked: &str) -> Result<u32, Error> {
    let width = asked.parse().ok().filter(|width| WIDTHS.contains(width));
    width.ok_or_else(|| Error::invalid(format!("w must be one of {WIDTHS:?}, in pixels.")))
}

/// Puts the image and its thumbnail, unless they are there.
pub(super) async fn put_all(
    bucket: &Bucket,
    image: &Image,
    bytes: Bytes,
    thumbnail: Option<Bytes>,
) -> Result<(), Error> {
    let key = Key::Image(ImageKey::Published(&image.name));
    let width = image.width.to_string();
    put_once(bucket, &key, &image.name, &[(WIDTH, &width)], bytes).await?;
    match thumbnail {
        Some(thumbnail) => put(bucket, &image.name, THUMBNAIL, thumbnail).await,
        None => Ok(()),
    }
}

/// Puts a variant, unless it is there.
async fn put(bucket: &Bucket, name: &str, width: u32, bytes: Bytes) -> Result<(), Error> {
    put_once(bucket, &Key::Image(ImageKey::Variant { name, width }), name, &[], bytes).await
}

async fn put_once(
    bucket: &Bucket,
    key: &Key<'_>,
    name: &str,
    metadata: &[(&str, &str)],
    bytes: Bytes,
) -> Result<(), Error> {
    let content_type = format_of(name).map(|format| format.media_type());
    let put = Put { content_type, cache_control: Some(FOR_GOOD), metadata, if_absent: true, ..Put::default() };
    match bucket.put(key, bytes, put).await {
        Err(error) if error.fault != Fault::Precondition => Err(error.into()),
        _ => Ok(()),
    }
}

/// What became of making a variant.
pub(super) enum Made {
    /// It is there.
    Variant,
    /// The image is not wider: it is its own variant.
    AsItIs,
    /// There is no such image.
    Nothing,
}

/// Makes a variant if it is narrower than the image.
pub(super) async fn make(bucket: &Bucket, name: &str, width: u32) -> Result<Made, Error> {
    let key = Key::Image(ImageKey::Published(name));
    let Some(head) = bucket.head(&key).await? else { return Ok(Made::Nothing) };
    let own = head.metadata.get(WIDTH).and_then(|own| own.parse::<u32>().ok());
    if own.is_none_or(|own| own <= width) {
        return Ok(Made::AsItIs);
    }
    // Who asks for the same at once need not make it as often.
    let _turn = turn(&format!("{name}/{width}")).await;
    if bucket.head(&Key::Image(ImageKey::Variant { name, width })).await?.is_some() {
        return Ok(Made::Variant);
    }
    let room = IMAGES.room(head.size).await?;
    let original = match bucket.get_bytes(&key, Fetch::default()).await {
        Ok(original) => original,
        Err(error) if error.fault == Fault::Missing => return Ok(Made::Nothing),
        Err(error) => return Err(error.into()),
    };
    let resized = on_cpu(BUSY, move || (resize(&original, width), room)).await?.0;
    let resized = resized.map_err(|refusal| Error::internal("resize an image", format!("{refusal:?}")))?;
    let begun = Attempt::Variant { name: name.to_owned(), width }.begin(bucket).await?;
    put(bucket, name, width, resized).await?;
    // The image may have been deleted meanwhile, and then nobody else would delete this.
    begun.undo().await?;
    Ok(Made::Variant)
}
