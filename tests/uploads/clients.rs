//! Runs tus-js-client and tuspy as they are published, in every way in which they can upload a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tests::client::PATIENCE;
use tests::{arbitrary, require};
use tokio::process::Command;

/// How much a client sends with a request, where it splits the file: 20 MiB are a multiple of it.
const CHUNK: usize = 4 << 20;

/// After how many bytes a client is interrupted.
const ABORT_AFTER: usize = 3_000_000;

/// The sizes that every way of uploading has to cope with.
pub(super) const SIZES: [usize; 4] = [0, 1, (5 << 20) + 1, 20 << 20];

/// Who uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    TusJs,
    Tuspy,
}

/// The protocol it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// What the reference server has, too.
    Tus,
    /// Extensions that it has not, and headers that it refuses.
    TusInFull,
    /// The IETF draft, in the interop versions 5 and 6.
    Draft,
}

/// A way of uploading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub(super) client: Client,
    pub(super) protocol: Protocol,
    /// As the client's script calls it.
    pub(super) name: &'static str,
    /// Whether the file goes in several requests.
    chunked: bool,
}

pub(super) const MODES: &[Mode] = &[
    Mode::new(Client::TusJs, Protocol::Tus, "single", true),
    Mode::new(Client::TusJs, Protocol::Tus, "single", false),
    Mode::new(Client::TusJs, Protocol::Tus, "creation", true),
    Mode::new(Client::TusJs, Protocol::Tus, "creation", false),
    Mode::new(Client::TusJs, Protocol::Tus, "deferred", true),
    Mode::new(Client::TusJs, Protocol::Tus, "deferred-stream", true),
    Mode::new(Client::TusJs, Protocol::Tus, "resume", true),
    Mode::new(Client::TusJs, Protocol::Tus, "resume", false),
    Mode::new(Client::TusJs, Protocol::Tus, "terminate", true),
    Mode::new(Client::TusJs, Protocol::TusInFull, "parallel", true),
    Mode::new(Client::TusJs, Protocol::TusInFull, "parallel", false),
    Mode::new(Client::TusJs, Protocol::Draft, "ietf-draft-03", true),
    Mode::new(Client::TusJs, Protocol::Draft, "ietf-draft-03", false),
    Mode::new(Client::TusJs, Protocol::Draft, "ietf-draft-05", true),
    Mode::new(Client::TusJs, Protocol::Draft, "ietf-draft-05", false),
    Mode::new(Client::TusJs, Protocol::Draft, "ietf-draft-05-creation", true),
    Mode::new(Client::TusJs, Protocol::Draft, "ietf-draft-05-creation", false),
    Mode::new(Client::TusJs, Protocol::Draft, "resume-ietf-draft-05", true),
    Mode::new(Client::TusJs, Protocol::Draft, "resume-ietf-draft-05", false),
    Mode::new(Client::Tuspy, Protocol::Tus, "metadata", true),
    Mode::new(Client::Tuspy, Protocol::Tus, "metadata", false),
    Mode::new(Client::Tuspy, Protocol::Tus, "resume", true),
    Mode::new(Client::Tuspy, Protocol::TusInFull, "checksum", true),
    // It sends an empty Upload-Metadata.
    Mode::new(Client::Tuspy, Protocol::TusInFull, "plain", true),
];

impl Mode {
    const fn new(client: Client, protocol: Protocol, name: &'static str, chunked: bool) -> Self {
        Self { client, protocol, name, chunked }
    }

    /// Whether the upload is gone in the end.
    pub(super) fn terminates(&self) -> bool {
        self.name == "terminate"
    }
}

/// What became of an upload.
pub(super) struct Upload {
    /// Absolute.
    pub(super) url: String,
    pub(super) content: bytes::Bytes,
}

/// A client that is there, with a folder of its own.
pub(super) struct Installed {
    client: Client,
    program: PathBuf,
    modules: PathBuf,
    folder: tempfile::TempDir,
}

impl Installed {
    /// `None` after saying what is missing.
    pub(super) async fn find(client: Client) -> Option<Self> {
        let modules = require::cache().join("node");
        let program = match client {
            Client::TusJs => {
                if !modules.join("node_modules/tus-js-client").is_dir() {
                    require::missing("tus-js-client");
                    return None;
                }
                require::tool("node")?
            }
            Client::Tuspy => {
                let python = require::python_tool("python3")?;
                let tried = Command::new(&python).args(["-c", "import tusclient"]).stderr(Stdio::null()).status().await;
                if !tried.is_ok_and(|status| status.success()) {
                    require::missing("tuspy");
                    return None;
                }
                python
            }
        };
        Some(Self { client, program, modules, folder: tempfile::tempdir().unwrap() })
    }

    /// Uploads that many bytes to an endpoint, and holds what the client says of it to what it must be.
    pub(super) async fn upload(&self, mode: &Mode, endpoint: &str, size: usize) -> Upload {
        let case = format!("{mode:?}, {size} bytes");
        let content = arbitrary::bytes(size as u64, size);
        let path = self.folder.path().join(format!("{size}.bin"));
        std::fs::write(&path, &content).unwrap();
        let storage = self.folder.path().join(format!("{}-{}-{size}.json", mode.name, mode.chunked));
        let mut task = json!({
            "mode": mode.name, "endpoint": endpoint, "path": path, "abortAfter": ABORT_AFTER, "storage": storage,
        });
        if mode.chunked {
            task["chunkSize"] = CHUNK.into();
        }
        let said = self.run(&task, &case).await;
        if mode.name.starts_with("resume") {
            assert_eq!(said["resumed"], size > ABORT_AFTER, "{case}: {said}");
        }
        // Whoever has to come again sends more.
        if let Some(expected) = requests(mode, size).filter(|_| said["busy"] != true) {
            let sent: BTreeMap<&str, usize> = expected.into_iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(said["requests"], json!(sent), "{case}");
        }
        Upload { url: said["url"].as_str().unwrap_or_else(|| panic!("{case}: {said}")).to_owned(), content }
    }

    async fn run(&self, task: &Value, case: &str) -> Value {
        let mut command = Command::new(&self.program);
        match self.client {
            Client::TusJs => command.arg(script("tus_js.mjs")).arg(&self.modules),
            Client::Tuspy => command.arg(script("tuspy_client.py")),
        };
        command.arg(task.to_string()).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("the client ends").unwrap();
        assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{case}: {error}: {:?}", output.stdout))
    }
}

/// How many requests of each method an upload takes, where that does not depend on the moment.
fn requests(mode: &Mode, size: usize) -> Option<[(&'static str, usize); 2]> {
    let chunks = if mode.chunked { size.div_ceil(CHUNK) } else { size.min(1) };
    let patches = match (mode.client, mode.name) {
        (Client::Tuspy, _) | (_, "resume" | "resume-ietf-draft-05" | "terminate" | "parallel") => return None,
        (_, "creation" | "ietf-draft-05-creation") => chunks.saturating_sub(1),
        (_, "deferred") => chunks.max(1),
        (_, "deferred-stream") => chunks + 1,
        _ => chunks,
    };
    Some([("POST", 1), ("PATCH", patches)])
}

/// One of the scripts beside this file.
pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("uploads/clients").join(name)
}
