//! What a test needs that may be missing: it says `skipped: <what>` and ends, unless everything is required.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Whether nothing may be skipped: `PANNIER_REQUIRE=all`.
pub fn everything() -> bool {
    shared::config::variable("PANNIER_REQUIRE").as_deref() == Some("all")
}

/// Says that a test is skipped because `what` is missing.
///
/// # Panics
/// If nothing may be skipped.
pub fn missing(what: &str) {
    assert!(!everything(), "{what} is required and missing");
    // Not the macro: the test runner would swallow what it prints.
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// The path of a program, or `None` after saying that it is missing.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        missing(name);
    }
    found
}

/// The path of a program of the pinned Python packages, or of the system's; `None` after saying that it is
/// missing.
pub fn python_tool(name: &str) -> Option<PathBuf> {
    let pinned = cache().join("python/bin").join(name);
    if pinned.is_file() { Some(pinned) } else { tool(name) }
}

/// The path of a program, if there is one.
pub fn find(name: &str) -> Option<PathBuf> {
    let output = Command::new("sh").args(["-c", "command -v -- \"$0\"", name]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !path.trim().is_empty()).then(|| PathBuf::from(path.trim()))
}

/// Whether Docker answers and has an image; says that it is missing otherwise.
pub fn image(name: &str) -> bool {
    let output = Command::new("docker").args(["image", "inspect", name]).output();
    let found = output.is_ok_and(|output| output.status.success());
    if !found {
        missing(&format!("the image {name} in Docker"));
    }
    found
}

/// The folder of pinned tools that the installation script fills.
pub fn cache() -> PathBuf {
    let home = || shared::config::variable("HOME").map(|home| format!("{home}/.cache/pannier"));
    PathBuf::from(
        shared::config::variable("PANNIER_CACHE").or_else(home).unwrap_or_else(|| ".cache/pannier".to_owned()),
    )
}
