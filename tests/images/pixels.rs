//! What is taken, what is not, and what is left of it.

use bytes::Bytes;
use shared::images::pixels::{Format, Picture, Refusal, examine, resize};

use super::pixels_samples::*;

fn taken(bytes: &Bytes) -> Picture {
    examine(bytes, THUMBNAIL).unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

#[test]
fn what_holds_nothing_to_remove_comes_out_byte_for_byte() {
    let samples = [(Format::Jpeg, jpeg(SIZE)), (Format::Png, rgb_png()), (Format::Gif, gif(SIZE, 3))];
    for (format, sample) in samples {
        let sample = Bytes::from(sample);
        let picture = taken(&sample);
        assert_eq!(picture.format, format);
        assert_eq!(picture.bytes, sample, "{format:?}");
        assert_eq!((picture.width, picture.height), (SIZE.0.into(), SIZE.1.into()));
        let thumbnail = picture.thumbnail.expect("it is wider");
        assert_eq!(resize(&picture.bytes, THUMBNAIL).unwrap(), thumbnail);
        let small = taken(&thumbnail);
        assert_eq!((small.format, small.width, small.height), (format, THUMBNAIL, 21));
        assert_eq!(small.bytes, thumbnail);
        assert!(small.thumbnail.is_none());
    }
}

#[test]
fn other_types_are_told_from_damage() {
    let others: [&[u8]; 5] =
        [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html>", b"RIFF\0\0\0\0WEBP", b"BM"];
    for other in others {
        assert_eq!(examine(&Bytes::from_static(other), THUMBNAIL).unwrap_err(), Refusal::Type);
    }
}
