//! Images that others collected to break decoders: verdicts beside those of Pillow, and what each costs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use serde_json::Value;
use shared::images::pixels::{Format, examine};
use tests::require::{cache, missing, python_tool};

use super::pixels_traps::{MEMORY, answers, examined};

/// The folders of the corpora below the cache's.
const CORPORA: [&str; 2] = ["libpng", "pillow"];

/// The least share of files with the same verdict.
const AGREEMENT: f64 = 0.96;

/// The width of the thumbnails: smaller than most of the files.
const THUMBNAIL: u32 = 64;

/// How far the colours of a thumbnail may lie from those that Pillow finds, on average, of 255.
const NEAR: f64 = 10.0;

/// Larger files are refused before anybody looks at them.
const MAX_BYTES: u64 = 5 << 20;

const FRAMES: &str =
    "the frames of the animation are broken, its first picture is not: that one is kept, as viewers do";
const CHECKED: &str = "every checksum is verified, and every file has to have its end";
const DROPPED: &str = "the broken part is not published: it is dropped unread";
const NO_COLOURS: &str = "it has no colours, and viewers do not agree on any";

/// The files on whose verdict we differ, and why: `true` are those that are taken here and not by Pillow.
const DIFFERENCES: [(&str, bool, &str); 20] = [
    ("libpng/testpngs/crashers/badcrc.png", false, CHECKED),
    ("libpng/testpngs/crashers/empty_ancillary_chunks.png", true, DROPPED),
    ("libpng/testpngs/crashers/huge_IDAT.png", false, CHECKED),
    ("pillow/apng/chunk_no_fctl.png", true, FRAMES),
    ("pillow/apng/chunk_no_fdat.png", true, FRAMES),
    ("pillow/apng/chunk_repeat_fctl.png", true, FRAMES),
    ("pillow/apng/sequence_fdat_fctl.png", true, FRAMES),
    ("pillow/apng/sequence_gap.png", true, FRAMES),
    ("pillow/apng/sequence_reorder.png", true, FRAMES),
    ("pillow/apng/sequence_reorder_chunk.png", true, FRAMES),
    ("pillow/apng/sequence_repeat.png", true, FRAMES),
    ("pillow/apng/sequence_repeat_chunk.png", true, FRAMES),
    ("pillow/apng/sequence_start.png", true, FRAMES),
    ("pillow/apng/syntax_num_frames_high.png", true, FRAMES),
    ("pillow/no_palette.gif", false, NO_COLOURS),
    ("pillow/no_palette_after_rgb.gif", false, NO_COLOURS),
    ("pillow/png_decompression_dos.png", true, DROPPED),
    ("pillow/sugarshack_ifd_offset.mpo", true, DROPPED),
    ("pillow/sugarshack_no_data.mpo", true, DROPPED),
    ("pillow/test_extents_transparency.gif", false, "a second file begins within it, where a block should"),
];

/// The files that look different, and why.
const LOOKS: [(&str, &str); 4] = [
    ("pillow/exif_imagemagick_orientation.png", NOT_TURNED),
    ("pillow/hopper_bad_exif.jpg", "its data are damaged: the decoder shows grey from there on, Pillow noise"),
    ("pillow/xmp_tags_orientation.png", NOT_TURNED),
    ("pillow/xmp_tags_orientation_exiftool.png", NOT_TURNED),
];

const NOT_TURNED: &str = "its orientation is told by text and XMP only, by which no browser turns a picture";

#[test]
fn verdicts_are_those_of_pillow() {
    let Some((files, python)) = corpora() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/corpus.py");
    let ours = examined(&files);
    let theirs = answers(Command::new(python).arg(script), &files);
    let mut differences = BTreeMap::new();
    for ((file, ours), theirs) in files.iter().zip(&ours).zip(&theirs) {
        if is_taken(ours, "refusal") != is_taken(theirs, "error") {
            differences.insert(short(file), (is_taken(ours, "refusal"), format!("ours: {ours}, theirs: {theirs}")));
        }
    }
    for (file, taken, why) in DIFFERENCES {
        let found = differences.remove(file);
        assert_eq!(found.map(|found| found.0), Some(taken), "{file} is no longer different: {why}");
    }
    assert!(differences.is_empty(), "nobody said why: {differences:#?}");
    let agreement = 1.0 - DIFFERENCES.len() as f64 / files.len() as f64;
    assert!(agreement >= AGREEMENT, "{agreement} of {} files", files.len());
}

#[test]
fn every_file_is_judged_in_little_memory() {
    let Some((files, _)) = corpora() else { return };
    // In a new process each: what an allocator keeps of one file is not to be billed to the next.
    for file in files {
        let found = examined(std::slice::from_ref(&file)).remove(0);
        let memory = found["memory"].as_f64().expect("a number");
        assert!(memory <= MEMORY, "{}: {memory} MB beyond idle", short(&file));
    }
}

#[test]
fn what_is_published_looks_as_before() {
    let Some((files, python)) = corpora() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut lines = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let bytes = Bytes::from(std::fs::read(file).expect("a file"));
        let Ok(picture) = examine(&bytes, THUMBNAIL) else { continue };
        let write = |kind: &str, bytes: &[u8]| {
            let path = folder.path().join(format!("{index}.{kind}"));
            std::fs::write(&path, bytes).expect("a file is written");
            path.to_str().expect("a path of text").to_owned()
        };
        let small = picture.thumbnail.map(|small| write("small", &small)).unwrap_or_default();
        lines.push([file.clone(), write("published", &picture.bytes), small].join("\t"));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/corpus_looks.py");
    let found = answers(Command::new(python).arg(script), &lines);
    let mut differences = BTreeMap::new();
    for (line, found) in lines.iter().zip(found).filter(|(_, found)| !found["before"].is_null()) {
        let near = found["thumbnail"].as_f64().expect("a number") < NEAR;
        if found["same"] != true || !near {
            differences.insert(short(line.split('\t').next().unwrap_or_default()), found);
        }
    }
    for (file, why) in LOOKS {
        assert!(differences.remove(file).is_some(), "{file} is no longer different: {why}");
    }
    assert!(differences.is_empty(), "nobody said why: {differences:#?}");
}

fn is_taken(answer: &Value, reason: &str) -> bool {
    answer[reason].is_null()
}

/// A file's name below the cache's folder.
fn short(file: &str) -> &str {
    let below = cache().join("corpora");
    file.strip_prefix(below.to_str().expect("a path of text")).unwrap_or(file).trim_start_matches('/')
}

/// The files and the Python that has Pillow, or `None` after saying what is missing.
fn corpora() -> Option<(Vec<String>, PathBuf)> {
    let mut files = Vec::new();
    for corpus in CORPORA {
        let folder = cache().join("corpora").join(corpus);
        if !folder.is_dir() {
            missing(&format!("the image corpus {corpus}"));
            return None;
        }
        collect(&folder, &mut files);
    }
    files.sort();
    assert!(files.len() > 600, "{} files are not all", files.len());
    let python = python_tool("python")?;
    let pillow = Command::new(&python).args(["-c", "import PIL"]).status();
    if !pillow.is_ok_and(|status| status.success()) {
        missing("Pillow");
        return None;
    }
    Some((files, python))
}

/// Every file that says by its name or its content that it is one of the formats.
fn collect(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        let named = path.extension().and_then(|extension| Format::of_extension(extension.to_str()?));
        if (named.is_some() || Format::of_content(&bytes).is_some()) && bytes.len() as u64 <= MAX_BYTES {
            files.push(path.to_str().expect("a path of text").to_owned());
        }
    }
}
