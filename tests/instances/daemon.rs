//! A Docker daemon that is stopped and started again: one of the test's own, because all others stand on the machine's.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use http::Method;
use serde_json::{Value, json};
use tests::require;
use tests::stack::{Backend, Door, Settings, Stack};

use super::office::{MARIADB, REDIS, ask, document, fresh_ports, log_in, until, utf8};

const KEY: [(&str, &str); 1] = [("authorization", "key-1")];

/// Its bridge.
const BRIDGE: &str = "pannier-test0";

/// One that is there already, or not any more, is as good.
fn ip(arguments: &[&str]) {
    Command::new("ip").args(arguments).output().expect("ip runs");
}

/// A daemon with a folder of its own for everything, and with a bridge of its own: without one it would take the other
/// daemon's away. It leaves the packet filter, which the other one thinks is its own, alone: ports are published by its
/// proxies.
struct Daemon {
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Daemon {
    /// `None` after saying what is missing.
    async fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() || require::find("dockerd").is_none() {
            require::missing("dockerd, and the rights to start it");
            return None;
        }
        require::tool("ip")?;
        ip(&["link", "add", "name", BRIDGE, "type", "bridge"]);
        ip(&["addr", "add", "172.30.255.1/24", "dev", BRIDGE]);
        ip(&["link", "set", BRIDGE, "up"]);
        let mut daemon = Self { folder: tempfile::tempdir().unwrap(), process: None };
        daemon.run().await;
        let script = "docker save \"$1\" \"$2\" | docker --host \"$3\" load";
        let loaded = Command::new("sh").args(["-c", script, "load", MARIADB, REDIS, &daemon.host()]).output().unwrap();
        assert!(loaded.status.success(), "{loaded:?}");
        Some(daemon)
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    async fn run(&mut self) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let log = File::options().create(true).append(true).open(path("log")).unwrap();
        let mut daemon = Command::new("dockerd");
        daemon.args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")]);
        daemon.args(["--host", &self.host(), "--bridge", BRIDGE, "--iptables=false", "--ip6tables=false"]);
        daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(daemon.spawn().expect("dockerd starts"));
        until("the daemon answers", async || self.docker(&["info"]).is_some()).await;
    }

    /// As a service manager ends it, with all of its containers.
    async fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        until("the daemon ends", async || process.try_wait().unwrap().is_some()).await;
    }

    fn docker(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("docker").args(["--host", &self.host()]).args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let containers = self.docker(&["ps", "--all", "--quiet"]).unwrap_or_default();
        for id in containers.lines() {
            self.docker(&["rm", "--force", "--volumes", id]);
        }
        for network in self.docker(&["network", "ls", "--quiet", "--filter", "type=custom"]).unwrap_or_default().lines()
        {
            self.docker(&["network", "rm", network]);
        }
        if let Some(mut process) = self.process.take() {
            let pid = rustix::process::Pid::from_child(&process);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = process.wait();
        }
        ip(&["link", "delete", BRIDGE]);
    }
}

#[tokio::test]
async fn instances_come_back_with_their_daemon() {
    if !require::image(MARIADB) || !require::image(REDIS) {
        return;
    }
    let Some(mut daemon) = Daemon::start().await else { return };
    let (text, host) = (document(MARIADB, fresh_ports()), daemon.host());
    let variables = [("DOCKER_HOST", host.as_str())];
    let settings = Settings { document: &text, variables: &variables, ..Settings::default() };
    let Some(mut stack) = Stack::configured(Door::Program, Backend::Embedded, settings).await else { return };
    let redis = ask(&stack, Method::POST, "/redis", &json!({ "memory": 64 }), &KEY).await;
    let mysql = ask(&stack, Method::POST, "/mysql", &utf8(), &KEY).await;
    let (redis, mysql) = (redis.json()["data"].take(), mysql.json()["data"].take());
    until("both are ready", async || log_in(&redis, "PING").is_ok() && log_in(&mysql, "SELECT 1").is_ok()).await;
    log_in(&redis, "SET a 42").unwrap();
    log_in(&mysql, "CREATE DATABASE shop; CREATE TABLE shop.t (a INT); INSERT INTO shop.t VALUES (42)").unwrap();

    daemon.stop().await;
    assert!(log_in(&redis, "GET a").is_err(), "it is down with its daemon");
    let refused = ask(&stack, Method::POST, "/redis", &json!({ "memory": 64 }), &KEY).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    for call in ["restart", "rotate-password"] {
        let path = format!("/detail/{}/{call}", redis["dockerId"].as_str().unwrap());
        assert_eq!(ask(&stack, Method::POST, &path, &Value::Null, &KEY).await.status, 503);
    }
    let path = format!("/detail/{}", redis["dockerId"].as_str().unwrap());
    assert_eq!(ask(&stack, Method::DELETE, &path, &Value::Null, &KEY).await.status, 503);
    assert_eq!(ask(&stack, Method::GET, &path, &Value::Null, &KEY).await.json()["data"], redis, "nothing was changed");
    assert_eq!(stack.keys("instances/").await.len(), 2, "nothing is left of what was refused");

    daemon.run().await;
    stack = stack.killed_and_started().await;
    let data = |instance: &Value, command: &str| log_in(instance, command).is_ok_and(|found| found == "42");
    until("both come back", async || data(&redis, "GET a") && data(&mysql, "SELECT a FROM shop.t")).await;
    let rotated = ask(&stack, Method::POST, &format!("{path}/rotate-password"), &Value::Null, &KEY).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    assert!(data(&rotated.json()["data"], "GET a") && !data(&redis, "GET a"));
}
