//! The servers that host images, each in a process of its own.

use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use http::Request;
use shared::http::body;
use tempfile::TempDir;
use tests::program::Program;
use tests::require;
use tests::stack::free_address;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::process::Serving;
use crate::uploads::connection::{Connection, path_of};

/// Where nginx has the picture.
pub(crate) const FILE: &str = "/photo.jpg";

/// A server.
pub(crate) struct Peer {
    /// What it is called in a table.
    pub(crate) name: &'static str,
    /// `ADDR:PORT` it listens on.
    pub(crate) address: String,
    /// Whether it is ours.
    pub(crate) is_own: bool,
    running: Running,
    _folder: TempDir,
}

enum Running {
    Program(Program),
    Serving(Serving),
    Child(Child),
}

impl Peer {
    /// Pannier with the store inside.
    pub(crate) async fn pannier() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = Program::start(&folder.path().join("data"), &["--quiet"], &[]).await;
        program.wait_until_ready().await;
        let address = program.address.clone();
        Self { name: "Pannier", address, is_own: true, running: Running::Program(program), _folder: folder }
    }

    /// Pillow behind Python's own server: decodes, makes a thumbnail, writes both; `None` after saying that it is missing.
    pub(crate) async fn pillow() -> Option<Self> {
        let python = require::cache().join("python/bin/python");
        if !python.is_file() {
            require::missing("Pillow");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/images/pillow_server.py");
        let mut command = Command::new(python);
        command.arg(script).arg(folder.path());
        let serving = Serving::start(command).await;
        let address = serving.address.clone();
        let name = "Pillow behind Python's http.server";
        Some(Self { name, address, is_own: false, running: Running::Serving(serving), _folder: folder })
    }

    /// nginx with a picture on its disk; `None` after saying that it is missing.
    pub(crate) async fn nginx(photo: &Bytes) -> Option<Self> {
        let program = require::tool("nginx")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().display();
        std::fs::write(folder.path().join("photo.jpg"), photo).expect("a file");
        let address = free_address().trim_start_matches("http://").to_owned();
        let configuration = format!(
            "pid {path}/pid; events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types {{ image/jpeg jpg; }}\n\
             client_body_temp_path {path}/a; proxy_temp_path {path}/b; fastcgi_temp_path {path}/c; scgi_temp_path {path}/d;\n\
             uwsgi_temp_path {path}/e; server {{ listen {address}; root {path}; }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).expect("a file");
        // One process, so that its CPU is known; it does all of this with a part of one core. As whoever runs this,
        // who may read the folder.
        let mut command = Command::new(program);
        command.arg("-e").arg(folder.path().join("errors")).arg("-c").arg(file);
        command.args(["-g", "daemon off; master_process off;"]).stdout(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("nginx starts");
        while TcpStream::connect(&address).await.is_err() {
            tokio::task::yield_now().await;
        }
        let name = "nginx, from disk";
        Some(Self { name, address, is_own: false, running: Running::Child(child), _folder: folder })
    }

    pub(crate) fn pid(&self) -> u32 {
        match &self.running {
            Running::Program(program) => program.pid(),
            Running::Serving(serving) => serving.pid(),
            Running::Child(child) => child.id().expect("it runs"),
        }
    }

    /// Uploads a picture; its path.
    pub(crate) async fn upload(&self, photo: Bytes) -> String {
        let (length, request) = (photo.len() as u64, Request::post("/api/upload").header("filename", "a.jpg"));
        let answer = Connection::open(&self.address).await.send(request, body::full(photo), length).await;
        path_of(answer.json()["url"].as_str().expect("a URL"))
    }
}
