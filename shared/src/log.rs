//! Where log lines go: one line an event, for a person or, as JSON, for a machine.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Time, level, message and fields, readable by a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. `directives` are those of `RUST_LOG`; a second call changes nothing.
pub fn start(format: Format, directives: &str) {
    // The embedded store's framework calls every expected 404 and 412 an error.
    let filter = EnvFilter::builder().parse_lossy(format!("info,s3s=off,{directives}"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only a test starts logging twice in a process.
    let _ = match format {
        Format::Text => lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
}
