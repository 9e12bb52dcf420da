//! Where log lines go: one line an event, for a person or, as JSON, for a machine; and the action log, one line for each
//! thing that a user did.

use std::io::IsTerminal;

use tracing::{Level, info};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// The target of the action log's events, whose field `outcome` says how it went.
pub const ACTION: &str = "action";

/// The longest text of a client's that is logged, in characters.
const SHOWN_LIMIT: usize = 200;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Time, level, message and fields, readable by a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// How an action of a user went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused, or failed.
    Error,
}

impl Outcome {
    /// Its word in the action log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Error => "Error",
        }
    }
}

/// Where else events go.
pub type Sink = Box<dyn Layer<Registry> + Send + Sync>;

/// What is logged unless something else is said. The embedded store's framework calls every expected 404 and 412 an error.
const DIRECTIVES: [&str; 2] = ["info", "s3s=off"];

/// Starts logging to standard error, and to a sink besides. `directives` are those of `RUST_LOG`: levels, and targets with
/// their levels, with commas between them; what is neither is left out. A second call changes nothing.
pub fn start(format: Format, directives: &str, sink: Option<Sink>) {
    let filter = filter(directives);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Sink = match format {
        Format::Text => lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed(),
    };
    // Only a test starts logging twice in a process.
    let _ = tracing_subscriber::registry()
        .with(vec![Some(lines), sink].into_iter().flatten().collect::<Vec<_>>())
        .try_init();
}

/// Levels by target, and no more: filters by fields and spans are regular expressions, which every function would load.
fn filter(directives: &str) -> Targets {
    let known = DIRECTIVES.into_iter().chain(directives.split(',').map(str::trim));
    let known = known.filter(|directive| !directive.is_empty() && directive.parse::<Targets>().is_ok());
    let filter: Targets = known.collect::<Vec<_>>().join(",").parse().unwrap_or_default();
    // It traces whole requests and answers: passwords and secrets are in some.
    let bodies = "aws_smithy_runtime::client::orchestrator";
    if filter.would_enable(bodies, &Level::TRACE) { filter.with_target(bodies, Level::DEBUG) } else { filter }
}

/// Logs what a user did. `text` is a sentence; what a client chose in it is [`shown`].
pub fn action(outcome: Outcome, text: &str) {
    info!(target: ACTION, outcome = outcome.word(), "{text}");
}

/// A text of a client's as a log may have it: on one line, of limited length, in the order in which it is read.
pub fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (count, char) in text.chars().enumerate() {
        if count == SHOWN_LIMIT {
            safe.push('\u{2026}');
            break;
        }
        if char.is_control() || is_invisible(char) {
            safe.extend(char.escape_unicode());
        } else {
            safe.push(char);
        }
    }
    safe
}

/// Line and paragraph separators, and what hides or turns around the text beside it (Unicode, UAX #9).
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::{filter, shown};

    #[test]
    fn later_directives_take_the_place_of_earlier_ones() {
        let (ours, store) = ("shared::lambda", "s3s::service");
        let shows = |directives: &str, target: &str, level: &Level| filter(directives).would_enable(target, level);
        for directives in ["", " , ", "info", "[span{field=1}]=trace"] {
            assert!(shows(directives, ours, &Level::INFO) && !shows(directives, ours, &Level::DEBUG), "{directives}");
            assert!(!shows(directives, store, &Level::ERROR), "{directives}");
        }
        assert!(!shows("warn", ours, &Level::INFO) && shows("warn", ours, &Level::WARN));
        assert!(shows("warn,shared=debug", ours, &Level::DEBUG) && !shows("warn,shared=debug", "hyper", &Level::INFO));
        assert!(shows("s3s=error", store, &Level::ERROR));
        let bodies = "aws_smithy_runtime::client::orchestrator";
        for directives in ["trace", "aws_smithy_runtime=trace", "aws_smithy_runtime::client::orchestrator=trace"] {
            assert!(
                shows(directives, bodies, &Level::DEBUG) && !shows(directives, bodies, &Level::TRACE),
                "{directives}"
            );
        }
        assert!(!shows("info", bodies, &Level::DEBUG));
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(shown("a b\u{e9}.jpg"), "a b\u{e9}.jpg");
        assert_eq!(
            shown("a\r\n[x] Success\u{1b}[2J\u{85}\u{2028}"),
            "a\\u{d}\\u{a}[x] Success\\u{1b}[2J\\u{85}\\u{2028}"
        );
        assert_eq!(shown("a\u{202e}gpj.exe"), "a\\u{202e}gpj.exe");
        assert_eq!(shown(&"a".repeat(300)).chars().count(), 201);
    }
}
