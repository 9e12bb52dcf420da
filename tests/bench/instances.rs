//! Instances: from the request to credentials that log in, beside `docker run` of the same image and a loop that asks until it
//! answers, which is what other services of this kind do at their core.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use shared::http::body;
use tests::binaries::binary;
use tests::client::client;

use crate::figures::{line, median, ratio, row, table};
use crate::process::Serving;

/// How often each is asked in turn, after a round that warms up.
const ROUNDS: usize = 5;

/// The same for what is made anew each time.
const COLD_ROUNDS: usize = 3;

const REDIS: &str = "pannier-redis:7.0";
const MARIADB: &str = "pannier-mariadb:10.11";
const MYSQL: &str = "pannier-mysql:9";

/// Ports of the program, and one of the peer.
const PORTS: &str = "24000-24199";
const PEER_PORT: u16 = 24_300;

const MEMORY: &str = r#"{"memory":64}"#;
const CHARSET: &str = r#"{"charset":"utf8mb4","collation":"utf8mb4_general_ci"}"#;

/// Runs all parts, or those named.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("one") {
        one().await;
    }
    if wanted("crowd") {
        crowd().await;
    }
}

/// The program, with a MySQL of some image.
struct Pannier {
    serving: Serving,
    _data: tempfile::TempDir,
}

impl Pannier {
    async fn start(mysql: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let document = data.path().join("pannier.toml");
        // The digest of `bench`.
        let digest = "1b32c28cb38c05480eccc1bd60ff97029b57a05c96718b96dad7e9d84894f549";
        let users = format!("[users.bench]\nkey_sha256 = \"{digest}\"\nmax_instances = 50\n");
        std::fs::write(&document, users).unwrap();
        let mut command = tokio::process::Command::new(binary("pannier"));
        command.args(["--listen", "127.0.0.1:0", "--quiet", "--demo-users", "--config"]).arg(&document);
        command.arg("--data").arg(data.path().join("data"));
        command.env("MYSQL_IMAGE", mysql).env("REDIS_IMAGE", REDIS).env("INSTANCES_PORTS", PORTS);
        let own = Self { serving: Serving::start(command).await, _data: data };
        while own.ask("GET", "/health", "", "").await.0 != 200 {}
        own
    }

    async fn ask(&self, method: &str, path: &str, user: &str, document: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(format!("http://{}{path}", self.serving.address));
        let request = request.header("authorization", user).body(body::full(document.to_owned())).unwrap();
        let answer = client().request(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Until the credentials log in; the instance, and the time in seconds.
    async fn make(&self, kind: Kind, user: &str) -> (Value, f64) {
        let began = Instant::now();
        let (mut status, mut answer) = self.ask("POST", kind.path(), user, kind.wish()).await;
        let id = answer["data"]["dockerId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        while status == 202 || answer["data"]["status"] != "ready" {
            (status, answer) = self.ask("GET", &format!("/detail/{id}"), user, "").await;
        }
        let time = began.elapsed().as_secs_f64();
        let data = answer["data"].take();
        assert!(kind.logs_in(data["port"].as_u64().unwrap(), data["pwd"].as_str().unwrap()), "at the first attempt");
        (data, time)
    }

    async fn delete(&self, instance: &Value, user: &str) -> f64 {
        let began = Instant::now();
        let path = format!("/detail/{}", instance["dockerId"].as_str().unwrap());
        assert_eq!(self.ask("DELETE", &path, user, "").await.0, 200);
        began.elapsed().as_secs_f64()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Redis,
    Mysql,
}

impl Kind {
    fn path(self) -> &'static str {
        if self == Self::Redis { "/redis" } else { "/mysql" }
    }

    fn wish(self) -> &'static str {
        if self == Self::Redis { MEMORY } else { CHARSET }
    }

    /// Whether a client program of this kind gets in.
    fn logs_in(self, port: u64, password: &str) -> bool {
        let port = port.to_string();
        let output = match self {
            Self::Redis => {
                Command::new("redis-cli").args(["-p", &port, "PING"]).env("REDISCLI_AUTH", password).output()
            }
            Self::Mysql => Command::new("mysql")
                .args([
                    "-h",
                    "127.0.0.1",
                    "-P",
                    &port,
                    "-uroot",
                    "--batch",
                    "--skip-column-names",
                    "-e",
                    "SELECT 'PONG'",
                ])
                .env("MYSQL_PWD", password)
                .output(),
        };
        String::from_utf8_lossy(&output.expect("a client program").stdout).trim() == "PONG"
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The usual way: `docker run`, and asking until it answers; seconds.
fn peer(kind: Kind, image: &str) -> f64 {
    let (inside, own) = if kind == Kind::Redis { (6379, REDIS) } else { (3306, image) };
    let publish = format!("127.0.0.1:{PEER_PORT}:{inside}");
    let began = Instant::now();
    let mut arguments = vec!["run", "--detach", "--name", "pannier-bench-peer", "--publish", &publish];
    let password = "a-password-of-the-peer";
    let variable = format!("MYSQL_ROOT_PASSWORD={password}");
    match kind {
        Kind::Redis => arguments.extend([own, "redis-server", "--requirepass", password, "--appendonly", "yes"]),
        Kind::Mysql => arguments.extend(["--env", &variable, own]),
    }
    docker(&arguments);
    while !kind.logs_in(PEER_PORT.into(), password) {
        assert!(began.elapsed() < Duration::from_secs(120), "the peer answers");
    }
    let time = began.elapsed().as_secs_f64();
    docker(&["rm", "--force", "--volumes", "pannier-bench-peer"]);
    time
}

/// Takes the files away with which a MySQL of an image begins.
fn forget_template(image: &str) {
    let id = docker(&["image", "inspect", "--format", "{{.Id}}", image]);
    let name = format!("pannier-template-{}", &id.trim_start_matches("sha256:")[..12]);
    docker(&["rm", "--force", "--volumes", &name]);
    docker(&["volume", "rm", &name]);
}

/// One instance after the other.
async fn one() {
    table(
        "One instance, from the request to credentials that log in",
        &["instance", "create, s", "lowest-highest", "docker run, s", "docker run takes", "delete, s"],
    );
    for (kind, image, cold, name) in [
        (Kind::Redis, MARIADB, false, "Redis 7.0"),
        (Kind::Mysql, MARIADB, false, "MariaDB 10.11, from the template"),
        (Kind::Mysql, MARIADB, true, "MariaDB 10.11, the first of its image"),
        (Kind::Mysql, MYSQL, false, "MySQL 9.7, from the template"),
        (Kind::Mysql, MYSQL, true, "MySQL 9.7, the first of its image"),
    ] {
        let pannier = Pannier::start(image).await;
        let (mut ours, mut theirs, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=if cold { COLD_ROUNDS } else { ROUNDS } {
            if cold {
                forget_template(image);
            }
            let (instance, time) = pannier.make(kind, "user1").await;
            let delete = pannier.delete(&instance, "user1").await;
            let other = peer(kind, image);
            if round > 0 {
                ours.push(time);
                theirs.push(other);
                gone.push(delete);
            }
        }
        let (low, high) = crate::figures::spread(&ours);
        row(&[
            name.to_owned(),
            format!("{:.2}", median(ours.iter().copied())),
            format!("{low:.2}-{high:.2}"),
            format!("{:.2}", median(theirs.iter().copied())),
            format!("{:.2} x", ratio(&theirs, &ours)),
            format!("{:.2}", median(gone.iter().copied())),
        ]);
    }
}

/// Twenty at once, ten of each kind.
async fn crowd() {
    let pannier = Pannier::start(MARIADB).await;
    // The template is there before.
    let (first, _) = pannier.make(Kind::Mysql, "user3").await;
    pannier.delete(&first, "user3").await;
    let began = Instant::now();
    let asked = (0..20).map(|index| {
        let kind = if index % 2 == 0 { Kind::Redis } else { Kind::Mysql };
        let pannier = &pannier;
        async move { (kind, pannier.make(kind, "bench").await) }
    });
    let made: Vec<_> = stream::iter(asked).buffer_unordered(20).collect().await;
    let all = began.elapsed().as_secs_f64();
    table("Ten Redis and ten MariaDB at once, on 2 processors", &["instance", "median, s", "slowest, s"]);
    for (kind, name) in [(Kind::Redis, "Redis 7.0"), (Kind::Mysql, "MariaDB 10.11")] {
        let times: Vec<f64> = made.iter().filter(|(made, _)| *made == kind).map(|(_, (_, time))| *time).collect();
        let (_, high) = crate::figures::spread(&times);
        row(&[name.to_owned(), format!("{:.2}", median(times)), format!("{high:.2}")]);
    }
    line(&format!("\nAll of them after {all:.2} s."));
    for (_, (instance, _)) in &made {
        pannier.delete(instance, "bench").await;
    }
}
