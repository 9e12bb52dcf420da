//! Files that are made to break whoever opens them.

use std::io::Write;
use std::process::{Command, Stdio};

use bytes::Bytes;
use serde_json::Value;
use shared::images::pixels::{Refusal, examine, resize};
use tests::binaries::binary;

use super::pixels_crafted::*;
use super::pixels_samples::*;

/// What a small file may take beyond an idle process, in MB.
pub(crate) const MEMORY: f64 = 60.0;

/// What the largest pictures may take, in MB: the coefficients of a progressive one, and its pixels.
const LARGEST: f64 = 420.0;

/// What a small file may take of a processor, in seconds, unoptimised code and a busy machine granted.
const CPU: f64 = 5.0;

fn refused(bytes: impl Into<Bytes>, what: &str) {
    match examine(&bytes.into(), THUMBNAIL) {
        Err(Refusal::Damaged(_)) => {}
        Err(Refusal::Type) => panic!("{what}: of no known type"),
        Ok(picture) => panic!("{what}: taken, {} x {}", picture.width, picture.height),
    }
}

fn accepted(bytes: impl Into<Bytes>, what: &str) {
    examine(&bytes.into(), THUMBNAIL).unwrap_or_else(|refusal| panic!("{what}: {refusal:?}"));
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    let progressive = Flat { coding: PROGRESSIVE, scans: 5, ..Flat::grey(40, 40) }.with(&[]);
    let samples = [jpeg(SIZE), rgb_png(), gif(SIZE, 2), progressive.to_vec()];
    for sample in samples {
        accepted(sample.clone(), "whole");
        for length in 8..sample.len() {
            refused(sample[..length].to_vec(), &format!("{length} of {} bytes", sample.len()));
        }
    }
}

#[test]
fn damaged_pngs_are_refused() {
    let sample = rgb_png();
    let data = sample.windows(4).position(|kind| kind == b"IDAT").unwrap() + 4;
    let mut wrong = sample.clone();
    wrong[data + 20] ^= 1;
    refused(wrong, "a wrong checksum");
    refused(with_chunks(&sample, &[&chunk(b"tEXt", b"a\0b")[..14], &[0]].concat()), "a wrong checksum of text");
    let header = chunk(b"IHDR", &header(50, 50, 8, 0, false));
    let short = deflated(&[0; 51 * 20]);
    refused(png_of(&[header.clone(), chunk(b"IDAT", &short)]), "less data than pixels");
    let mut adler = zeros(51 * 50);
    *adler.last_mut().unwrap() ^= 1;
    refused(png_of(&[header.clone(), chunk(b"IDAT", &adler)]), "a wrong checksum of the data");
    refused(png_of(&[header.clone(), chunk(b"IDAT", &zeros(51 * 50 + 1))]), "more data than pixels");
    let whole = zeros(51 * 50);
    refused(png_of(&[header.clone(), chunk(b"IDAT", &whole[..whole.len() - 1])]), "data without an end");
    refused(png_of(std::slice::from_ref(&header)), "no data");
    refused(png_of(&[header.clone(), header.clone(), chunk(b"IDAT", &zeros(51 * 50))]), "two headers");
    refused(png_of(&[chunk(b"IDAT", &zeros(51 * 50)), header.clone()]), "the header behind the data");
    accepted(png_of(&[header, chunk(b"IDAT", &zeros(51 * 50))]), "none of it");
}

#[test]
fn dimensions_of_zero_and_past_the_limits_are_refused() {
    let sizes: [(u32, u32); 8] =
        [(0, 1), (1, 0), (0, 0), (16_385, 1), (1, 16_385), (16_384, 16_384), (65_535, 65_535), (7_000, 6_000)];
    for (width, height) in sizes {
        let size = format!("{width} x {height}");
        let (w, h) = (u16::try_from(width).unwrap(), u16::try_from(height).unwrap());
        refused(Flat::grey(w, h).with(&[]), &size);
        refused(black_png(width, height), &size);
        refused(small_gif((w, h), (1, 1), 1), &size);
        refused(small_gif((10, 10), (w, h), 1), &size);
    }
    for (width, height) in [(u32::MAX, 1), (1 << 31, 1 << 31), (u32::MAX, u32::MAX)] {
        refused(black_png(width, height), "four bytes of a side");
    }
    accepted(Flat::grey(16_384, 1).with(&[]), "the longest");
    accepted(black_png(16_384, 1), "the longest");
    accepted(small_gif((16_384, 1), (1, 1), 1), "the longest");
}

#[test]
fn a_gif_is_billed_for_all_of_its_frames() {
    refused(small_gif((5_000, 5_000), (5_000, 5_000), 240), "6 billion pixels");
    refused(small_gif((1, 1), (1, 1), 10_001), "more frames than are allowed");
    accepted(small_gif((1, 1), (1, 1), 10_000), "as many as are allowed");
    refused(small_gif((1, 1), (1, 1), 0), "none");
}

#[test]
fn scans_are_counted() {
    let of = |scans| Flat { coding: PROGRESSIVE, scans, ..Flat::grey(40, 40) }.with(&[]);
    accepted(of(10), "a progressive picture");
    accepted(of(100), "as many as are allowed");
    refused(of(101), "one more");
    refused(of(3_000), "3,000 scans");
    refused(Flat { scans: 3_000, ..Flat::grey(40, 40) }.with(&[]), "3,000 scans of a baseline picture");
    refused(Flat { coding: PROGRESSIVE, scans: 60, ..Flat::grey(6_000, 6_000) }.with(&[]), "60 scans of 36 Mpx");
}

#[test]
fn codings_that_nobody_shows_are_refused() {
    refused(Flat { coding: ARITHMETIC, ..Flat::grey(40, 8) }.with(&[]), "arithmetic coding");
    refused(Flat { coding: EXTENDED, precision: 12, ..Flat::grey(40, 8) }.with(&[]), "12 bits");
    refused(Flat { components: 2, ..Flat::grey(40, 8) }.with(&[]), "two components");
    accepted(Flat { coding: EXTENDED, ..Flat::grey(40, 8) }.with(&[]), "8 bits");
    accepted(Flat { components: 4, ..Flat::grey(40, 8) }.with(&[]), "CMYK");
}

#[test]
fn bombs_cost_neither_memory_nor_time() {
    // 200 MB as 200 KB.
    let bomb = zeros(200_000_000);
    let text = [&b"Comment\0\0"[..], &bomb].concat();
    let international = [&b"Comment\0\x01\0\0\0"[..], &bomb].concat();
    let bombs = [
        ("colour profile", with_chunks(&rgb_png(), &chunk(b"iCCP", &[&b"sRGB\0\0"[..], &bomb].concat())), true),
        ("zTXt", with_chunks(&rgb_png(), &chunk(b"zTXt", &text)), true),
        ("iTXt", with_chunks(&rgb_png(), &chunk(b"iTXt", &international)), true),
        ("data", png_of(&[chunk(b"IHDR", &header(10, 10, 8, 0, false)), chunk(b"IDAT", &bomb)]), false),
        ("size", black_png(60_000, 60_000), false),
        ("frames", Bytes::from(small_gif((5_000, 5_000), (5_000, 5_000), 240)), false),
        ("screen", Bytes::from(small_gif((65_535, 65_535), (1, 1), 1)), false),
        ("scans", Flat { coding: PROGRESSIVE, scans: 3_000, ..Flat::grey(800, 800) }.with(&[]), false),
    ];
    let folder = tempfile::tempdir().unwrap();
    let paths = bombs.iter().map(|(name, bytes, _)| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let paths: Vec<String> = paths.collect();
    for ((name, bytes, taken), found) in bombs.iter().zip(examined(&paths)) {
        assert!(bytes.len() < 5 << 20, "{name} could be uploaded");
        assert_eq!(found["refusal"].is_null(), *taken, "{name}: {found}");
        assert!(found["memory"].as_f64().unwrap() < MEMORY, "{name}: {found}");
        assert!(found["cpu"].as_f64().unwrap() < CPU, "{name}: {found}");
    }
}

#[test]
fn the_largest_pictures_stay_within_their_memory() {
    let colours = Flat { coding: PROGRESSIVE, components: 3, scans: 2, ..Flat::grey(8_000, 5_000) }.with(&[]);
    let print = Flat { coding: PROGRESSIVE, components: 4, scans: 2, ..Flat::grey(6_000, 5_000) }.with(&[]);
    let baseline = Flat { components: 3, ..Flat::grey(8_000, 5_000) }.with(&[]);
    refused(Flat { components: 4, ..Flat::grey(7_000, 5_000) }.with(&[]), "more samples than are allowed");
    // Shown, then taken back: what was there before is needed only where another frame follows.
    let (still, animated) = (flat_gif((8_000, 5_000), 1), flat_gif((5_000, 5_000), 2));
    let deep = png_of(&[
        chunk(b"IHDR", &header(8_000, 5_000, 8, 2, true)),
        chunk(b"IDAT", &zeros(interlaced_length((8_000, 5_000), 3))),
    ]);
    let pictures: [(&str, &[u8]); 6] = [
        ("progressive", &colours),
        ("progressive CMYK", &print),
        ("baseline", &baseline),
        ("still", &still),
        ("animated", &animated),
        ("interlaced", &deep),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in pictures {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        // In a new process each: what an allocator keeps of one file is not to be billed to the next.
        let found = examined(&[path.to_str().unwrap().to_owned()]).remove(0);
        assert!(found["refusal"].is_null(), "{name}: {found}");
        assert!(found["memory"].as_f64().unwrap() < LARGEST, "{name}: {found}");
    }
}

#[test]
fn a_tall_still_is_made_smaller_in_little_time() {
    let colourful = gif((1_000, 8_192), 1);
    let before = on_cpu();
    let small = resize(&colourful, 960).unwrap();
    let seconds = on_cpu() - before;
    let ((large, ..), (small, width, height)) = (decoded(&colourful).unwrap(), decoded(&small).unwrap());
    assert_eq!((width, height), (960, 7_864));
    // Measured: 6 seconds, and 11 when the nearest colour is looked for with every pixel.
    assert!(seconds < 2.0 * CPU, "{seconds} seconds");
    let pixel = |at: usize| (at / 960 * 8_192 / 7_864 * 1_000 + at % 960 * 1_000 / 960) * 4;
    let far = small.chunks_exact(4).enumerate().step_by(1_001).map(|(at, colour)| {
        colour.iter().zip(&large[pixel(at)..]).map(|(one, other)| f64::from(one.abs_diff(*other))).sum::<f64>() / 4.0
    });
    let far: Vec<f64> = far.collect();
    let far = far.iter().sum::<f64>() / far.len() as f64;
    assert!(far < 12.0, "the colours lie {far} from those of the picture");
}

/// Seconds that this thread was on a processor.
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// What a process of its own makes of these files, one after the other.
pub(crate) fn examined(paths: &[String]) -> Vec<Value> {
    answers(Command::new(binary("bench")).arg("examine"), paths)
}

/// Writes the lines to a program and reads the lines of JSON it answers with.
pub(crate) fn answers(command: &mut Command, lines: &[String]) -> Vec<Value> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    let answers: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(answers.len(), lines.len(), "an answer for each line");
    answers
}
