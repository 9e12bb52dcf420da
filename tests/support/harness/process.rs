//! A function under the harness: a process, or the same loop in a task of the test.

use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use shared::http::Body;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::answer::{Answer, Failure};
use super::event::Event;
use super::platform::{InitError, Platform, Terms};

/// The longest wait for anything: beyond it a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a function hands over its responses, and its route takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `RESPONSE_MODE=stream`
    Streamed,
    /// `RESPONSE_MODE=buffered`
    Buffered,
}

/// A running function. It ends with this.
pub struct Function {
    platform: Platform,
    started: Instant,
    ended: watch::Receiver<Option<String>>,
    log: watch::Receiver<Vec<String>>,
    running: AbortHandle,
}

impl Function {
    /// Starts a function binary with the environment of Lambda, and `env` on top of it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn start(binary: &Path, env: &[(&str, &str)], mode: Mode) -> Self {
        let platform = Platform::start().await;
        let mut command = Command::new(binary);
        let mode = if mode == Mode::Streamed { "stream" } else { "buffered" };
        command
            .env_clear()
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", "test"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_DEFAULT_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test-secret"),
                ("LAMBDA_TASK_ROOT", "/var/task"),
                ("_HANDLER", "bootstrap"),
                ("TZ", ":UTC"),
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ])
            .env("AWS_LAMBDA_RUNTIME_API", platform.address.to_string())
            .env("RESPONSE_MODE", mode)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::inherit())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let started = Instant::now();
        let mut child = command.spawn().expect("the function starts");
        let (lines, log) = watch::channel(Vec::new());
        let reading = tokio::spawn(read_lines(child.stderr.take().expect("piped"), lines));
        Self::of(platform, started, log, async move {
            let status = child.wait().await;
            // Its last words count as said before it ended.
            drop(reading.await);
            status.map_or_else(|cause| cause.to_string(), |status| status.to_string())
        })
    }

    /// Runs what `serve` makes of the Runtime API's address, in this process: the real loop, with endpoints
    /// or workers that only a test has.
    pub async fn in_process<F: Future<Output: ToString> + Send + 'static>(serve: impl FnOnce(String) -> F) -> Self {
        let platform = Platform::start().await;
        let serving = serve(platform.address.to_string());
        let (_, log) = watch::channel(Vec::new());
        Self::of(platform, Instant::now(), log, async { serving.await.to_string() })
    }

    fn of(
        platform: Platform,
        started: Instant,
        log: watch::Receiver<Vec<String>>,
        running: impl Future<Output = String> + Send + 'static,
    ) -> Self {
        let (end, ended) = watch::channel(None);
        let running = tokio::spawn(async move { end.send_replace(Some(running.await)) }).abort_handle();
        Self { platform, started, ended, log, running }
    }

    /// Sends a request through the door that `shape` names.
    ///
    /// # Panics
    /// Where the door cannot exist: an HTTP API does not stream.
    pub async fn call(&self, shape: Event, request: Request<Bytes>) -> Result<Response<Body>, Failure> {
        let event = shape.of(&request);
        let answer = self.raw(&event, Terms::default()).await?;
        assert!(shape.streams() || !answer.is_streamed(), "an HTTP API does not stream");
        patient(answer.response(shape, request.method())).await?
    }

    /// Hands an event to a worker; what the platform would return, an error's document included.
    ///
    /// # Panics
    /// If there is no answer, or none in JSON.
    pub async fn invoke(&self, event: Value) -> Value {
        let mut answer = self.raw(&event, Terms::default()).await.expect("an answer");
        patient(answer.whole()).await.expect("its end");
        serde_json::from_slice(&answer.bytes).expect("a JSON document")
    }

    /// Hands out an event; the answer as it begins to come in.
    pub async fn raw(&self, event: &Value, terms: Terms) -> Result<Answer, Failure> {
        let (_, answer) = self.platform.queue(event.to_string().into(), terms);
        let mut ended = self.ended.clone();
        patient(async {
            tokio::select! {
                answer = answer => answer.map_err(|_| Failure::Silent),
                end = ended.wait_for(Option::is_some) => Err(Failure::Ended(end_text(end.ok().as_deref()))),
            }
        })
        .await?
    }

    /// Waits for the first request for an event: how long the start took.
    pub async fn ready(&self) -> Result<Duration, Failure> {
        let mut first = self.platform.first_next();
        let at = patient(first.wait_for(Option::is_some)).await?.map_err(|_| Failure::Silent)?;
        Ok(at.unwrap_or(self.started) - self.started)
    }

    /// Waits for the report that the function cannot start.
    pub async fn init_error(&self) -> Result<InitError, Failure> {
        let mut report = self.platform.init_error();
        let report = patient(report.wait_for(Option::is_some)).await?.map_err(|_| Failure::Silent)?;
        report.clone().ok_or(Failure::Silent)
    }

    /// Waits for the end of the process: its status as text.
    pub async fn ended(&self) -> Result<String, Failure> {
        let mut ended = self.ended.clone();
        let end = patient(ended.wait_for(Option::is_some)).await?;
        Ok(end_text(end.ok().as_deref()))
    }

    /// Waits for a log line that contains `text`.
    pub async fn logged(&self, text: &str) -> Result<String, Failure> {
        let mut log = self.log.clone();
        let line = |lines: &Vec<String>| lines.iter().find(|line| line.contains(text)).cloned();
        let lines = patient(log.wait_for(|lines| line(lines).is_some())).await?.map_err(|_| Failure::Silent)?;
        line(&lines).ok_or(Failure::Silent)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // The task owns the process, which is killed with it.
        self.running.abort();
    }
}

async fn patient<F: Future>(waited_for: F) -> Result<F::Output, Failure> {
    timeout(PATIENCE, waited_for).await.map_err(|_| Failure::Silent)
}

fn end_text(end: Option<&Option<String>>) -> String {
    end.cloned().flatten().unwrap_or_else(|| "a panic".to_owned())
}

async fn read_lines(stderr: impl AsyncRead + Unpin, lines: watch::Sender<Vec<String>>) {
    let mut reader = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        lines.send_modify(|lines| lines.push(line));
    }
}
