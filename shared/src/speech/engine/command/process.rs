//! One process for one phrase: fed, listened to, and gone afterwards with all that it started.
//!
//! It leads a process group of its own. The group is killed when the process has ended, when its time is over, and when
//! whoever waits for it is dropped; the process is always waited for. It gets no variable but those that a program needs.

use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;

use super::wav::{Sound, Wav};
use crate::config::variable;
use crate::speech::engine::Failure;

/// The most bytes that a program may write for one phrase: ten minutes at 48 kHz, more than 300 digits take at a
/// quarter of the speed.
const OUTPUT_LIMIT: u64 = 64 << 20;

/// How much of what it writes to standard error is kept for the log, in bytes.
const ERROR_LIMIT: usize = 2048;

/// How long it may live on after it has closed its output.
const END_LIMIT: Duration = Duration::from_secs(5);

/// How long its output may stay open after it and its group have ended: somebody else holds it.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// So many characters of a text that are found elsewhere are not there by accident.
const TOLD_APART: usize = 6;

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// Variables that a program may see beside those that are set for it.
const PASSED_ON: [&str; 2] = ["PATH", "HOME"];

/// Runs the program; its sound, if it ended as it should. `name` stands for it in what anybody may read.
pub(super) async fn run(
    name: &str,
    program: &Path,
    arguments: Vec<String>,
    text: String,
    limit: Duration,
) -> Result<Sound, Failure> {
    let mut process = Process::start(name, program, arguments)?;
    match tokio::time::timeout(limit, process.converse(name, text)).await {
        Ok(outcome) => outcome,
        Err(elapsed) => {
            Err(Failure::passing(format!("{name} took longer than {} s", limit.as_secs())).caused_by(elapsed))
        }
    }
}

struct Process {
    child: Option<Child>,
    group: Option<Pid>,
}

impl Process {
    fn start(name: &str, program: &Path, arguments: Vec<String>) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8");
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, variable(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Where it can leave nothing behind by accident.
        command.current_dir("/").process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|cause| {
            let why = match cause.kind() {
                ErrorKind::NotFound => "is not installed",
                ErrorKind::PermissionDenied => "may not be run",
                _ => "cannot be started",
            };
            Failure::passing(format!("{name} {why}")).caused_by(cause)
        })?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { child: Some(child), group })
    }

    /// Feeds it, and listens until it has ended.
    async fn converse(&mut self, name: &str, text: String) -> Result<Sound, Failure> {
        let child = self.child.as_mut();
        let pipes = child.and_then(|child| Some((child.stdin.take()?, child.stdout.take()?, child.stderr.take()?)));
        let Some((input, output, errors)) = pipes else { return Err(Failure::passing(format!("{name} has no pipes"))) };
        let (mut said, spoken) = (String::new(), text.clone());
        let ended = {
            let mut beside = pin!(async { tokio::join!(feed(input, text), overhear(errors, &mut said)) }.fuse());
            let mut ending = pin!(self.ending(name, output));
            let ended = tokio::select! {
                ended = &mut ending => ended,
                _ = &mut beside => ending.await,
            };
            if !ended.as_ref().is_ok_and(|(status, _)| status.success()) && !beside.is_terminated() {
                // It has ended, but not all was read of why.
                let _ = tokio::time::timeout(DRAIN_LIMIT, beside).await;
            }
            ended
        };
        let explained = |failure: Failure| match failure.source {
            None if repeats(&said, &spoken) => failure.caused_by("it said something of the text"),
            None => failure.caused_by(format!("it said: {}", said.escape_debug())),
            Some(_) => failure,
        };
        let (status, wav) = ended.map_err(explained)?;
        judge(name, status).map_err(explained)?;
        wav.end().map_err(|cause| explained(Failure::lasting(format!("{name} {cause}"))))
    }

    /// Listens until it has ended, and everything that it started with it.
    async fn ending(&mut self, name: &str, output: ChildStdout) -> Result<(ExitStatus, Wav), Failure> {
        let mut listening = pin!(listen(output));
        let (status, heard) = tokio::select! {
            heard = &mut listening => (self.end_of(name, &heard).await?, heard),
            status = self.wait() => {
                // What it has started must not hold its output open.
                self.kill();
                let rest = tokio::time::timeout(DRAIN_LIMIT, &mut listening).await;
                (status, rest.map_err(|_| Failure::passing(format!("{name} left its output open")))?)
            }
        };
        self.kill();
        let status = status.map_err(|cause| Failure::passing(format!("{name} was lost")).caused_by(cause))?;
        match heard {
            Heard::Sound(wav) => Ok((status, wav)),
            Heard::TooMuch => Err(too_much(name)),
        }
    }

    /// When its output is closed, or was too much.
    async fn end_of(&mut self, name: &str, heard: &Heard) -> Result<std::io::Result<ExitStatus>, Failure> {
        if let Heard::TooMuch = heard {
            self.kill();
        }
        let status = tokio::time::timeout(END_LIMIT, self.wait()).await;
        status.map_err(|_| Failure::passing(format!("{name} does not end")))
    }

    async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        match &mut self.child {
            Some(child) => child.wait().await,
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Kills it and what it started. Once only: the number of a group that has ended may become another's.
    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // None of it may be left, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let runtime = Handle::try_current();
        if let (Some(mut child), Ok(runtime)) = (self.child.take(), runtime) {
            runtime.spawn(async move { child.wait().await });
        }
    }
}

/// What came of its output.
enum Heard {
    Sound(Wav),
    TooMuch,
}

/// Reads its sound to the end. What is no sound is read too, so that it is judged by how the program ends.
async fn listen(mut output: impl AsyncRead + Unpin) -> Heard {
    let (mut wav, mut left) = (Wav::default(), OUTPUT_LIMIT);
    let mut piece = vec![0; PIECE];
    loop {
        let read = match output.read(&mut piece).await {
            Ok(read) if read > 0 => read,
            _ => return Heard::Sound(wav),
        };
        match left.checked_sub(read as u64) {
            Some(less) => left = less,
            None => return Heard::TooMuch,
        }
        wav.push(&piece[..read]);
    }
}

/// A program that does not read its input to the end is judged by its output.
async fn feed(mut input: ChildStdin, text: String) {
    let _ = input.write_all(text.as_bytes()).await;
}

/// Keeps the beginning of what it complains of, and reads the rest.
async fn overhear(mut errors: impl AsyncRead + Unpin, kept: &mut String) {
    let mut piece = vec![0; ERROR_LIMIT];
    while let Ok(read) = errors.read(&mut piece).await
        && read > 0
    {
        let room = ERROR_LIMIT.saturating_sub(kept.len());
        kept.push_str(&String::from_utf8_lossy(&piece[..read.min(room)]));
    }
}

/// Whether what a program complains of has some of the text in it, which belongs into no log.
fn repeats(said: &str, text: &str) -> bool {
    let text: Vec<char> = text.trim().chars().collect();
    let mut parts = text.windows(TOLD_APART.min(text.len()).max(1));
    parts.any(|part| said.contains(&part.iter().collect::<String>()))
}

fn judge(name: &str, status: ExitStatus) -> Result<(), Failure> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(Failure::passing(format!("{name} ended with status {code}"))),
        (None, signal) => Err(Failure::passing(format!("{name} was ended by signal {}", signal.unwrap_or_default()))),
    }
}

fn too_much(name: &str) -> Failure {
    Failure::lasting(format!("{name} made more sound than a phrase can have"))
}
