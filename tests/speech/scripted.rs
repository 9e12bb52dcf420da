//! An engine whose every run is counted and which waits, fails or hangs as a test wants it to.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use tests::require;

use super::voice::{all_gone, processes};

/// Says a number as so many quarters of a second; writes down what it was given before anything else.
const PROGRAM: &str = r#"
import math, os, re, struct, sys, time
folder = sys.argv[1]
text = sys.stdin.read()
with open(os.path.join(folder, "begun"), "a") as begun:
    begun.write(text.strip() + "\n")
while os.path.exists(os.path.join(folder, "gate")):
    time.sleep(0.01)
if os.path.exists(os.path.join(folder, "broken")):
    sys.exit(3)
number = re.search(r"\d+", text)
count = 4000 * (int(number.group()) if number else 1)
samples = b"".join(struct.pack("<h", int(8000 * math.sin(i * 0.1))) for i in range(count))
header = b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
sys.stdout.buffer.write(header + b"data" + struct.pack("<I", len(samples)) + samples)
"#;

/// The engine, and the folder it is told things by.
pub(super) struct Scripted {
    folder: TempDir,
    python: PathBuf,
}

impl Scripted {
    /// `None` after saying what is missing for it.
    pub(super) fn new() -> Option<Self> {
        let python = require::tool("python3")?;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("engine.py"), PROGRAM).unwrap();
        Some(Self { folder, python })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration that has this engine and no other. `limit` is how many seconds a run may take, the time it waits
    /// included: a busy machine takes long to do what a test does meanwhile.
    pub(super) fn document(&self, limit: u32) -> String {
        let (python, script, folder) = (&self.python, self.file("engine.py"), self.folder.path());
        format!(
            "[[speech.engine]]\nkind = \"command\"\nname = \"scripted\"\n\
             command = [{python:?}, {script:?}, {folder:?}]\nvoices = {{ en = \"one\" }}\ntime_limit = {limit}\n"
        )
    }

    /// Whatever begins from now on waits.
    pub(super) fn close(&self) {
        fs::write(self.file("gate"), "").unwrap();
    }

    /// Nothing waits any more.
    pub(super) fn open(&self) {
        fs::remove_file(self.file("gate")).unwrap();
    }

    /// Whether it ends with a status that says so.
    pub(super) fn fail(&self, fails: bool) {
        match fails {
            true => fs::write(self.file("broken"), "").unwrap(),
            false => fs::remove_file(self.file("broken")).unwrap(),
        }
    }

    /// What was begun, in order.
    pub(super) fn begun(&self) -> Vec<String> {
        fs::read_to_string(self.file("begun")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn marker(&self) -> String {
        self.file("engine.py").display().to_string()
    }

    /// How many of its processes there are.
    pub(super) fn processes(&self) -> usize {
        processes(&self.marker()).len()
    }

    /// Waits until so many have begun.
    pub(super) async fn wait_for(&self, count: usize) {
        while self.begun().len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until none of its processes is left.
    pub(super) async fn wait_until_gone(&self) {
        all_gone(&[&self.marker()]).await;
    }
}
