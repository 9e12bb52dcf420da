//! A process that answers a line with a line of JSON.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// It, running; gone when this is.
pub(super) struct Examiner {
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Examiner {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let questions = child.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        Self { questions, answers, _child: child }
    }

    /// Asks about a file.
    pub(super) async fn ask(&mut self, path: &Path) -> Value {
        let line = format!("{}\n", path.display());
        self.questions.write_all(line.as_bytes()).await.expect("it reads");
        let answer = self.answers.next_line().await.expect("text").expect("it answers");
        serde_json::from_str(&answer).expect("JSON")
    }
}
