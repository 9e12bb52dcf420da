//! One MinIO for the whole test process, in a container of our own image.

use std::process::{Command, Stdio};
use std::sync::Mutex;

use testcontainers::core::{ContainerPort, Host, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::sync::OnceCell;

use crate::require;

/// Its credentials.
pub const ACCESS_KEY: &str = "pannier-test";
/// See [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "pannier-test-secret";

/// The image that `infra/minio/build.sh` builds, unless `MINIO_IMAGE` names another.
pub fn image() -> String {
    shared::config::variable("MINIO_IMAGE").unwrap_or_else(|| "pannier-minio:2026-02-12.1".to_owned())
}

/// The most memory that one may have, in bytes: without a bound it once took all of the machine's. It fits itself into what it
/// is given.
const MEMORY: i64 = 4 << 30;

/// The URL of MinIO, or `None` after saying what is missing.
pub async fn endpoint() -> Option<String> {
    static MINIO: OnceCell<Result<String, String>> = OnceCell::const_new();
    // A container must be started by a runtime that outlives the test that came first.
    let started = MINIO.get_or_init(|| async {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
            let _ = sender.send(runtime.block_on(start()));
        });
        receiver.await.unwrap_or_else(|_| Err("starting MinIO panicked".to_owned()))
    });
    match started.await {
        Ok(url) => Some(url.clone()),
        Err(problem) => {
            require::missing(&format!("MinIO in Docker ({problem})"));
            None
        }
    }
}

async fn start() -> Result<String, String> {
    let (container, url) = with(&[]).await?;
    // Not dropped: it serves every test until the process ends.
    std::mem::forget(container);
    Ok(url)
}

/// A MinIO of one's own with more variables, and its URL. This machine is `host.docker.internal` to it.
///
/// # Errors
/// Why it does not start.
pub async fn with(variables: &[(String, String)]) -> Result<(ContainerAsync<GenericImage>, String), String> {
    let image = image();
    let (name, tag) = image.rsplit_once(':').unwrap_or((&image, "latest"));
    let mut container = GenericImage::new(name, tag)
        .with_exposed_port(ContainerPort::Tcp(9000))
        .with_wait_for(WaitFor::message_on_either_std("API:"))
        .with_env_var("MINIO_ROOT_USER", ACCESS_KEY)
        .with_env_var("MINIO_ROOT_PASSWORD", SECRET_KEY)
        .with_host("host.docker.internal", Host::HostGateway)
        .with_host_config_modifier(|host| host.memory = Some(MEMORY));
    for (name, value) in variables {
        container = container.with_env_var(name, value);
    }
    let container = container.start().await.map_err(|error| error.to_string())?;
    remove_with_this_process(container.id());
    let port = container.get_host_port_ipv4(9000).await.map_err(|error| error.to_string())?;
    let url = format!("http://127.0.0.1:{port}");
    Ok((container, url))
}

/// Statics are not dropped, and a killed test cleans nothing up. A shell that waits for the end of its
/// standard input outlives this process in either case.
fn remove_with_this_process(container: &str) {
    static WATCHERS: Mutex<Vec<std::process::Child>> = Mutex::new(Vec::new());
    let script = "cat >/dev/null; docker rm --force --volumes \"$0\"";
    let watcher = Command::new("sh")
        .args(["-c", script, container])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh runs");
    WATCHERS.lock().expect("nobody panics here").push(watcher);
}
