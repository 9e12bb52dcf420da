//! What the kernel says of a process, and starting one that serves.

use std::process::Stdio;

use tests::client::PATIENCE;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// `/proc/{pid}/stat` counts in hundredths of a second (USER_HZ, the same on every common machine).
const TICKS: f64 = 100.0;

/// CPU time that a process has used so far, the kernel's work for it included, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    times(&pid.to_string())[..2].iter().sum()
}

/// The same with that of the children it has waited for.
pub(crate) fn cpu_seconds_with_children(pid: u32) -> f64 {
    times(&pid.to_string()).iter().sum()
}

/// That of the children this process has waited for, and of theirs.
pub(crate) fn children_cpu_seconds() -> f64 {
    times("self")[2..].iter().sum()
}

/// proc(5): the second field is a name in brackets, fields 14 to 17 are utime, stime, cutime and cstime.
fn times(pid: &str) -> Vec<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    fields.split_whitespace().skip(11).take(4).map(|ticks| ticks.parse::<f64>().expect("a number") / TICKS).collect()
}

/// The most memory a process has held so far, in MB.
pub(crate) fn peak_memory(pid: u32) -> f64 {
    memory(pid, "VmHWM:")
}

/// The memory it holds now, in MB.
pub(crate) fn resident_memory(pid: u32) -> f64 {
    memory(pid, "VmRSS:")
}

fn memory(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a line of this name");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kilobytes * 1024.0 / 1e6
}

/// A process that serves, gone when this is.
pub(crate) struct Serving {
    child: Child,
    /// `ADDR:PORT` it listens on.
    pub(crate) address: String,
}

impl Serving {
    /// Starts it; its first line says where it listens, in the words of the program itself.
    pub(crate) async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it says where it listens");
        let line = line.expect("stdout is text").unwrap_or_else(|| panic!("it ended: {command:?}"));
        let address = line.strip_prefix("listening on http://").unwrap_or_else(|| panic!("first line: {line}"));
        Self { address: address.to_owned(), child }
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }
}

/// This program again, in another role.
pub(crate) fn own() -> Command {
    Command::new(std::env::current_exe().expect("a program has a path"))
}
