//! A person at the page /files in a real browser, through a restart of the server.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tests::client::PATIENCE;
use tests::program::Program;
use tests::{arbitrary, require};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use super::clients::script;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_uploads() {
    let modules = require::cache().join("node");
    if !modules.join("node_modules/playwright-core").is_dir() {
        return require::missing("playwright-core");
    }
    let (Some(node), Some(browser)) = (require::tool("node"), require::tool("chromium")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = [("large.bin", 20 << 20), ("small.txt", 5000)].map(|(name, size)| {
        let path = folder.path().join(name);
        std::fs::write(&path, arbitrary::bytes(size as u64, size)).unwrap();
        path
    });
    let data = folder.path().join("data");
    let mut program = Some(Program::start(&data, &[], &[]).await);
    let relay = Relay::start(&program.as_ref().unwrap().address).await;

    let task = json!({ "browser": browser, "url": relay.url, "files": files, "restarts": true });
    let mut command = Command::new(node);
    command.arg(script("files_page.mjs")).arg(modules).arg(task.to_string()).kill_on_drop(true);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut person = piped.spawn().unwrap();
    let (mut tell, mut complaint) = (person.stdin.take().unwrap(), person.stderr.take().unwrap());
    let mut lines = BufReader::new(person.stdout.take().unwrap()).lines();
    let mut done = Vec::new();
    while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it goes on").unwrap() {
        match line.as_str() {
            "restart" => {
                program.take().unwrap().kill().await;
                tell.write_all(b"\n").await.unwrap();
            }
            "waits for the server" => {
                let again = Program::start(&data, &[], &[]).await;
                relay.lead_to(&again.address);
                program = Some(again);
            }
            _ => done.push(line),
        }
    }
    let mut said = String::new();
    complaint.read_to_string(&mut said).await.unwrap();
    assert!(person.wait().await.unwrap().success(), "after {done:?}: {said}");
    assert_eq!(done, ["paused", "resumed", "offline and back", "done", "dropped", "left alone", "cancelled"]);
}

/// An address that stays when the server behind it gets another one.
struct Relay {
    url: String,
    target: Arc<Mutex<String>>,
}

impl Relay {
    async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let target = Arc::new(Mutex::new(target.to_owned()));
        let current = target.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let target = current.lock().unwrap().clone();
                tokio::spawn(async move {
                    // A connection to a server that is gone just ends.
                    let mut far = TcpStream::connect(target).await?;
                    tokio::io::copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Self { url, target }
    }

    fn lead_to(&self, target: &str) {
        target.clone_into(&mut self.target.lock().unwrap());
    }
}
