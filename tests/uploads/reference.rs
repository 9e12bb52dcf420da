//! The clients against the reference server: what they report of an upload to us is their word, not a
//! mistake of the scripts around them.

use std::path::Path;
use std::process::Stdio;

use tests::client::PATIENCE;
use tests::require;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::clients::{Client, Installed, MODES, Protocol, SIZES, script};

#[tokio::test]
async fn tus_js_client_uploads_to_the_reference_server() {
    uploads(Client::TusJs).await;
}

#[tokio::test]
async fn tuspy_uploads_to_the_reference_server() {
    uploads(Client::Tuspy).await;
}

async fn uploads(client: Client) {
    let Some(installed) = Installed::find(client).await else { return };
    let data = tempfile::tempdir().unwrap();
    let Some((_server, url)) = serve(data.path()).await else { return };
    for mode in MODES.iter().filter(|mode| mode.client == client && mode.protocol == Protocol::Tus) {
        for size in SIZES {
            let upload = installed.upload(mode, &format!("{url}/files"), size).await;
            let id = upload.url.rsplit('/').next().unwrap();
            // From its folder: its GET breaks the server down under some versions of Node.
            let stored = std::fs::read(data.path().join(id)).ok();
            let expected = (!mode.terminates()).then_some(&*upload.content);
            assert!(stored.as_deref() == expected, "{mode:?}, {size} bytes");
        }
    }
}

/// @tus/server on a directory, and its URL; `None` after saying that it is missing.
async fn serve(directory: &Path) -> Option<(Child, String)> {
    let modules = require::cache().join("node");
    if !modules.join("node_modules/@tus/server").is_dir() {
        require::missing("@tus/server");
        return None;
    }
    let mut command = Command::new(require::tool("node")?);
    command.arg(script("tus_server.mjs")).arg(modules).env("TUS_DIRECTORY", directory);
    let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the server says something").unwrap();
    let url = line.as_deref().and_then(|line| line.strip_prefix("listening on ")).expect("its address");
    Some((server, url.to_owned()))
}
