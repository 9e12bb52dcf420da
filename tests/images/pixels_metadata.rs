//! What is published of an image, and what is not.

use bytes::Bytes;
use shared::images::pixels::{Picture, examine, resize};

use super::pixels_crafted::{Flat, small_gif};
use super::pixels_samples::*;

/// Words that may not be found in anything that is published.
const SECRET: &[u8] = b"GPS-48.2081,16.3738";

fn taken(bytes: &Bytes) -> Picture {
    examine(bytes, THUMBNAIL).unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

fn holds(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

/// Checks that `dirty` comes out as `clean`.
fn cleaned(dirty: &Bytes, clean: &[u8], what: &str) {
    assert!(dirty.len() > clean.len(), "{what}: there is something to remove");
    let picture = taken(dirty);
    assert_eq!(picture.bytes, clean, "{what}");
    assert!(!picture.thumbnail.is_some_and(|thumbnail| holds(&thumbnail, SECRET)), "{what}");
}

#[test]
fn segments_that_identify_people_go() {
    let clean = jpeg(SIZE);
    let words = |before: &[u8]| [before, SECRET].concat();
    let segments = [
        ("a comment", segment(0xfe, SECRET)),
        ("XMP", segment(0xe1, &words(b"http://ns.adobe.com/xap/1.0/\0"))),
        ("extended XMP", segment(0xe1, &words(b"http://ns.adobe.com/xmp/extension/\0"))),
        ("Exif without an orientation", segment(0xe1, &[b"Exif\0\0", &exif(1)[..]].concat())),
        ("Exif that is none", segment(0xe1, &words(b"Exif\0\0MM\0*"))),
        ("an index of pictures", segment(0xe2, &words(b"MPF\0MM\0*"))),
        ("a profile that is none", segment(0xe2, &words(b"ICC_PROFILE\0\x01\x01"))),
        ("a thumbnail", segment(0xe0, &words(b"JFXX\0\x13"))),
        ("Photoshop", segment(0xed, &words(b"Photoshop 3.0\08BIM"))),
        ("a maker's own", segment(0xe5, SECRET)),
        ("what is reserved", segment(0xf0, SECRET)),
        ("fill bytes", vec![0xff; 9]),
        ("nothing in particular", SECRET.to_vec()),
    ];
    for (what, segment) in segments {
        // The first marker of this file is JFIF's: behind it, so that it stays the first.
        let after = 2 + 18;
        let dirty = Bytes::from([&clean[..after], &segment, &clean[after..]].concat());
        cleaned(&dirty, &clean, what);
    }
}

#[test]
fn a_little_picture_in_the_jfif_header_goes() {
    let clean = jpeg(SIZE);
    assert_eq!(&clean[6..11], b"JFIF\0");
    let header = [&clean[6..18], &[2, 2], &[77; 12]].concat();
    let dirty = Bytes::from([&clean[..2], &segment(0xe0, &header), &clean[20..]].concat());
    cleaned(&dirty, &clean, "JFIF");
}

#[test]
fn chunks_that_identify_people_go() {
    let clean = rgb_png();
    let words = |before: &[u8]| [before, SECRET].concat();
    let chunks = [
        ("text", chunk(b"tEXt", &words(b"Comment\0"))),
        ("compressed text", chunk(b"zTXt", &[&b"Comment\0\0"[..], &deflated(SECRET)].concat())),
        ("international text", chunk(b"iTXt", &words(b"XML:com.adobe.xmp\0\0\0\0\0"))),
        ("a time", chunk(b"tIME", &[7, 0xe8, 1, 1, 1, 1, 1])),
        ("Exif without an orientation", chunk(b"eXIf", &exif(1))),
        ("a chunk of somebody's own", chunk(b"prVt", SECRET)),
        ("a profile that is none", chunk(b"iCCP", &[&b"ICC\0\0"[..], &deflated(SECRET)].concat())),
        ("a gamma that is none", chunk(b"gAMA", SECRET)),
        ("frames of no animation", chunk(b"fdAT", SECRET)),
    ];
    for (what, chunk) in chunks {
        cleaned(&with_chunks(&clean, &chunk), &clean, what);
        let end = clean.len() - 12;
        cleaned(&Bytes::from([&clean[..end], &chunk, &clean[end..]].concat()), &clean, what);
    }
}

#[test]
fn blocks_that_identify_people_go() {
    let clean = gif(SIZE, 2);
    let blocks = [
        ("a comment", extension(0xfe, &[SECRET])),
        ("plain text", extension(0x01, &[&[0; 12], SECRET])),
        ("XMP", extension(0xff, &[b"XMP DataXMP", SECRET])),
        ("a profile that is none", extension(0xff, &[b"ICCRGBG1012", SECRET])),
        ("a label of somebody's own", extension(0x77, &[SECRET])),
        ("a control of nothing", extension(0xf9, &[&[0, 1, 0, 0], SECRET])),
        ("stray terminators", vec![0; 5]),
    ];
    for (what, block) in blocks {
        // What would be the control of the first image is one of the end here.
        let end = clean.len() - 1;
        cleaned(&Bytes::from([&clean[..end], &block, &clean[end..]].concat()), &clean, what);
        if what != "a control of nothing" {
            cleaned(&with_blocks(&clean, &block), &clean, what);
        }
    }
}

#[test]
fn what_follows_the_end_goes() {
    let zip = [&b"PK\x03\x04"[..], SECRET, b"PK\x05\x06", &[0; 18]].concat();
    let html = [b"<html><script>alert('", SECRET, b"')</script></html>"].concat();
    let php = [b"<?php echo '", SECRET, b"'; ?>"].concat();
    let second_picture = [&jpeg((20, 20))[..], SECRET].concat();
    for tail in [zip, html, php, second_picture] {
        for clean in [jpeg(SIZE), rgb_png(), gif(SIZE, 2)] {
            cleaned(&Bytes::from([&clean[..], &tail].concat()), &clean, "a tail");
        }
    }
}

#[test]
fn what_follows_the_last_pixel_of_a_png_goes() {
    for interlaced in [false, true] {
        let data = deflated(&if interlaced { interlaced_grey(SIZE) } else { plain_grey(SIZE) });
        let of = |parts: &[&[u8]]| {
            let header = chunk(b"IHDR", &header(SIZE.0.into(), SIZE.1.into(), 8, 0, interlaced));
            png_of(&[vec![header], parts.iter().map(|part| chunk(b"IDAT", part)).collect()].concat())
        };
        let (first, last) = data.split_at(20);
        let long = SECRET.repeat(60_000);
        let rows = [
            (of(&[&data]), of(&[&[&data[..], SECRET].concat()]), "bytes behind the end"),
            (of(&[&data]), of(&[&data, SECRET]), "data behind the end"),
            (of(&[&data]), of(&[&data, &long, &deflated(&long)]), "a megabyte of it"),
            (of(&[&data]), of(&[&data, &[], &[]]), "chunks of nothing"),
            (of(&[first, last]), of(&[first, &[last, SECRET].concat(), SECRET]), "both, and two chunks"),
            (of(&[first, &[], last]), of(&[first, &[], last, SECRET]), "a chunk of nothing before the end"),
        ];
        for (clean, dirty, what) in rows {
            assert_eq!(taken(&clean).bytes, clean, "{what}");
            cleaned(&dirty, &clean, what);
        }
    }
}

#[test]
fn what_follows_the_last_frame_goes() {
    let clean = apng(SIZE, 3);
    let end = clean.len() - 12;
    let control = |number: u32| {
        let size = [number, u32::from(SIZE.0), u32::from(SIZE.1), 0, 0].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[&size[..], &[0, 1, 0, 10, 0, 0]].concat())
    };
    let data = |number: u32, data: &[u8]| chunk(b"fdAT", &[&number.to_be_bytes()[..], data].concat());
    let frame = [control(5), data(6, &deflated(&plain_grey(SIZE)))].concat();
    let rows = [
        ("a frame", frame.clone()),
        ("a frame of anything", [control(5), data(6, SECRET)].concat()),
        ("a control", chunk(b"fcTL", SECRET)),
        ("two frames", [frame, control(7), data(8, SECRET), data(9, SECRET)].concat()),
    ];
    for (what, more) in rows {
        cleaned(&Bytes::from([&clean[..end], &more, &clean[end..]].concat()), &clean, what);
    }
    // What is within the animation cannot be cut out of it: it stands still then.
    let still = png_of(&[
        chunk(b"IHDR", &header(SIZE.0.into(), SIZE.1.into(), 8, 0, false)),
        chunk(b"IDAT", &deflated(&plain_grey(SIZE))),
    ]);
    let announcement = chunk(b"acTL", &[0, 0, 0, 3, 0, 0, 0, 0]);
    let rest = &clean[33 + announcement.len()..];
    let long = chunk(b"acTL", &[&[0, 0, 0, 3, 0, 0, 0, 0], SECRET].concat());
    let rows = [
        ("bytes behind a frame", [&clean[..end], &data(5, SECRET), &clean[end..]].concat()),
        ("a long announcement", [&clean[..33], &long, rest].concat()),
        ("a late announcement", [&clean[..33], &rest[..rest.len() - 12], &announcement, &clean[end..]].concat()),
    ];
    for (what, dirty) in rows {
        cleaned(&Bytes::from(dirty), &still, what);
    }
}

#[test]
fn tables_that_no_scan_reads_go_or_are_refused() {
    let clean = jpeg(SIZE);
    let (rest, end) = clean.split_at(clean.len() - 2);
    let quantisation = segment(0xdb, &[&[0][..], &[1; 64]].concat());
    let codes = segment(0xc4, &[&[0, 1][..], &[0; 16]].concat());
    let restarts = segment(0xdd, &[0, 0]);
    for more in [&quantisation, &codes, &restarts, &[&quantisation[..], &codes, &restarts].concat()] {
        cleaned(&Bytes::from([rest, more, end].concat()), &clean, "tables behind the last scan");
        assert!(examine(&with_segments(&clean, &more.repeat(2)), THUMBNAIL).is_err(), "one over another");
    }
    for table in [segment(0xdb, &[&[0][..], SECRET].concat()), segment(0xc4, SECRET), segment(0xdb, &[4; 65])] {
        assert!(examine(&with_segments(&clean, &table), THUMBNAIL).is_err(), "a table that is none");
    }
    let dirty = with_segments(&clean, &segment(0xdd, &[&[0, 0], SECRET].concat()));
    cleaned(&dirty, &with_segments(&clean, &restarts), "more than a distance");
    let scan = clean.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    let length = usize::from(clean[scan + 3]);
    let long = segment(0xda, &[&clean[scan + 4..scan + 2 + length], SECRET].concat());
    let dirty = Bytes::from([&clean[..scan], &long, &clean[scan + 2 + length..]].concat());
    cleaned(&dirty, &clean, "a long scan header");
}

#[test]
fn names_and_colours_that_nobody_needs_go() {
    let clean = rgb_png();
    cleaned(&with_chunks(&clean, &chunk(b"PLTE", &[7; 768])), &clean, "colours that are only suggested");
    let profile = deflated(&profile(300));
    let named = |name: &[u8]| with_chunks(&clean, &chunk(b"iCCP", &[name, b"\0\0", &profile].concat()));
    assert_eq!(taken(&named(b"Photoshop ICC profile")).bytes, named(b"Photoshop ICC profile"));
    cleaned(&named(b"\x01\x02\x03\x04"), &named(b"icc"), "a name that cannot be read");
    assert_eq!(taken(&named(b"\x01")).bytes, named(b"i"), "not longer than before");
}

#[test]
fn what_follows_the_last_pixel_of_a_gif_goes() {
    for clean in [gif(SIZE, 2), gif((300, 200), 1)] {
        let (data, end) = clean.split_at(clean.len() - 2);
        assert_eq!(end, [0, b';']);
        let block = [&[u8::try_from(SECRET.len()).unwrap()], SECRET].concat();
        for blocks in [1, 5_000] {
            cleaned(&Bytes::from([data, &block.repeat(blocks), end].concat()), &clean, "blocks behind the end");
        }
    }
    let clean = small_gif((1, 1), (1, 1), 1);
    let start = clean.len() - 5;
    assert_eq!(clean[start..], [2, 0x44, 0x01, 0, b';'], "a start, a pixel and the end, three bits each");
    let more = [&[u8::try_from(SECRET.len()).unwrap() + 2, 0x04, 0], SECRET, &[0, b';']].concat();
    cleaned(&Bytes::from([&clean[..start], &more].concat()), &clean, "pixels behind the last one");
    let endless = Bytes::from([&clean[..start], &[1, 0x04, 0, b';']].concat());
    assert_eq!(taken(&endless).bytes, endless, "no end, and nothing behind it");
}

#[test]
fn a_gif_that_is_a_script_is_one_no_more() {
    // The width is read as the start of a comment, which ends in a comment of the GIF.
    let mut script = small_gif((0x2a2f, 1), (1, 1), 1);
    assert_eq!(&script[..8], b"GIF89a/*");
    let end = script.len() - 1;
    script.splice(end..end, extension(0xfe, &[b"*/=1;alert(document.cookie);/*"]));
    script.extend_from_slice(b"*/");
    let picture = taken(&Bytes::from(script));
    assert!(!holds(&picture.bytes, b"*/") && !holds(&picture.bytes, b"alert"));
    assert!(!holds(&picture.thumbnail.unwrap(), b"*/"));
}

/// Four quarters of one colour each, and how they lie after each orientation: upper and lower left to right.
const TURNED: [(u16, [usize; 4]); 8] = [
    (1, [0, 1, 2, 3]),
    (2, [1, 0, 3, 2]),
    (3, [3, 2, 1, 0]),
    (4, [2, 3, 0, 1]),
    (5, [0, 2, 1, 3]),
    (6, [2, 0, 3, 1]),
    (7, [3, 1, 2, 0]),
    (8, [1, 3, 0, 2]),
];
const QUARTERS: [[u8; 3]; 4] = [[250, 10, 10], [10, 250, 10], [10, 10, 250], [250, 250, 250]];

fn quarters(width: usize, height: usize) -> Vec<u8> {
    let at = |x, y| QUARTERS[usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2)];
    (0..height).flat_map(|y| (0..width).flat_map(move |x| at(x, y))).collect()
}

/// The colours of the quarters' middles in an image of three bytes a pixel.
fn found(data: &[u8], width: usize, height: usize) -> [usize; 4] {
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| {
        let at = (height * y / 4 * width + width * x / 4) * 3;
        let near =
            |colour: &[u8; 3]| colour.iter().zip(&data[at..at + 3]).all(|(one, other)| one.abs_diff(*other) < 60);
        QUARTERS.iter().position(near).expect("one of the colours")
    })
}

#[test]
fn the_right_way_up_stays_when_places_and_notes_go() {
    let (width, height) = (96_u16, 48_u16);
    let mut upright = Vec::new();
    image::ImageEncoder::write_image(
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut upright, 95),
        &quarters(width.into(), height.into()),
        width.into(),
        height.into(),
        image::ExtendedColorType::Rgb8,
    )
    .unwrap();
    let mut lossless = Vec::new();
    let mut encoder = png::Encoder::new(&mut lossless, width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&quarters(width.into(), height.into())).unwrap();
    for (orientation, expected) in TURNED {
        let exif = exif(orientation);
        let turned = orientation >= 5;
        let size = if turned { (48, 96) } else { (96, 48) };
        let samples = [
            with_segments(&upright, &segment(0xe1, &[b"Exif\0\0", &exif[..]].concat())),
            with_chunks(&lossless, &chunk(b"eXIf", &exif)),
        ];
        for sample in samples {
            let picture = taken(&sample);
            assert_eq!((picture.width, picture.height), size, "orientation {orientation}");
            for words in [SECRET, b"note", b"Cam"] {
                assert!(holds(&sample, words) && !holds(&picture.bytes, words));
            }
            let one_tag = [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &orientation.to_le_bytes(), &[0; 6]];
            assert_eq!(holds(&picture.bytes, &one_tag.concat()), orientation != 1);
            let small = picture.thumbnail.unwrap();
            let (data, small_width, small_height) = decoded(&small).unwrap();
            assert_eq!((small_width, small_height), if turned { (32, 64) } else { (32, 16) });
            assert_eq!(found(&data, small_width, small_height), expected, "orientation {orientation}");
            assert!(!holds(&small, b"Exif") && !holds(&small, b"eXIf"), "its pixels are turned");
            assert_eq!(taken(&picture.bytes).bytes, picture.bytes);
        }
    }
}

/// A profile in segments of a JPEG, `per` bytes each.
fn profile_segments(profile: &[u8], per: usize) -> Vec<u8> {
    let parts: Vec<&[u8]> = profile.chunks(per).collect();
    let of = u8::try_from(parts.len()).unwrap();
    let segments = parts
        .iter()
        .zip(1_u8..)
        .map(|(part, number)| segment(0xe2, &[&b"ICC_PROFILE\0"[..], &[number, of], part].concat()));
    segments.collect::<Vec<_>>().concat()
}

#[test]
fn colour_profiles_survive_within_a_bound() {
    for length in [200, 3_000, 150_000] {
        let profile = profile(length);
        let jpeg = with_segments(&jpeg(SIZE), &profile_segments(&profile, 60_000));
        let png = with_chunks(&rgb_png(), &chunk(b"iCCP", &[&b"A name\0\0"[..], &deflated(&profile)].concat()));
        let blocks: Vec<&[u8]> = std::iter::once(&b"ICCRGBG1012"[..]).chain(profile.chunks(255)).collect();
        let gif = with_blocks(&gif(SIZE, 1), &extension(0xff, &blocks));
        for sample in [&jpeg, &png, &gif] {
            assert_eq!(taken(sample).bytes, sample, "{length} bytes");
        }
        for sample in [jpeg, png] {
            let small = taken(&sample).thumbnail.unwrap();
            assert_eq!(taken(&small).bytes, small);
            assert!(holds(&small, b"ICC_PROFILE\0") || holds(&small, b"iCCP"));
        }
    }
    let large = profile(3 << 20);
    cleaned(&with_segments(&jpeg(SIZE), &profile_segments(&large, 60_000)), &jpeg(SIZE), "too large a profile");
    let large = chunk(b"iCCP", &[&b"A name\0\0"[..], &deflated(&large)].concat());
    cleaned(&with_chunks(&rgb_png(), &large), &rgb_png(), "too large a profile");
    let tail = chunk(b"iCCP", &[&b"A name\0\0"[..], &deflated(&profile(300)), SECRET].concat());
    cleaned(&with_chunks(&rgb_png(), &tail), &rgb_png(), "a profile with a tail");
}

#[test]
fn a_variant_of_cmyk_is_rgb_and_has_not_its_profile() {
    let profile = profile_segments(&profile(500), 60_000);
    let adobe = segment(0xee, b"Adobe\0\x64\0\0\0\0\0");
    let cmyk = Flat { components: 4, ..Flat::grey(80, 40) }.with(&[adobe, profile].concat());
    let picture = taken(&cmyk);
    assert_eq!(picture.bytes, cmyk, "Adobe's segment and the profile stay");
    let small = picture.thumbnail.unwrap();
    assert!(!holds(&small, b"ICC_PROFILE\0"));
    let (data, width, height) = decoded(&small).unwrap();
    assert_eq!((data.len(), width, height), (32 * 16 * 3, 32, 16));
}

#[test]
fn every_kind_of_png_is_taken_and_made_smaller() {
    use png::BitDepth::{Eight, Four, One, Sixteen, Two};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let kinds = [
        (Grayscale, vec![One, Two, Four, Eight, Sixteen]),
        (GrayscaleAlpha, vec![Eight, Sixteen]),
        (Indexed, vec![One, Two, Four, Eight]),
        (Rgb, vec![Eight, Sixteen]),
        (Rgba, vec![Eight, Sixteen]),
    ];
    for (colour, depth) in kinds.into_iter().flat_map(|(colour, depths)| depths.into_iter().map(move |d| (colour, d))) {
        let sample = Bytes::from(png(SIZE, colour, depth));
        let picture = taken(&sample);
        assert_eq!(picture.bytes, sample, "{colour:?} {depth:?}");
        let small = png::Decoder::new(std::io::Cursor::new(picture.thumbnail.unwrap())).read_info().unwrap();
        let alpha = matches!(colour, Rgba | GrayscaleAlpha);
        assert_eq!(matches!(small.info().color_type, Rgba | GrayscaleAlpha), alpha, "{colour:?} {depth:?}");
        assert_eq!((small.info().width, small.info().height), (32, 21));
    }
}

#[test]
fn an_interlaced_png_looks_as_one_that_is_not() {
    let rows = |interlaced: bool| {
        let data = if interlaced { interlaced_grey(SIZE) } else { plain_grey(SIZE) };
        let header = header(SIZE.0.into(), SIZE.1.into(), 8, 0, interlaced);
        png_of(&[chunk(b"IHDR", &header), chunk(b"IDAT", &deflated(&data))])
    };
    let (plain, interlaced) = (taken(&rows(false)), taken(&rows(true)));
    assert_eq!(interlaced.bytes, rows(true));
    assert_eq!(decoded(&plain.thumbnail.unwrap()), decoded(&interlaced.thumbnail.unwrap()));
}

#[test]
fn animations_stay_animated() {
    let sample = apng(SIZE, 3);
    let picture = taken(&sample);
    assert_eq!(picture.bytes, sample);
    assert!(!holds(&picture.thumbnail.unwrap(), b"acTL"), "a small one stands still");
    // The last frame's data are of another frame's size: what is left is the picture.
    let broken = apng(SIZE, 0x80 | 3);
    let picture = taken(&broken);
    assert!(!holds(&picture.bytes, b"acTL") && !holds(&picture.bytes, b"fdAT"));
    assert_eq!(decoded(&picture.bytes), decoded(&broken));

    let sample = Bytes::from(gif(SIZE, 5));
    let small = taken(&sample).thumbnail.unwrap();
    let mut decoder = gif::DecodeOptions::new().read_info(&small[..]).unwrap();
    assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert_eq!((frame.width, frame.height), (32, 21));
        delays.push(frame.delay);
    }
    assert_eq!(delays, [7; 5]);
    // Too much to choose colours for: 200 frames of 200 x 200.
    let long = resize(&gif((300, 300), 200), 200).unwrap();
    let mut decoder = gif::DecodeOptions::new().read_info(&long[..]).unwrap();
    assert!(decoder.read_next_frame().unwrap().is_some());
    assert!(decoder.read_next_frame().unwrap().is_none());
}

#[test]
fn transparent_parts_do_not_colour_their_neighbours() {
    // White where it is seen, a shrill colour where it is not; wide enough for blocks of rows.
    let (width, height) = (400_usize, 40_usize);
    let data: Vec<u8> = (0..width * height)
        .flat_map(|at| if (at % width / 3) % 2 == 0 { [255, 255, 255, 255] } else { [0, 255, 0, 0] })
        .collect();
    let mut sample = Vec::new();
    let mut encoder = png::Encoder::new(&mut sample, 400, 40);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    let small = taken(&Bytes::from(sample)).thumbnail.unwrap();
    let (data, _, _) = decoded(&small).unwrap();
    for pixel in data.chunks_exact(4) {
        assert!(pixel[..3].iter().all(|sample| *sample > 250) && pixel[3].abs_diff(128) < 40, "{pixel:?}");
    }
}
