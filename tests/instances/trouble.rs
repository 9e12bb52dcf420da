//! What goes wrong with instances that were ready: by their users, by others on the machine, by who tidies up.

use std::net::TcpListener;
use std::process::Command;

use http::Method;
use serde_json::{Value, json};
use tests::require;
use tests::stack::{Backend, Door, Settings, Stack};

use super::office::{Office, REDIS, ask, client, docker, document, fresh_ports, log_in, until, utf8};

const KEY: [(&str, &str); 1] = [("authorization", "key-1")];

fn id(instance: &Value) -> &str {
    instance["dockerId"].as_str().unwrap()
}

#[tokio::test]
async fn a_user_who_locked_themselves_out_gets_in_again() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    let memory = json!({ "memory": 64 });
    let lockouts = [
        ("/redis", &memory, "CONFIG SET requirepass another", "rotate-password", "PING", "PONG"),
        ("/redis", &memory, "CONFIG SET requirepass another", "restart", "PING", "PONG"),
        ("/mysql", &utf8(), "ALTER USER root@'%' IDENTIFIED BY 'another'", "rotate-password", "SELECT 1", "1"),
        ("/mysql", &utf8(), "DROP USER root@'%'", "restart", "SELECT 1", "1"),
        ("/mysql", &utf8(), "ALTER USER root@'%' ACCOUNT LOCK", "rotate-password", "SELECT 1", "1"),
    ];
    for (path, body, lockout, remedy, question, answer) in lockouts {
        let made = office.make(path, body).await;
        log_in(&made, lockout).unwrap();
        assert!(log_in(&made, question).is_err(), "{lockout}");
        let again = office.make(&format!("/detail/{}/{remedy}", id(&made)), &Value::Null).await;
        assert_eq!(log_in(&again, question).unwrap(), answer, "{remedy} after {lockout}");
        office.delete(id(&made)).await;
    }
}

#[tokio::test]
async fn one_that_was_stopped_comes_back_with_another_password() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    for stop in [&["stop"][..], &["kill"], &["rm", "--force"]] {
        let made = office.make("/redis", &json!({ "memory": 64 })).await;
        log_in(&made, "SET a 42").unwrap();
        docker(&[stop, &[id(&made)]].concat()).unwrap();
        let rotated = office.make(&format!("/detail/{}/rotate-password", id(&made)), &Value::Null).await;
        assert_ne!(rotated["pwd"], made["pwd"]);
        assert_eq!(log_in(&rotated, "GET a").unwrap(), "42", "{stop:?}");
        assert!(client(&made, made["pwd"].as_str().unwrap(), "GET a").is_err());
        office.delete(id(&made)).await;
    }
}

#[tokio::test]
async fn a_port_that_somebody_took_is_told_of_and_had_again() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    let made = office.make("/redis", &json!({ "memory": 64 })).await;
    log_in(&made, "SET a 42").unwrap();
    docker(&["stop", id(&made)]).unwrap();
    let port = u16::try_from(made["port"].as_u64().unwrap()).unwrap();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let restart = format!("/detail/{}/restart", id(&made));
    let answer = office.ask(Method::POST, &restart, &Value::Null).await;
    assert_eq!(answer.json()["msg"], "The instance failed: Something else listens on its port.");
    let detail = office.detail(id(&made)).await.json();
    assert_eq!((&detail["data"]["status"], &detail["data"]["port"]), (&json!("failed"), &made["port"]));
    drop(taken);
    assert_eq!(office.make(&restart, &Value::Null).await, made);
    assert_eq!(log_in(&made, "GET a").unwrap(), "42", "its data are where they were");
}

#[tokio::test]
async fn a_full_redis_is_not_killed_while_it_writes() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    let made = office.make("/redis", &json!({ "memory": 64 })).await;
    let port = made["port"].to_string();
    // Nearly as much as there is room for, written over and over, so that the file of changes is rewritten.
    let load = ["-p", &port, "-t", "set", "-d", "1000", "-r", "49000", "-n", "400000", "-c", "50", "-P", "8", "-q"];
    let mut benchmark = Command::new("redis-benchmark");
    benchmark.args(load).args(["-a", made["pwd"].as_str().unwrap()]);
    let done = benchmark.output().expect("redis-benchmark runs");
    assert!(done.status.success(), "{done:?}");
    until("it has rewritten its file", async || {
        log_in(&made, "INFO persistence").is_ok_and(|info| info.contains("aof_rewrite_in_progress:0"))
    })
    .await;
    let inspected = docker(&["inspect", "--format", "{{.RestartCount}} {{.State.OOMKilled}}", id(&made)]).unwrap();
    assert_eq!(inspected.trim(), "0 false");
    let keys: u64 = log_in(&made, "DBSIZE").unwrap().parse().unwrap();
    assert!(keys > 30_000, "{keys} keys");
}

#[tokio::test]
async fn a_tenant_does_not_send_a_redis_elsewhere() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    let made = office.make("/redis", &json!({ "memory": 64 })).await;
    for command in ["REPLICAOF 172.17.0.1 6379", "SLAVEOF 172.17.0.1 6379", "MODULE LOAD /tmp/x.so", "DEBUG SLEEP 0"] {
        assert!(log_in(&made, command).is_err_and(|said| said.contains("unknown command")), "{command}");
    }
}

/// A stack with a network of its own.
async fn with_network(network: &str) -> Option<Stack> {
    if !require::image(REDIS) {
        return None;
    }
    let text = format!("{}network = \"{network}\"\n", document(REDIS, fresh_ports()));
    Stack::configured(Door::Program, Backend::Embedded, Settings { document: &text, ..Settings::default() }).await
}

#[tokio::test]
async fn a_network_that_was_tidied_up_is_made_again() {
    let network = format!("pannier-test-{}", shared::hex(&shared::random::<4>()));
    let Some(stack) = with_network(&network).await else { return };
    for _ in 0..2 {
        let made = ask(&stack, Method::POST, "/redis", &json!({ "memory": 64 }), &KEY).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let path = format!("/detail/{}", id(&made.json()["data"]));
        assert_eq!(ask(&stack, Method::DELETE, &path, &Value::Null, &KEY).await.status, 200);
        docker(&["network", "rm", &network]).expect("nothing is left in it");
    }
}

#[tokio::test]
async fn a_network_that_lets_tenants_meet_is_refused() {
    let network = format!("pannier-test-{}", shared::hex(&shared::random::<4>()));
    let Some(stack) = with_network(&network).await else { return };
    docker(&["network", "create", &network]).unwrap();
    let refused = ask(&stack, Method::POST, "/redis", &json!({ "memory": 64 }), &KEY).await;
    docker(&["network", "rm", &network]).expect("nothing is in it");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(stack.keys("instances/").await, [""; 0]);
}

#[tokio::test]
async fn what_no_record_names_is_taken_away_but_not_its_data() {
    let Some(office) = Office::start(Door::Program, Backend::Embedded).await else { return };
    let made = office.make("/redis", &json!({ "memory": 64 })).await;
    let format = "{{index .Config.Labels \"pannier.site\"}}";
    let site = docker(&["inspect", "--format", format, id(&made)]).unwrap();
    let orphan = |name: &str, site: &str, command: &str| {
        let volume = format!("pannier-{name}:/data");
        let site = format!("pannier.site={site}");
        let instance = format!("pannier.instance={name}");
        let labels = ["--label", &site, "--label", &instance, "--label", "pannier.owner=user1"];
        let command = if command == "run" { &["run", "--detach"][..] } else { &["create"] };
        docker(&[command, &["--name", name], &labels, &["--volume", &volume, REDIS]].concat()).unwrap();
    };
    let [never, ran, foreign] = [(); 3].map(|()| shared::hex(&shared::random::<6>()));
    orphan(&never, site.trim(), "create");
    orphan(&ran, site.trim(), "run");
    orphan(&foreign, "another-store", "create");
    let exists = |kind: &str, name: &str| docker(&[kind, "inspect", name]).is_some();
    until("both are taken away", async || !exists("container", &never) && !exists("container", &ran)).await;
    until("what never ran has no data", async || !exists("volume", &format!("pannier-{never}"))).await;
    assert!(exists("volume", &format!("pannier-{ran}")), "data are not deleted without a request");
    assert!(exists("container", &foreign), "what was made for another store is not ours");
    assert_eq!(log_in(&made, "PING").unwrap(), "PONG");
    docker(&["rm", "--force", &foreign]);
    docker(&["volume", "rm", &format!("pannier-{ran}"), &format!("pannier-{foreign}")]);
}

#[tokio::test]
async fn with_another_secret_everything_can_still_be_deleted() {
    if !require::image(REDIS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = fresh_ports();
    let settings = folder.path().join("pannier.toml");
    std::fs::write(&settings, document(REDIS, first)).unwrap();
    let (data, settings) = (folder.path().join("data"), settings.display().to_string());
    let start = async || {
        let variables = [("PANNIER_CONFIG", settings.as_str())];
        let program = tests::program::Program::start(&data, &[], &variables).await;
        let url = program.url();
        until("it is ready", async || {
            let answer = tests::client::client().request(tests::client::get(&format!("{url}/health"))).await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        program
    };
    let ask = async |url: &str, method: Method, path: &str, body: &str| {
        let request = http::Request::builder().method(method).uri(format!("{url}{path}"));
        let request = request.header("authorization", "key-1").body(shared::http::body::full(body.to_owned())).unwrap();
        let answer = tests::client::client().request(request).await.unwrap();
        tests::client::read(answer.map(shared::http::body::boxed)).await
    };
    let program = start().await;
    let made = ask(&program.url(), Method::POST, "/redis", r#"{"memory":64}"#).await.json()["data"].take();
    program.stop().await;
    std::fs::remove_file(data.join("secret")).unwrap();
    let program = start().await;
    let listed = ask(&program.url(), Method::GET, "/list/2", "").await.json()["data"].take();
    assert_eq!((&listed[0]["dockerId"], &listed[0]["pwd"]), (&made["dockerId"], &Value::Null), "{listed}");
    let path = format!("/detail/{}", id(&made));
    assert_eq!(ask(&program.url(), Method::DELETE, &path, "").await.status, 200);
    assert_eq!(super::office::containers(first), [""; 0]);
    program.stop().await;
}
