//! Images: what judging them costs, beside what Pillow takes to decode them.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::require::python_tool;

use super::examiner::Examiner;
use crate::figures::{line, median, ratio, row, spread, table};
use crate::process::own;

/// How often each is asked in turn; one more round before warms up.
const ROUNDS: usize = 9;

/// The photographs: their names and sizes.
const PHOTOGRAPHS: [(&str, u32, u32); 2] = [("12 Mpx", 4_000, 3_000), ("24 Mpx", 6_000, 4_000)];

/// Measures validation and a thumbnail of 320 pixels on each photograph.
pub(crate) async fn run() {
    let Some(python) = python_tool("python") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/images/pillow.py");
    let folder = tempfile::tempdir().expect("a temporary folder");
    table(
        "A JPEG judged, cleaned and made a thumbnail of, beside Pillow's load()",
        &[
            "photograph",
            "MB",
            "ours, CPU-ms",
            "lowest-highest",
            "Pillow, CPU-ms",
            "lowest-highest",
            "ours is",
            "peak, MB",
        ],
    );
    for (name, width, height) in PHOTOGRAPHS {
        let path = folder.path().join(format!("{width}.jpg"));
        let mut photo = Command::new(&python);
        photo.arg(&script).arg("photo").args([width.to_string(), height.to_string()]).arg(&path);
        let status = photo.status().expect("Python runs");
        assert!(status.success(), "Pillow makes a photograph");
        compare(name, &path, (&python, &script)).await;
    }
    line("\nThe thumbnail is 320 pixels wide; Pillow makes none. The peak is memory beyond that of an idle process.");
}

async fn compare(name: &str, path: &Path, (python, script): (&PathBuf, &PathBuf)) {
    let (mut examine, mut load) = (own(), tokio::process::Command::new(python));
    examine.arg("examine");
    load.arg(script);
    let (mut ours, mut theirs) = (Examiner::start(examine), Examiner::start(load));
    let (mut own_times, mut their_times, mut memory) = (Vec::new(), Vec::new(), 0_f64);
    for round in 0..=ROUNDS {
        let (one, other) = (ours.ask(path).await, theirs.ask(path).await);
        assert!(one["refusal"].is_null(), "it is taken: {one}");
        memory = memory.max(one["memory"].as_f64().expect("a number"));
        if round > 0 {
            own_times.push(one["cpu"].as_f64().expect("a number") * 1e3);
            their_times.push(other["cpu"].as_f64().expect("a number") * 1e3);
        }
    }
    let size = std::fs::metadata(path).expect("a file").len() as f64 / 1e6;
    let ((low, high), (their_low, their_high)) = (spread(&own_times), spread(&their_times));
    row(&[
        name.to_owned(),
        format!("{size:.1}"),
        format!("{:.0}", median(own_times.iter().copied())),
        format!("{low:.0}-{high:.0}"),
        format!("{:.0}", median(their_times.iter().copied())),
        format!("{their_low:.0}-{their_high:.0}"),
        format!("{:.2} x", ratio(&own_times, &their_times)),
        format!("{memory:.0}"),
    ]);
}
