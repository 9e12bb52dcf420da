//! What instances are once they are there: their settings, their limits, their secrets, and what a restart leaves of them.

use std::net::TcpListener;

use http::Method;
use serde_json::{Value, json};
use tests::program::log;
use tests::require;
use tests::stack::{Backend, Door};

use super::office::{MYSQL, Office, at_once, client, docker, log_in, until, utf8};

/// What is in effect.
const VARIABLES: &str = "SELECT @@character_set_server, @@collation_server";

fn id(instance: &Value) -> &str {
    instance["dockerId"].as_str().unwrap()
}

/// A field of what Docker says of an instance.
fn inspect(instance: &Value, field: &str) -> String {
    docker(&["inspect", "--format", field, id(instance)]).expect("a container").trim().to_owned()
}

#[tokio::test]
async fn what_was_asked_for_is_in_effect() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    for (charset, collation, expected) in [
        ("utf8", "utf8_general_ci", "utf8mb3\tutf8mb3_general_ci"),
        ("utf8mb4", "utf8mb4_unicode_ci", "utf8mb4\tutf8mb4_unicode_ci"),
        ("latin1", "latin1_german1_ci", "latin1\tlatin1_german1_ci"),
        ("binary", "binary", "binary\tbinary"),
    ] {
        let made = office.make("/mysql", &json!({ "charset": charset, "collation": collation })).await;
        assert_eq!(log_in(&made, VARIABLES).unwrap(), expected);
        office.delete(id(&made)).await;
    }
    let redis = office.make("/redis", &json!({ "memory": 100 })).await;
    assert_eq!(log_in(&redis, "CONFIG GET maxmemory").unwrap(), "maxmemory\n104857600");
    assert_eq!(log_in(&redis, "CONFIG GET appendonly").unwrap(), "appendonly\nyes");
    // What is not data has room, too.
    let limit: u64 = inspect(&redis, "{{.HostConfig.Memory}}").parse().unwrap();
    assert!((200 * 1024 * 1024..400 * 1024 * 1024).contains(&limit), "{limit}");
    let pid = inspect(&redis, "{{.State.Pid}}");
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    // One hierarchy, or one for each resource.
    let files = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        match (parts.next()?, parts.next()?) {
            ("memory", group) => Some(format!("/sys/fs/cgroup/memory{group}/memory.limit_in_bytes")),
            ("", group) => Some(format!("/sys/fs/cgroup{group}/memory.max")),
            _ => None,
        }
    });
    let in_force = files.filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()).next();
    let in_force = in_force.expect("a limit of the kernel's");
    assert!(in_force <= limit && in_force > limit - 65_536, "{in_force} of {limit}");
}

#[tokio::test]
async fn mysql_of_another_kind_is_the_same_to_its_user() {
    if !require::image(MYSQL) {
        return;
    }
    let Some(office) = Office::with_mysql(Door::Program, Backend::Embedded, MYSQL).await else { return };
    let asked = json!({ "charset": "utf8" });
    let made = at_once((0..2).map(|_| office.make("/mysql", &asked))).await;
    assert_eq!(log_in(&made[0], VARIABLES).unwrap(), "utf8mb3\tutf8mb3_general_ci");
    let uuids = made.each(|one| log_in(one, "SELECT @@server_uuid").unwrap());
    assert_ne!(uuids[0], uuids[1], "servers are not each other");
    let keys = made.each(|one| docker(&["exec", id(one), "cat", "/var/lib/mysql/server-key.pem"]).unwrap());
    assert!(keys[0] != keys[1] && keys[0].contains("PRIVATE KEY"), "nor do they share keys");
    let newer = office.make("/mysql", &json!({ "charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci" })).await;
    assert_eq!(log_in(&newer, VARIABLES).unwrap(), "utf8mb4\tutf8mb4_0900_ai_ci");
}

trait Each {
    fn each<T>(&self, ask: impl Fn(&Value) -> T) -> Vec<T>;
}

impl Each for [Value] {
    fn each<T>(&self, ask: impl Fn(&Value) -> T) -> Vec<T> {
        self.iter().map(ask).collect()
    }
}

/// Something of the user's own, to be found again.
async fn write(instance: &Value) {
    match instance["type"].as_str() {
        Some("mysql") => {
            log_in(instance, "CREATE DATABASE shop; CREATE TABLE shop.t (a INT); INSERT INTO shop.t VALUES (42)")
                .unwrap();
        }
        _ => assert_eq!(log_in(instance, "SET a 42").unwrap(), "OK"),
    }
}

fn read(instance: &Value, password: &str) -> Result<String, String> {
    client(instance, password, if instance["type"] == "mysql" { "SELECT a FROM shop.t" } else { "GET a" })
}

async fn restarted_and_rotated(backend: Backend) {
    let Some(mut office) = Office::start(Door::Program, backend).await else { return };
    for (path, body) in [("/redis", json!({ "memory": 64 })), ("/mysql", utf8())] {
        let made = office.make(path, &body).await;
        write(&made).await;
        let (id, old) = (id(&made).to_owned(), made["pwd"].as_str().unwrap());
        let call = |what: &str| format!("/detail/{id}/{what}");
        let started = inspect(&made, "{{.State.StartedAt}}");
        let again = office.make(&call("restart"), &Value::Null).await;
        assert_eq!(again, made, "the same address, the same password");
        assert_ne!(inspect(&made, "{{.State.StartedAt}}"), started, "it was restarted");
        assert_eq!(read(&made, old).unwrap(), "42");
        let rotated = office.make(&call("rotate-password"), &Value::Null).await;
        let new = rotated["pwd"].as_str().unwrap();
        assert!(new != old && rotated["port"] == made["port"], "{rotated}");
        assert!(read(&made, old).is_err(), "the old password is over");
        assert_eq!(read(&made, new).unwrap(), "42");
        office.make(&call("restart"), &Value::Null).await;
        assert!(read(&made, old).is_err(), "also after a restart");
        assert_eq!(read(&made, new).unwrap(), "42");
        // Somebody else's restart, and one of the program.
        docker(&["restart", &id]).unwrap();
        office.stack = Some(office.stack.take().unwrap().killed_and_started().await);
        until("it comes back", async || read(&made, new).is_ok_and(|found| found == "42")).await;
        assert_eq!(office.detail(&id).await.json()["data"], rotated);
        // A container that is gone comes back out of its volume.
        docker(&["rm", "--force", &id]).unwrap();
        assert_eq!(office.make(&call("restart"), &Value::Null).await, rotated);
        assert_eq!(read(&made, new).unwrap(), "42");
        office.delete(&id).await;
    }
}

#[tokio::test]
async fn data_outlive_restarts_and_passwords_change() {
    restarted_and_rotated(Backend::Embedded).await;
}

#[tokio::test]
async fn data_outlive_restarts_and_passwords_change_on_minio() {
    restarted_and_rotated(Backend::Minio).await;
}

async fn twenty_at_once(backend: Backend) {
    let Some(office) = Office::start(Door::Program, backend).await else { return };
    let foreign: Vec<u16> = [0, 1, 3, 7, 12].iter().map(|offset| office.first_port + offset).collect();
    let _listeners: Vec<TcpListener> =
        foreign.iter().map(|port| TcpListener::bind(("127.0.0.1", *port)).unwrap()).collect();
    let (mysql, redis) = (utf8(), json!({ "memory": 64 }));
    let asked = (0..20).map(|index| match index % 2 {
        0 => office.ask(Method::POST, "/mysql", &mysql),
        _ => office.ask(Method::POST, "/redis", &redis),
    });
    let answers = at_once(asked).await;
    let mut ports = Vec::new();
    for answer in &answers {
        // One that takes longer than a client waits is told so, and gets ready all the same.
        assert!([200, 202].contains(&answer.status.as_u16()), "{}", answer.text());
        let id = answer.json()["data"]["dockerId"].as_str().unwrap().to_owned();
        let detail = || async { office.detail(&id).await.json()["data"].take() };
        until("it gets ready", async || detail().await["status"] == "ready").await;
        let made = detail().await;
        assert_eq!(made["pwd"], answer.json()["data"]["pwd"], "the same identifiers");
        let said = if made["type"] == "mysql" { log_in(&made, "SELECT 1") } else { log_in(&made, "PING") };
        assert!(["1", "PONG"].contains(&said.unwrap().as_str()));
        ports.push(u16::try_from(made["port"].as_u64().unwrap()).unwrap());
    }
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 20, "twenty ports");
    assert!(ports.iter().all(|port| !foreign.contains(port)), "{ports:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_have_twenty_ports() {
    twenty_at_once(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_have_twenty_ports_on_minio() {
    twenty_at_once(Backend::Minio).await;
}

/// Everything that anybody could read of a process and its container.
fn shown(instance: &Value, office: &Office) -> String {
    let mut all = docker(&["inspect", id(instance)]).unwrap() + &docker(&["top", id(instance), "-ef"]).unwrap();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            all += &String::from_utf8_lossy(&std::fs::read(entry.path().join(file)).unwrap_or_default());
        }
    }
    let logs = std::process::Command::new("docker").args(["logs", id(instance)]).output().unwrap();
    all += &String::from_utf8_lossy(&[logs.stdout, logs.stderr].concat());
    all + &log(&office.stack().data())
}

/// Every byte below a folder: the store's index and its blobs, the log, what the program keeps for itself.
fn files(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => all.extend(files(&path)),
            path => all.extend(std::fs::read(path).unwrap_or_default()),
        }
    }
    all
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_password_is_nowhere_to_be_read() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    for (path, body) in [("/redis", json!({ "memory": 64 })), ("/mysql", utf8())] {
        let made = office.make(path, &body).await;
        let rotated = office.make(&format!("/detail/{}/rotate-password", id(&made)), &Value::Null).await;
        let everything = shown(&made, &office);
        assert!(everything.contains(id(&made)), "what is looked through has to do with it");
        let stored = files(&office.stack().data());
        assert!(contains(&stored, id(&made)), "the record is among what is looked through");
        for password in [&made["pwd"], &rotated["pwd"]] {
            let password = password.as_str().unwrap();
            assert!(!everything.contains(password) && !contains(&stored, password));
        }
    }
}

#[tokio::test]
async fn tenants_do_not_reach_each_other() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    let (one, other) =
        (office.make("/redis", &json!({ "memory": 64 })).await, office.make("/redis", &json!({ "memory": 64 })).await);
    let address = inspect(&other, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    let gateway = inspect(&other, "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}");
    let (inside, outside) = ("6379".to_owned(), other["port"].to_string());
    // A Redis that answers refuses to answer without a password: that would be an answer.
    let reach = |host: &str, port: &str| {
        let ask = ["exec", id(&one), "timeout", "3", "redis-cli", "-h", host, "-p", port, "PING"];
        std::process::Command::new("docker").args(ask).output().unwrap()
    };
    assert!(String::from_utf8_lossy(&reach("127.0.0.1", &inside).stdout).contains("NOAUTH"), "it reaches itself");
    for (host, port) in [(&address, &inside), (&gateway, &outside)] {
        let said = reach(host, port);
        assert!(!String::from_utf8_lossy(&said.stdout).contains("NOAUTH"), "{host}:{port}: {said:?}");
    }
    let bindings = inspect(&one, "{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{end}}{{end}}");
    assert_eq!(bindings, "127.0.0.1");
    let port = u16::try_from(one["port"].as_u64().unwrap()).unwrap();
    let sockets = ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/net/{table}")).unwrap());
    let listening: Vec<&str> = sockets
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
            (state == "0A" && local.ends_with(&format!(":{port:04X}"))).then_some(local)
        })
        .collect();
    assert_eq!(listening, [format!("0100007F:{port:04X}")], "this machine alone");
}

#[tokio::test]
async fn an_instance_goes_when_its_time_is_over() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    let made = office.make("/redis", &json!({ "memory": 64, "ttl": 3600 })).await;
    assert!(made["expires_at"].as_str().is_some_and(|time| time > made["created_at"].as_str().unwrap()), "{made}");
    let key = format!("instances/user1/{}", id(&made));
    let stack = office.stack();
    let object = stack.s3.get_object().bucket(&stack.bucket).key(&key).send().await.unwrap();
    let mut record: Value = serde_json::from_slice(&object.body.collect().await.unwrap().into_bytes()).unwrap();
    record["value"]["expires"] = json!(1);
    stack.put(&key, record.to_string()).await;
    until("it goes", async || office.objects().await.is_empty() && office.containers().is_empty()).await;
    assert_eq!(docker(&["volume", "ls", "--quiet", "--filter", &format!("name=pannier-{}", id(&made))]).unwrap(), "");
}
