//! Which parts an archive is put together of. Pure.
//!
//! A part has 5 MiB to 5 GiB, the last at least a byte, and there are 10,000 at most (S3 user guide, "multipart upload
//! limits"). Between two contents lies at least a header, far too small for a part. So what is sent goes on into the
//! content behind it until there is enough, and the rest of that content is copied, if it is a part by itself. Which contents
//! are worth it is chosen so that the fewest bytes are sent.
//!
//! Where that makes too many parts, those that are sent are larger, so that fewer contents are copied.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::archive::layout::Form;
use crate::archive::plan::Plan;
use crate::hex;
use crate::storage::{PART_MINIMUM, PARTS_LIMIT};

/// The largest object, in bytes (S3 user guide, same place).
const OBJECT_LIMIT: u64 = 5 << 40;

/// The least that is sent before something is copied, in bytes; the next is tried where the one before makes too many parts.
/// As much of a part is held in memory.
const LEAST: [u64; 5] = [PART_MINIMUM, 10 << 20, 20 << 20, 40 << 20, 64 << 20];

/// The largest part that is sent, unless [`LEAST`] asks for more.
const SENT: u64 = 16 << 20;

/// The largest part that is copied, unless there would be more than [`COPIES`] of the whole: a store that really copies needs
/// seconds for it.
const COPIED: u64 = 512 << 20;

/// So many parts of an archive of one content; of the largest each has less than 5 GiB.
const COPIES: u64 = 4_000;

/// A content that may be copied.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Of which entry.
    pub(super) entry: usize,
    /// Where in the archive it begins.
    pub(super) at: u64,
    /// Its bytes.
    pub(super) size: u64,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Which bytes of the archive.
    pub(super) bytes: Range<u64>,
    /// The entry whose object has them and which bytes of that they are; `None` for what is sent.
    pub(super) copied: Option<(usize, Range<u64>)>,
}

impl Part {
    /// Its bytes.
    pub(super) fn length(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }
}

/// The parts of a settled archive; `None` if the store has no room for so many, or for so large an object.
pub(super) fn of(plan: &Plan) -> Option<Vec<Part>> {
    let contents: Vec<Content> = (0..plan.entries.len())
        .filter_map(|entry| {
            let member = plan.member(entry);
            let large = member.form == Form::Stored && member.size >= PART_MINIMUM;
            large.then(|| Content { entry, at: plan.layout.offset(entry) + member.header_length(), size: member.size })
        })
        .collect();
    cut(&contents, plan.layout.total())
}

/// Stands for parts: what was begun with others, by an older version of this program, cannot be gone on with.
pub(super) fn digest(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.bytes.end.to_le_bytes());
        hash.update([u8::from(part.copied.is_some())]);
    }
    let digest = hash.finalize();
    hex(&digest[..8])
}

/// The parts of `total` bytes in which these contents lie, in order, each behind at least a byte of something else.
fn cut(contents: &[Content], total: u64) -> Option<Vec<Part>> {
    let limit = usize::try_from(PARTS_LIMIT).ok()?;
    let ways = LEAST.iter().map(|least| cut_with(contents, total, *least));
    ways.filter(|_| total <= OBJECT_LIMIT).find(|parts| parts.len() <= limit)
}

fn cut_with(contents: &[Content], total: u64, least: u64) -> Vec<Part> {
    let (sent, copied) = (SENT.max(least), COPIED.max(total.div_ceil(COPIES)));
    let (mut parts, mut at) = (Vec::new(), 0);
    for (content, from) in chosen(contents, total, least) {
        parts.extend(evenly(at..from, sent).map(|bytes| Part { bytes, copied: None }));
        at = content.at + content.size;
        parts.extend(evenly(from..at, copied).map(|bytes| {
            let range = bytes.start - content.at..bytes.end - content.at;
            Part { bytes, copied: Some((content.entry, range)) }
        }));
    }
    parts.extend(evenly(at..total, sent).map(|bytes| Part { bytes, copied: None }));
    parts
}

/// A way up to the end of a content that is copied.
struct Step {
    /// Bytes that are sent on it.
    sent: u64,
    /// Where the archive is copied from, and to.
    from: u64,
    end: u64,
    /// The content, and the step before this one.
    content: usize,
    before: Option<usize>,
}

/// The contents to copy so that the fewest bytes are sent, each with where in the archive its copy begins.
///
/// The best way up to a content is that up to one before it, and what is sent between. Of those which end at least `least`
/// before it, one is the best for all that follow; there are few others.
fn chosen(contents: &[Content], total: u64, least: u64) -> Vec<(&Content, u64)> {
    let mut steps: Vec<Step> = Vec::new();
    // What the best of the far ways has saved, and the first of the near ones. To have copied nothing yet is a far one.
    let (mut far, mut near) = ((0_u64, None), 0);
    let saved = |steps: &[Step], step: Option<usize>| step.map_or(0, |step| steps[step].end - steps[step].sent);
    for (index, content) in contents.iter().enumerate() {
        while near < steps.len() && steps[near].end + least <= content.at {
            if saved(&steps, Some(near)) > far.0 {
                far = (saved(&steps, Some(near)), Some(near));
            }
            near += 1;
        }
        let end = content.at + content.size;
        let ways = std::iter::once(far.1).chain((near..steps.len()).map(Some));
        let best = ways
            .filter_map(|before| {
                let at = before.map_or(0, |step: usize| steps[step].end);
                let from = content.at.max(at + least);
                (from + PART_MINIMUM <= end).then(|| (from - saved(&steps, before), from, before))
            })
            .min_by_key(|(sent, ..)| *sent);
        steps.extend(best.map(|(sent, from, before)| Step { sent, from, end, content: index, before }));
    }
    let last = (0..steps.len()).max_by_key(|step| saved(&steps, Some(*step)));
    let back = std::iter::successors(last, |step| steps[*step].before);
    let mut chosen: Vec<_> = back.map(|step| (&contents[steps[step].content], steps[step].from)).collect();
    chosen.reverse();
    debug_assert!(chosen.iter().all(|(content, from)| content.at <= *from && *from < total));
    chosen
}

/// A range in as few pieces of at most `most` bytes as there can be, all but equal: of two or more none has less than half of
/// `most`.
fn evenly(range: Range<u64>, most: u64) -> impl Iterator<Item = Range<u64>> {
    let length = range.end - range.start;
    let count = length.div_ceil(most);
    (0..count).map(move |piece| range.start + length * piece / count..range.start + length * (piece + 1) / count)
}

#[cfg(test)]
mod tests {
    use super::{COPIED, Content, LEAST, Part, SENT, cut, cut_with};
    use crate::storage::{PART_MINIMUM, PARTS_LIMIT};

    const MIB: u64 = 1 << 20;
    const HEADER: u64 = 60;

    /// The contents of these sizes with a header before each and a directory behind, and the length of all.
    fn archive(sizes: &[u64]) -> (Vec<Content>, u64) {
        let (mut contents, mut at) = (Vec::new(), 0);
        for (entry, size) in sizes.iter().enumerate() {
            at += HEADER;
            if *size >= PART_MINIMUM {
                contents.push(Content { entry, at, size: *size });
            }
            at += size;
        }
        (contents, at + 80 * sizes.len() as u64 + 22)
    }

    fn sent(parts: &[Part]) -> u64 {
        parts.iter().filter(|part| part.copied.is_none()).map(Part::length).sum()
    }

    /// All bytes in their order, each from where it is, in parts that the store takes.
    fn check(contents: &[Content], total: u64, parts: &[Part]) {
        let mut at = 0;
        for (index, part) in parts.iter().enumerate() {
            assert_eq!(part.bytes.start, at);
            assert!(part.length() >= PART_MINIMUM || (index + 1 == parts.len() && part.length() > 0), "{part:?}");
            assert!(part.length() <= 5 << 30, "{part:?}");
            assert!(part.copied.is_some() || part.length() <= LEAST[LEAST.len() - 1], "{part:?} in memory");
            at = part.bytes.end;
            if let Some((entry, range)) = &part.copied {
                let content = contents.iter().find(|content| content.entry == *entry).expect("a content");
                assert!(range.end <= content.size && content.at + range.start == part.bytes.start, "{part:?}");
                // Of a small object only all can be copied.
                assert!(content.size > PART_MINIMUM || *range == (0..content.size), "{part:?}");
                assert_eq!(range.end - range.start, part.length());
            }
        }
        assert_eq!(at, total);
    }

    /// What the cheapest choice of contents to copy would send: all choices are tried.
    fn cheapest(contents: &[Content], total: u64, least: u64) -> u64 {
        let choices = 0..1_u32 << contents.len();
        let costs = choices.filter_map(|choice| {
            let (mut at, mut cost) = (0, 0);
            for (_, content) in contents.iter().enumerate().filter(|(index, _)| choice >> index & 1 == 1) {
                let (from, end) = (content.at.max(at + least), content.at + content.size);
                if from + PART_MINIMUM > end {
                    return None;
                }
                cost += from - at;
                at = end;
            }
            Some(cost + total - at)
        });
        costs.min().expect("nothing copied is a choice")
    }

    struct Dice(u64);

    impl Dice {
        /// A number below `limit` (SplitMix64, whose constants these are).
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (mixed ^ (mixed >> 31)) % limit
        }

        /// Sizes crowd where something changes.
        fn size(&mut self) -> u64 {
            let around = [0, 1, PART_MINIMUM, 2 * PART_MINIMUM, SENT, SENT + PART_MINIMUM, COPIED, 2 * COPIED, 5 << 30];
            match self.below(4) {
                0 => self.below(2 * MIB),
                1 => self.below(40 * MIB),
                2 => self.below(12 << 30),
                _ => {
                    let edge = usize::try_from(self.below(around.len() as u64)).unwrap();
                    (around[edge] + self.below(2 * HEADER)).saturating_sub(self.below(2 * HEADER))
                }
            }
        }
    }

    #[test]
    fn random_archives_are_cut_into_parts_that_the_store_takes_and_nothing_is_sent_in_vain() {
        for seed in 0..3_000 {
            let mut dice = Dice(seed);
            let sizes: Vec<u64> = (0..=dice.below(11)).map(|_| dice.size()).collect();
            let (contents, total) = archive(&sizes);
            let parts = cut(&contents, total).expect("few parts");
            assert_eq!(parts, cut_with(&contents, total, PART_MINIMUM));
            for least in LEAST {
                let parts = cut_with(&contents, total, least);
                check(&contents, total, &parts);
                assert_eq!(sent(&parts), cheapest(&contents, total, least), "seed {seed}, {least}: {sizes:?}");
            }
        }
    }

    #[test]
    fn sizes_around_the_limits() {
        let one = |size: u64| {
            let (contents, total) = archive(&[size]);
            let parts = cut(&contents, total).unwrap();
            check(&contents, total, &parts);
            (parts.len(), parts.iter().filter(|part| part.copied.is_some()).count())
        };
        assert_eq!(one(PART_MINIMUM - 1), (1, 0));
        assert_eq!(one(PART_MINIMUM), (1, 0));
        // The header and what fills it up leave a byte too few, and then just enough.
        assert_eq!(one(2 * PART_MINIMUM - HEADER - 1), (1, 0));
        assert_eq!(one(2 * PART_MINIMUM - HEADER), (3, 1));
        assert_eq!(one(COPIED + PART_MINIMUM - HEADER), (3, 1));
        assert_eq!(one(COPIED + PART_MINIMUM - HEADER + 1), (4, 2));
        assert_eq!(one(5 << 30), (12, 10));
        let tebibytes = one((5 << 40) - MIB);
        assert!(tebibytes.0 <= 4_003 && tebibytes.1 >= 3_999, "{tebibytes:?}");
        let (contents, total) = archive(&[5 << 40]);
        assert_eq!(cut(&contents, total), None, "larger than an object can be");
    }

    #[test]
    fn a_content_is_copied_whole_behind_enough_small_ones() {
        let (contents, total) = archive(&[3 * MIB, 3 * MIB, 5 * MIB]);
        let parts = cut(&contents, total).unwrap();
        check(&contents, total, &parts);
        assert_eq!(parts[1].copied, Some((2, 0..5 * MIB)));
    }

    #[test]
    fn many_parts_make_larger_ones_and_at_last_none() {
        let parts_of = |sizes: &[u64]| {
            let (contents, total) = archive(sizes);
            let parts = cut(&contents, total);
            parts.iter().for_each(|parts| {
                check(&contents, total, parts);
                assert!(parts.len() <= usize::try_from(PARTS_LIMIT).unwrap());
            });
            parts.map(|parts| sent(&parts) as f64 / total as f64)
        };
        // Two parts for each entry, up to just 10,000 with the directory.
        let share = parts_of(&vec![20 * MIB; 4_999]).unwrap();
        assert!((0.25..0.2502).contains(&share), "{share}");
        let share = parts_of(&vec![20 * MIB; 5_000]).unwrap();
        assert!((0.5..0.501).contains(&share), "{share}");
        assert!(parts_of(&vec![20 * MIB; 12_000]).is_some());
        assert_eq!(parts_of(&vec![4 * MIB; 159_000]), Some(1.0));
        assert_eq!(parts_of(&vec![4 * MIB; 161_000]), None);
        let (contents, total) = archive(&vec![20 * MIB; 5_000]);
        assert_eq!(cut_with(&contents, total, PART_MINIMUM).len(), 10_001);
    }
}
