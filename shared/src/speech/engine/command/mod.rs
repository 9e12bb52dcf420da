//! An engine that is a program: text on its standard input, WAV on its standard output, one process for each phrase.
//!
//! A phrase's sound is handed on when its process has ended as it should, so that nothing is heard of one that failed.
//! The text never is an argument; no shell sees anything; voices come from a list, not from a request.

mod argument;
mod process;
mod wav;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::Semaphore;

use self::process::run;
use super::Voice;
use super::sound::{Failure, Sink, amplify, is_heard};
use crate::config::variable;
use crate::speech::script::{Phrase, Piece, Style};
use crate::work::processors;

/// Where programs are looked for if `PATH` does not say.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How long a phrase waits until fewer programs run.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// The longest silence that a program's own sound keeps before and behind a phrase.
const LEAD: Duration = Duration::from_millis(100);
/// See [`LEAD`]. It is what espeak-ng itself ends a sentence with.
const TAIL: Duration = Duration::from_millis(300);

/// Below this volume a program is not asked for it.
const SOFT: f32 = 0.1;

/// How many run at once: one a processor. They are processes of their own and share with nobody but each other.
static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(processors()));

/// A program that speaks. Cheap to clone.
#[derive(Clone)]
pub(super) struct Command(Arc<Settings>);

struct Settings {
    name: String,
    program: String,
    arguments: Vec<String>,
    install: Option<String>,
    time_limit: Duration,
}

impl Command {
    pub(super) fn new(name: &str, command: Vec<String>, install: Option<String>, time_limit: Duration) -> Self {
        let mut words = command.into_iter();
        let program = words.next().unwrap_or_default();
        Self(Arc::new(Settings { name: name.to_owned(), program, arguments: words.collect(), install, time_limit }))
    }

    /// What is missing, and what to install.
    pub(super) fn missing(&self) -> Option<String> {
        let install = self.0.install.as_ref();
        let missing = || install.map_or("not installed".to_owned(), |what| format!("not installed: install {what}"));
        find(&self.0.program).is_none().then(missing)
    }

    /// Speaks all of it.
    pub(super) async fn speak(
        self,
        voice: Voice,
        pieces: Vec<Piece>,
        speed: f32,
        mut sink: Sink,
    ) -> Result<Sink, Failure> {
        for piece in pieces {
            match piece {
                Piece::Pause(length) => sink.silence(length).await?,
                Piece::Say(phrase) => {
                    let (rate, samples) = self.say(&voice, &phrase, speed).await?;
                    sink.sound(rate, &samples).await?;
                }
            }
        }
        Ok(sink)
    }

    /// Speaks one phrase: rate and samples.
    async fn say(&self, voice: &Voice, phrase: &Phrase, speed: f32) -> Result<(u32, Vec<i16>), Failure> {
        let Settings { name, program, arguments, time_limit, .. } = &*self.0;
        let program = find(program).ok_or_else(|| {
            Failure::passing(format!("{name} is {}", self.missing().unwrap_or_else(|| "not installed".to_owned())))
        })?;
        let place = tokio::time::timeout(WAIT_LIMIT, PLACES.acquire()).await;
        let Ok(Ok(_place)) = place else { return Err(Failure::passing("too many texts are spoken at once")) };
        // What would be too soft for 16 bits is made softer here, so that silence lasts as long as the words.
        let soft = phrase.style.volume < SOFT;
        let style = if soft { Style { volume: 1.0, ..phrase.style } } else { phrase.style };
        let filled = arguments.iter().map(|text| argument::fill(text, voice, style, speed)).collect();
        let mut sound = run(name, &program, filled, line(&phrase.text), *time_limit).await?;
        trim(&mut sound.samples, sound.rate);
        if soft || !arguments.iter().any(|text| text.contains("{volume}")) {
            amplify(&mut sound.samples, phrase.style.volume);
        }
        Ok((sound.rate, sound.samples))
    }
}

/// The text as one line. Two brackets would begin phonemes for espeak-ng and for those that are made of it.
fn line(text: &str) -> String {
    let mut line = text.replace(char::is_control, " ").replace("[[", "[ [");
    line.push('\n');
    line
}

/// Cuts silence before and behind that is longer than natural; all of it where there is nothing else.
fn trim(samples: &mut Vec<i16>, rate: u32) {
    let (Some(first), Some(last)) = (samples.iter().position(is_heard), samples.iter().rposition(is_heard)) else {
        return samples.clear();
    };
    let samples_of = |length: Duration| usize::try_from(length.as_millis() * u128::from(rate) / 1000).unwrap_or(0);
    samples.truncate((last + 1).saturating_add(samples_of(TAIL)));
    samples.drain(..first.saturating_sub(samples_of(LEAD)));
}

/// Where a program is: as it was named, or in `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    let is_program = |path: &Path| {
        let found = std::fs::metadata(path);
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        // As it was named even if it may not be run: what is wrong with it shows when it is started.
        // It is started elsewhere.
        let path = std::path::absolute(program).ok()?;
        return path.is_file().then_some(path);
    }
    let path = variable("PATH").unwrap_or_else(|| PATH.to_owned());
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| is_program(path))
}
