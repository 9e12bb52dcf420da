//! What is spoken in tests, and what came of it.

use std::path::Path;
use std::time::Duration;

use shared::config::Config;
use shared::speech::engine::{Engines, Failure, Pcm, Voice};
use shared::speech::script::{Phrase, Piece, Script, Style};

/// The settings that a document makes.
pub(super) fn config(document: &str) -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), document).unwrap();
    Config::read(|_| None, Some(file.path())).unwrap()
}

/// Engines of a document; the default ones of an empty one.
pub(super) fn engines(document: &str) -> Engines {
    Engines::of(&config(document))
}

/// An engine called `own` that is this program, with one English voice.
pub(super) fn program(path: &Path, more: &str) -> Engines {
    let path = path.display();
    engines(&format!(
        "[[speech.engine]]\nkind = \"command\"\nname = \"own\"\ncommand = [\"{path}\", \"{{voice}}\"]\nvoices = {{ en = \"amy\" }}\n{more}"
    ))
}

pub(super) fn voice(engine: &str, name: &str, language: &str) -> Voice {
    Voice { engine: engine.to_owned(), name: name.to_owned(), language: language.to_owned() }
}

pub(super) fn say(text: &str) -> Piece {
    styled(text, Style::default())
}

pub(super) fn styled(text: &str, style: Style) -> Piece {
    Piece::Say(Phrase { text: text.to_owned(), style })
}

pub(super) fn pause(milliseconds: u64) -> Piece {
    Piece::Pause(Duration::from_millis(milliseconds))
}

pub(super) fn script(pieces: Vec<Piece>) -> Script {
    Script { ssml: String::new(), pieces }
}

/// All that was said.
pub(super) struct Said {
    pub(super) rate: u32,
    pub(super) samples: Vec<i16>,
}

impl Said {
    pub(super) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }

    /// The loudest sample.
    pub(super) fn peak(&self) -> u16 {
        self.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
    }
}

pub(super) async fn hear(mut pcm: Pcm) -> Result<Said, Failure> {
    let mut samples = Vec::new();
    while let Some(chunk) = pcm.samples.recv().await {
        samples.extend(chunk?);
    }
    Ok(Said { rate: pcm.sample_rate, samples })
}

pub(super) async fn speak(engines: &Engines, voice: &Voice, pieces: Vec<Piece>) -> Result<Said, Failure> {
    hear(engines.speak(voice, &script(pieces), 1.0).await?).await
}

/// The processes whose command line has this in it.
pub(super) fn processes(marker: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pids = all.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(marker)
    })
    .collect()
}

/// The children of this process that ended and were not waited for.
fn zombies() -> Vec<String> {
    let own = std::process::id().to_string();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let dead = all.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut fields = rest.split(' ');
        fields.next() == Some("Z") && fields.next() == Some(&own)
    });
    dead.collect()
}

/// Waits until nothing runs that has one of these in its command line, and no child is a zombie.
pub(super) async fn all_gone(markers: &[&str]) {
    let left = || markers.iter().flat_map(|marker| processes(marker)).collect::<Vec<_>>();
    let gone = async {
        while !left().is_empty() || !zombies().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), gone).await;
    assert!(waited.is_ok(), "left: {:?}, zombies: {:?}", left(), zombies());
}
