//! The servers that are measured, each in a process of its own.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tests::program::Program;
use tests::require;
use tokio::process::Command;

use crate::contents::Folder;
use crate::download::download;
use crate::process::{self, Serving};
use crate::stored::{Stored, variables};

/// One of them.
pub(crate) struct Server {
    /// What it is called in a table.
    pub(crate) name: &'static str,
    /// `ADDR:PORT` it listens on.
    pub(crate) address: String,
    /// Its process.
    pub(crate) pid: u32,
    _running: Running,
}

/// Whatever must not be dropped while it runs.
enum Running {
    Program { _program: Program, _data: TempDir },
    Other { _serving: Serving, _list: Option<TempDir> },
}

impl Server {
    /// Pannier, its archives' contents in the store of another process.
    pub(crate) async fn pannier(stored: &Stored) -> Self {
        Self::program("Pannier, from the store", &["--quiet", "--s3-endpoint", &stored.endpoint]).await
    }

    /// Pannier, serving the folders of a directory.
    pub(crate) async fn pannier_directory(directory: &Path) -> Self {
        let directory = directory.to_str().expect("a path is text");
        Self::program("Pannier, `-p` directory", &["--quiet", "-p", directory]).await
    }

    /// Pannier, taking uploads into the store of another process.
    pub(crate) async fn uploads(stored: &Stored) -> Self {
        let arguments = ["--quiet", "--demo-users", "--s3-endpoint", &stored.endpoint];
        Self::program("Pannier, its uploads in the store", &arguments).await
    }

    /// The bare pass-through of a folder's objects.
    pub(crate) async fn pass_through(stored: &Stored, folder: Folder) -> Self {
        let lines: Vec<String> =
            stored.presigned(folder).await.iter().map(|url| format!("{} {url}", folder.size)).collect();
        let list = tempfile::tempdir().expect("a temporary folder");
        let path = list.path().join("list");
        std::fs::write(&path, lines.join("\n")).expect("a file is written");
        let mut command = process::own();
        command.arg("pass-through").arg(path);
        Self::other("bare hyper pass-through, from the store", command, Some(list)).await
    }

    /// The sender over a folder in memory.
    pub(crate) async fn alone(folder: Folder) -> Self {
        let mut command = process::own();
        command.arg("alone").arg(folder.count.to_string()).arg(folder.size.to_string());
        Self::other("sender over contents in memory", command, None).await
    }

    /// zipstream-ng; `None` after saying that it is missing.
    pub(crate) async fn zipstream(directory: &Path, folder: Folder) -> Option<Self> {
        let python = present(require::cache().join("python/bin/python"))?;
        let mut command = Command::new(python);
        command.arg(script("zipstream_server.py")).arg(directory.join(folder.hash));
        Some(Self::other("zipstream-ng, directory", command, None).await)
    }

    /// archiver; `None` after saying that it is missing.
    pub(crate) async fn archiver(directory: &Path, folder: Folder) -> Option<Self> {
        let modules = present(require::cache().join("node/node_modules"))?;
        let mut command = Command::new(require::tool("node")?);
        command.arg(script("archiver_server.mjs")).arg(modules.with_file_name("")).arg(directory.join(folder.hash));
        Some(Self::other("archiver, directory", command, None).await)
    }

    /// Downloads until every CRC-32 is known; only then archives are as they are from the second request on.
    pub(crate) async fn settle(&self, folder: Folder) {
        while !download(&self.address, &folder.path()).await.ranges {}
    }

    async fn program(name: &'static str, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let program = Program::start(&data.path().join("data"), arguments, &variables()).await;
        program.wait_until_ready().await;
        let (address, pid) = (program.address.clone(), program.pid());
        Self { name, address, pid, _running: Running::Program { _program: program, _data: data } }
    }

    async fn other(name: &'static str, command: Command, list: Option<TempDir>) -> Self {
        let serving = Serving::start(command).await;
        let (address, pid) = (serving.address.clone(), serving.pid());
        Self { name, address, pid, _running: Running::Other { _serving: serving, _list: list } }
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench").join(name)
}

fn present(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    require::missing(&path.display().to_string());
    None
}
