//! `espeak-ng | lame`, as a shell would run it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tests::require;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::texts::Prose;
use crate::process::children_cpu_seconds;

/// What became of some texts.
pub(super) struct Run {
    /// Seconds of sound.
    pub(super) audio: f64,
    /// Seconds it took.
    pub(super) wall: f64,
    /// Seconds of processors.
    pub(super) cpu: f64,
}

/// The two programs, and a folder for what they make.
pub(super) struct Pipeline {
    folder: TempDir,
}

impl Pipeline {
    /// `None` after saying what is missing.
    pub(super) fn new() -> Option<Self> {
        for tool in ["espeak-ng", "lame", "ffprobe"] {
            require::tool(tool)?;
        }
        Some(Self { folder: tempfile::tempdir().expect("a temporary folder") })
    }

    /// Speaks texts, so many at once; mono and at a constant bit rate, as ours.
    pub(super) async fn speak(&self, prose: &Prose, texts: &[String], at_once: usize) -> Run {
        let (before, started) = (children_cpu_seconds(), Instant::now());
        let files: Vec<PathBuf> =
            (0..texts.len()).map(|index| self.folder.path().join(format!("{index}.mp3"))).collect();
        let runs = texts.iter().zip(&files).map(|(text, file)| pipe(prose.voice, text, file));
        stream::iter(runs).buffer_unordered(at_once).collect::<()>().await;
        let (wall, cpu) = (started.elapsed().as_secs_f64(), children_cpu_seconds() - before);
        let mut audio = 0.0;
        for file in &files {
            audio += seconds(&std::fs::read(file).expect("it was made")).await;
        }
        Run { audio, wall, cpu }
    }
}

async fn pipe(voice: &str, text: &str, file: &std::path::Path) {
    let mut command = Command::new("sh");
    command.args(["-c", "espeak-ng -v \"$1\" --stdin --stdout | lame --quiet -m m --cbr -b 64 - \"$2\"", "sh", voice]);
    command.arg(file).stdin(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("a shell");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).await.expect("it reads");
    drop(input);
    assert!(child.wait().await.expect("it ends").success());
}

/// How long an MP3 lasts, by ffprobe.
pub(super) async fn seconds(mp3: &[u8]) -> f64 {
    // It guesses from the size of what has no frame that tells: of a file.
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), mp3).expect("a file");
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]).arg(file.path());
    let output = command.output().await.expect("ffprobe");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of seconds")
}
