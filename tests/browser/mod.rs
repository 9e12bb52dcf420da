//! People at the pages, in a real browser. Each script is one of them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use sha2::Digest;
use tests::program::{Program, log};
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

/// Made by `infra/databases/build.sh`.
const REDIS: &str = "pannier-redis:7.0";

/// The key of somebody who may have databases.
const KEY: &str = "a-key-that-nobody-guesses";

/// Everything in Docker that is on a network of its own, gone when it is dropped; what was deleted as it should be, before.
struct Network(String);

impl Drop for Network {
    fn drop(&mut self) {
        let script = "docker ps --all --format '{{.Names}}' --filter network=$0 | while read -r id; do
                        docker rm --force --volumes $id; docker volume rm pannier-$id
                      done
                      docker network rm $0";
        let _ = std::process::Command::new("sh").args(["-c", script, &self.0]).stdout(Stdio::null()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_are_had() {
    if !require::image(REDIS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let network = Network(format!("pannier-page-{}", shared::hex(&shared::random::<4>())));
    let document = format!(
        "[users.alice]\nkey_sha256 = \"{}\"\n[instances]\nredis_image = \"{REDIS}\"\nports = \"23000-23099\"\nnetwork = \"{}\"\n",
        shared::hex(&sha2::Sha256::digest(KEY)),
        network.0,
    );
    let path = folder.path().join("pannier.toml");
    std::fs::write(&path, document).unwrap();
    let data = folder.path().join("data");
    let program = Program::start(&data, &["--config", path.to_str().unwrap()], &[]).await;
    let steps = [
        "let in",
        "created",
        "revealed and copied",
        "rotated",
        "restarted",
        "refused",
        "every state",
        "deleted",
        "without scripts",
    ];
    visit_at(&program, "instances.mjs", &steps).await;
    assert!(!log(&data).contains(KEY), "{}", log(&data));
}

/// Lets a person do something on a fresh server, and holds them to what they say they have done.
async fn visit(script: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    std::fs::create_dir_all(photos.join("summer/sub")).unwrap();
    for (name, size) in [("beach.jpg", 2_500_000), (EVIL, 10), ("sub/clip.mov", 300_000)] {
        std::fs::write(photos.join("summer").join(name), vec![b'x'; size]).unwrap();
    }
    let photos = photos.to_str().unwrap().to_owned();
    let program = Program::start(&folder.path().join("data"), &["-p", &photos], &[]).await;
    visit_at(&program, script, expected).await;
}

/// The same on a server that runs.
async fn visit_at(program: &Program, script: &str, expected: &[&str]) {
    let modules = require::cache().join("node");
    for module in ["playwright-core", "axe-core"] {
        if !modules.join("node_modules").join(module).is_dir() {
            return require::missing(module);
        }
    }
    let (Some(node), Some(browser)) = (require::tool("node"), require::tool("chromium")) else { return };
    let task = json!({ "browser": browser, "url": program.url(), "screenshots": screenshots(), "key": KEY });
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
