//! Images with damage that nobody thought of.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use shared::images::pixels::examine;

use super::pixels_crafted::{Flat, PROGRESSIVE};
use super::pixels_samples::*;

/// What may happen to an image.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Cut(Index),
    Remove(Index, u8),
    Repeat(Index, u8),
    Insert(Index, Vec<u8>),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        // Bytes that mean something to some format.
        let byte = prop_oneof![any::<u8>(), prop::sample::select(&b"\xff\x00\xd9\xda\xe1,;!\x80"[..])];
        prop_oneof![
            6 => (any::<Index>(), byte).prop_map(|(at, byte)| Self::Set(at, byte)),
            1 => any::<Index>().prop_map(Self::Cut),
            1 => (any::<Index>(), any::<u8>()).prop_map(|(at, length)| Self::Remove(at, length)),
            1 => (any::<Index>(), any::<u8>()).prop_map(|(at, length)| Self::Repeat(at, length)),
            1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, more)| Self::Insert(at, more)),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let range = |at: &Index, length: &u8| {
            let start = at.index(bytes.len());
            start..(start + usize::from(*length)).min(bytes.len())
        };
        match self {
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len()).max(1)),
            Self::Remove(at, length) => drop(bytes.drain(range(at, length).start.max(1)..range(at, length).end.max(1))),
            Self::Repeat(at, length) => {
                let again = bytes[range(at, length)].to_vec();
                let end = range(at, length).end;
                bytes.splice(end..end, again);
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
        }
    }
}

/// Makes the checksums of a PNG right again: most damage would be refused for them alone.
fn repaired(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(length) = bytes.get(at..).and_then(<[u8]>::first_chunk).map(|length| u32::from_be_bytes(*length)) {
        let end = at + 8 + length as usize;
        let Some(crc32) = bytes.get(at + 4..end).map(crc32fast::hash) else { break };
        let Some(place) = bytes.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&crc32.to_be_bytes());
        at = end + 4;
    }
    bytes
}

fn samples() -> Vec<Vec<u8>> {
    let oriented = segment(0xe1, &[b"Exif\0\0", &exif(6)[..]].concat());
    let indexed = png(SIZE, png::ColorType::Indexed, png::BitDepth::Four);
    let deep = png((40, 20), png::ColorType::Rgba, png::BitDepth::Sixteen);
    let profile = [&b"A name\0\0"[..], &deflated(&profile(300))].concat();
    vec![
        with_segments(&jpeg(SIZE), &oriented).to_vec(),
        Flat { coding: PROGRESSIVE, scans: 4, ..Flat::grey(40, 20) }.with(&[]).to_vec(),
        Flat { coding: PROGRESSIVE, components: 3, scans: 3, ..Flat::grey(40, 20) }.with(&[]).to_vec(),
        Flat { components: 4, ..Flat::grey(40, 20) }.with(&[]).to_vec(),
        with_chunks(&rgb_png(), &chunk(b"eXIf", &exif(5))).to_vec(),
        with_chunks(&indexed, &chunk(b"tRNS", &[0, 128])).to_vec(),
        with_chunks(&deep, &chunk(b"iCCP", &profile)).to_vec(),
        apng((40, 20), 3).to_vec(),
        with_blocks(&gif((40, 20), 3), &extension(0xfe, &[b"comment"])).to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn damage_never_panics_and_what_is_taken_stays_taken(
        sample in 0..9_usize,
        damages in prop::collection::vec(Damage::any(), 0..6),
        repair in any::<bool>(),
    ) {
        let mut bytes = samples().swap_remove(sample);
        for damage in damages {
            damage.apply(&mut bytes);
        }
        let bytes = Bytes::from(if repair && bytes.starts_with(b"\x89PNG") { repaired(bytes) } else { bytes });
        if let Ok(picture) = examine(&bytes, THUMBNAIL) {
            prop_assert!(picture.bytes.len() <= bytes.len());
            let again = examine(&picture.bytes, THUMBNAIL);
            prop_assert!(again.is_ok(), "{again:?}");
            let again = again.unwrap();
            prop_assert!(again.bytes == picture.bytes);
            prop_assert_eq!((again.width, again.height), (picture.width, picture.height));
            prop_assert!(again.thumbnail == picture.thumbnail);
            if let Some(before) = decoded(&bytes) {
                prop_assert!(decoded(&picture.bytes) == Some(before), "other pixels");
            }
        }
    }
}
