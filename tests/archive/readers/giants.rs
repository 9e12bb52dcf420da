//! The boundaries of 32 bits: archives of 4 GiB, whose contents are zeros and their files full of holes.

use std::io::Write;

use tests::memory::Content;
use tests::require;

use super::Archive;

/// The first size, length or offset that does not fit: it stands for "look into the zip64 field".
const LIMIT: u64 = 0xFFFF_FFFF;

/// A large object and a small one behind it. The small one's name is after the large one's.
fn check(large: u64, known: bool) {
    if !require::everything() {
        // Not the macro: the test runner would swallow what it prints.
        let _ = writeln!(std::io::stderr(), "skipped: PANNIER_REQUIRE=all (4 GiB archives take minutes)");
        return;
    }
    let small = Content::Bytes("the end".into());
    let archive = Archive::of(vec![("large".to_owned(), Content::Zeros(large)), ("small".to_owned(), small)], known);
    // `zip -T` has `unzip` test all of it.
    archive.check_except(&["unzip"]);
}

/// The size of an object in blocks whose deflate stream, before anything is done about it, has this
/// length: 5 bytes for each 65,535.
fn in_blocks(length: u64) -> u64 {
    length - 5 * length.div_ceil(65_540)
}

/// The size of the first object that puts the second one's header at this offset. A local header is
/// 30 bytes, the name, and 9 of a timestamp.
fn before(offset: u64) -> u64 {
    offset - 30 - "large".len() as u64 - 9
}

/// One test an archive, so that they share the cores.
macro_rules! giants {
    ($($name:ident: $large:expr, $known:expr;)*) => {
        $(#[test]
        fn $name() {
            check($large, $known);
        })*
    };
}

giants! {
    a_size_that_just_fits: LIMIT - 1, true;
    a_size_of_the_limit: LIMIT, true;
    a_size_beyond_the_limit: LIMIT + 1, true;
    a_size_that_just_fits_in_blocks: LIMIT - 1, false;
    a_size_of_the_limit_in_blocks: LIMIT, false;
    a_size_beyond_the_limit_in_blocks: LIMIT + 1, false;
    blocks_that_just_fit: in_blocks(LIMIT - 1), false;
    blocks_of_the_limit: in_blocks(LIMIT), false;
    blocks_beyond_the_limit: in_blocks(LIMIT + 1), false;
    an_offset_that_just_fits: before(LIMIT - 1), true;
    an_offset_of_the_limit: before(LIMIT), true;
    an_offset_beyond_the_limit: before(LIMIT + 1), true;
}
