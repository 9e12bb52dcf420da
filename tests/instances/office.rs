//! What a tenant sends, and what stands behind it: a stack whose instances are containers, on ports of its own.

use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use futures_util::{StreamExt, stream};
use http::{Method, Request};
use serde_json::{Value, json};
use sha2::Digest;
use shared::http::body;
use shared::instances::RECONCILE_INSTANCES;
use tests::client::{Answer, PATIENCE};
use tests::require;
use tests::stack::{Backend, Door, Settings, Stack};

/// Made by `infra/databases/build.sh`.
pub(super) const MARIADB: &str = "pannier-mariadb:10.11";
/// See [`MARIADB`].
pub(super) const REDIS: &str = "pannier-redis:7.0";
/// See [`MARIADB`].
pub(super) const MYSQL: &str = "pannier-mysql:9";

/// How many ports a stack has.
const PORTS: u16 = 40;

/// What clients of old send.
pub(super) fn utf8() -> Value {
    json!({ "charset": "utf8", "collection": "utf8_general_ci" })
}

/// What a command of Docker's client prints, if it does what it should.
pub(super) fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first of ports that no other stack of this process has.
pub(super) fn fresh_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    NEXT.fetch_add(PORTS, Ordering::Relaxed)
}

/// Two users: `user1` with the key `key-1` and 40 instances, `user2` with the key `key-2` and two.
pub(super) fn document(mysql: &str, first: u16) -> String {
    let digest = |key: &str| shared::hex(&sha2::Sha256::digest(key));
    format!(
        "[users.user1]\nkey_sha256 = \"{}\"\nmax_instances = 40\n[users.user2]\nkey_sha256 = \"{}\"\nmax_instances = 2\n\
         [instances]\nmysql_image = \"{mysql}\"\nredis_image = \"{REDIS}\"\nports = \"{first}-{}\"\n",
        digest("key-1"),
        digest("key-2"),
        first + PORTS - 1
    )
}

/// A stack with tenants; everything of it is gone from Docker when it is dropped.
pub(super) struct Office {
    pub(super) stack: Option<Stack>,
    pub(super) first_port: u16,
}

impl Office {
    /// Starts one; `None` after saying what is missing.
    pub(super) async fn start(door: Door, backend: Backend) -> Option<Self> {
        Self::with_mysql(door, backend, MARIADB).await
    }

    /// The same with another MySQL.
    pub(super) async fn with_mysql(door: Door, backend: Backend, mysql: &str) -> Option<Self> {
        if !require::image(mysql) || !require::image(REDIS) {
            return None;
        }
        let first_port = fresh_ports();
        let document = document(mysql, first_port);
        let stack = Stack::configured(door, backend, Settings { document: &document, ..Settings::default() }).await?;
        Some(Self { stack: Some(stack), first_port })
    }

    pub(super) fn stack(&self) -> &Stack {
        self.stack.as_ref().unwrap()
    }

    /// What user1 is told.
    pub(super) async fn ask(&self, method: Method, path: &str, document: &Value) -> Answer {
        ask(self.stack(), method, path, document, &[("authorization", "key-1")]).await
    }

    /// An instance of user1 that is ready.
    pub(super) async fn make(&self, path: &str, document: &Value) -> Value {
        let answer = self.ask(Method::POST, path, document).await;
        self.made(answer, "key-1").await
    }

    /// What was asked for with that key, when it is ready: on a busy machine it may take longer than its client waits.
    pub(super) async fn made(&self, answer: Answer, key: &str) -> Value {
        let mut told = answer.json();
        if answer.status == 202 {
            let path = format!("/detail/{}", told["data"]["dockerId"].as_str().unwrap());
            until("it gets ready", async || {
                self.stack().work(&RECONCILE_INSTANCES).await;
                told = ask(self.stack(), Method::GET, &path, &Value::Null, &[("authorization", key)]).await.json();
                told["data"]["status"] == "ready" || told["data"]["status"] == "failed"
            })
            .await;
        }
        assert!([200, 202].contains(&answer.status.as_u16()), "{}", answer.text());
        assert_eq!(told["data"]["status"], "ready", "{told}");
        told["data"].take()
    }

    pub(super) async fn detail(&self, id: &str) -> Answer {
        self.ask(Method::GET, &format!("/detail/{id}"), &Value::Null).await
    }

    pub(super) async fn delete(&self, id: &str) {
        let answer = self.ask(Method::DELETE, &format!("/detail/{id}"), &Value::Null).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (200, json!({ "code": 200, "msg": "success", "data": null }))
        );
    }

    /// Every object of instances that the store has.
    pub(super) async fn objects(&self) -> Vec<String> {
        let mut all = Vec::new();
        for prefix in ["instances/", "quota/", "ports/"] {
            all.extend(self.stack().keys(prefix).await);
        }
        all
    }

    /// The containers on this office's ports, running or not.
    pub(super) fn containers(&self) -> Vec<String> {
        containers(self.first_port)
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        // First what would bring them back.
        self.stack = None;
        for id in self.containers() {
            docker(&["rm", "--force", "--volumes", &id]);
            docker(&["volume", "rm", &format!("pannier-{id}")]);
        }
    }
}

/// The containers of instances that were made with ports of one office.
pub(super) fn containers(first_port: u16) -> Vec<String> {
    let format = "{{.Names}} {{.Label \"pannier.port\"}}";
    let listed = docker(&["ps", "--all", "--filter", "label=pannier.instance", "--format", format]).unwrap_or_default();
    let own = listed.lines().filter_map(|line| {
        let (name, port) = line.split_once(' ')?;
        (first_port..first_port + PORTS).contains(&port.parse().ok()?).then(|| name.to_owned())
    });
    own.collect()
}

/// Sends a document, or nothing if it is null.
pub(super) async fn ask(
    stack: &Stack,
    method: Method,
    path: &str,
    document: &Value,
    headers: &[(&str, &str)],
) -> Answer {
    let body = if document.is_null() { body::empty() } else { body::full(document.to_string()) };
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stack.send(request.body(body).unwrap()).await
}

/// What a client program prints that a user would run: `redis-cli` or `mysql`, with the credentials of an answer. An error is
/// what it says.
pub(super) fn client(instance: &Value, password: &str, command: &str) -> Result<String, String> {
    let port = instance["port"].to_string();
    let host = instance["host"].as_str().unwrap();
    let mut client = match instance["type"].as_str() {
        Some("mysql") => {
            let mut client = Command::new("mysql");
            client.args(["--batch", "--skip-column-names", "--connect-timeout=10", "-uroot", "-h", host, "-P", &port]);
            client.env("MYSQL_PWD", password).args(["-e", command]);
            client
        }
        _ => {
            let mut client = Command::new("redis-cli");
            client.args(["-e", "-h", host, "-p", &port]).env("REDISCLI_AUTH", password);
            client.args(command.split(' '));
            client
        }
    };
    let output = client.output().expect("a client program runs");
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() && !complaint.contains("AUTH failed") {
        Ok(said)
    } else {
        Err(format!("{said} {complaint}"))
    }
}

/// The same with the password of the answer.
pub(super) fn log_in(instance: &Value, command: &str) -> Result<String, String> {
    client(instance, instance["pwd"].as_str().unwrap(), command)
}

/// Everything at the same time, in its order.
pub(super) async fn at_once<T, F: Future<Output = T>>(asked: impl IntoIterator<Item = F>) -> Vec<T> {
    let asked: Vec<F> = asked.into_iter().collect();
    let count = asked.len();
    stream::iter(asked).buffered(count).collect().await
}

/// Asks again until it is so.
pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            // Nobody tells of it.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}
