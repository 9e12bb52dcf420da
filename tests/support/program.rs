//! The real program, on a port of its own, gone when the test is.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::binaries::binary;
use crate::client::{self, PATIENCE};

/// A user without rights, on Linux.
const NOBODY: u32 = 65_534;

/// The program, running.
pub struct Program {
    child: Child,
    /// `ADDR:PORT` it listens on.
    pub address: String,
}

impl Program {
    /// Starts the program with a data folder and these arguments, and waits until it listens.
    pub async fn start(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command(data, variables);
        command.args(arguments).stderr(log_file(data));
        Self::spawn(command, data).await
    }

    async fn spawn(mut command: Command, data: &Path) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the program says something");
        let line = line.expect("stdout is text").unwrap_or_else(|| panic!("the program ended: {}", log(data)));
        let address = line.strip_prefix("listening on http://").unwrap_or_else(|| panic!("first line: {line}"));
        Self { address: address.to_owned(), child }
    }

    /// The same as a user who may not read everything: root starts it as nobody.
    pub async fn start_as_nobody(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command(data, &[]);
        if rustix::process::geteuid().is_root() {
            // A copy, because nobody may not be let into the build folder.
            let copy = data.with_extension("copy");
            std::fs::copy(binary("pannier"), &copy).expect("the program can be copied");
            std::fs::set_permissions(&copy, Permissions::from_mode(0o755)).expect("a mode");
            std::fs::create_dir_all(data).expect("a folder");
            std::os::unix::fs::chown(data, Some(NOBODY), Some(NOBODY)).expect("root may give away");
            command = listening(Command::new(copy), data);
            command.uid(NOBODY).gid(NOBODY);
        }
        command.args(arguments).stderr(log_file(data));
        Self::spawn(command, data).await
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the program runs")
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Until the store is reached, every job path answers 503.
    ///
    /// # Panics
    /// After [`PATIENCE`].
    pub async fn wait_until_ready(&self) {
        let (client, health) = (client::client(), format!("{}/health", self.url()));
        let ready = async {
            while client.request(client::get(&health)).await.expect("the program answers").status() != 200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("the store is reached in time");
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the program can be killed");
    }

    /// SIGTERM; the exit code.
    pub async fn stop(mut self) -> Option<i32> {
        let pid =
            i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a process has a number");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the program can be signalled");
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("the program ends");
        status.expect("the program has a status").code()
    }
}

/// Runs the program until it ends by itself: exit code and standard error.
pub async fn run_to_end(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = command(data, variables);
    let mut child = command.args(arguments).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stderr = child.stderr.take().expect("stderr is piped");
    let mut text = String::new();
    let ended = tokio::time::timeout(PATIENCE, async {
        stderr.read_to_string(&mut text).await.expect("stderr is text");
        child.wait().await.expect("the program has a status")
    });
    let status = ended.await.expect("the program ends");
    (status.code(), text)
}

/// What the program logged so far.
pub fn log(data: &Path) -> String {
    std::fs::read_to_string(data.with_extension("log")).unwrap_or_default()
}

fn log_file(data: &Path) -> Stdio {
    let path = data.with_extension("log");
    std::fs::OpenOptions::new().create(true).append(true).open(&path).map_or_else(|_| Stdio::inherit(), Stdio::from)
}

fn command(data: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = listening(Command::new(binary("pannier")), data);
    command.envs(variables.iter().copied());
    command
}

/// On a free port, with nothing of the developer's own settings.
fn listening(mut command: Command, data: &Path) -> Command {
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}
