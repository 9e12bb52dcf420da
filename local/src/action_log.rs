//! The action log as a file: `logs/app.log` in the data folder, one line for each thing that a user did.
//!
//! `[2025-01-24 14:00:00] Success: image img1.jpg uploaded.` The time is UTC. A file that has grown to its limit
//! becomes `app.log.1`, in place of the one before.

use std::fmt::{self, Write as _};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use shared::log::{ACTION, Sink};
use time::OffsetDateTime;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// The largest file, in bytes.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

/// Opens the action log in a data folder.
pub fn open(data: &Path) -> io::Result<Sink> {
    let folder = data.join("logs");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let path = folder.join("app.log");
    let (file, size) = append_to(&path)?;
    Ok(Box::new(ActionLog { path, open: Mutex::new((file, size)) }))
}

struct ActionLog {
    path: PathBuf,
    /// The file, and its size.
    open: Mutex<(File, u64)>,
}

impl<S: Subscriber> Layer<S> for ActionLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != ACTION {
            return;
        }
        let mut action = Action::default();
        event.record(&mut action);
        let stamp = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let stamp = OffsetDateTime::now_utc().format(&stamp).unwrap_or_default();
        let line = format!("[{stamp}] {}: {}\n", action.outcome, action.text);
        // There is nowhere to tell it: the other log has the same line.
        let _ = self.write(&line);
    }
}

impl ActionLog {
    fn write(&self, line: &str) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.1 + line.len() as u64 > FILE_LIMIT {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *open = append_to(&self.path)?;
        }
        open.0.write_all(line.as_bytes())?;
        open.1 += line.len() as u64;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

#[derive(Default)]
struct Action {
    outcome: String,
    text: String,
}

impl Visit for Action {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "outcome" {
            value.clone_into(&mut self.outcome);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "{value:?}");
        }
    }
}
