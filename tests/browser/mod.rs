//! People at the pages, in a real browser. Each script is one of them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tests::program::Program;
use tests::require;
use tokio::process::Command;

/// How long one of them takes at most, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// A name that would do harm wherever it is taken for markup: `EVIL` in `person.mjs`.
const EVIL: &str = r#""><img src=x onerror=hacked=1>'&amp;.png"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_good_to_read() {
    visit("everywhere.mjs", &["examined", "read in every language", "names are names", "numbers and keyboard"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_uploaded() {
    let steps = ["progress", "copied", "dropped and pasted", "refused and tried again", "deleted", "without scripts"];
    visit("upload.mjs", &steps).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_looked_at() {
    visit("gallery.mjs", &["looked", "copied", "turned pages", "deleted", "without scripts"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_read_out() {
    let steps = ["sent", "copied", "listened", "came back", "refused and sent again", "patient", "without scripts"];
    visit("speech.mjs", &steps).await;
}

/// Lets a person do something on a fresh server, and holds them to what they say they have done.
async fn visit(script: &str, expected: &[&str]) {
    let modules = require::cache().join("node");
    for module in ["playwright-core", "axe-core"] {
        if !modules.join("node_modules").join(module).is_dir() {
            return require::missing(module);
        }
    }
    let (Some(node), Some(browser)) = (require::tool("node"), require::tool("chromium")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    std::fs::create_dir_all(photos.join("summer/sub")).unwrap();
    for (name, size) in [("beach.jpg", 2_500_000), (EVIL, 10), ("sub/clip.mov", 300_000)] {
        std::fs::write(photos.join("summer").join(name), vec![b'x'; size]).unwrap();
    }
    let photos = photos.to_str().unwrap().to_owned();
    let program = Program::start(&folder.path().join("data"), &["-p", &photos], &[]).await;
    let task = json!({ "browser": browser, "url": program.url(), "screenshots": screenshots() });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser").join(script);
    let mut command = Command::new(node);
    command.arg(path).arg(modules).arg(task.to_string()).kill_on_drop(true).stdin(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it goes on").unwrap();
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "after {said}: {complaint}");
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

/// Where screenshots are put: `PANNIER_ARTIFACTS`, else the build folder.
fn screenshots() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("screenshots");
    shared::config::variable("PANNIER_ARTIFACTS").map_or_else(beside, PathBuf::from)
}
