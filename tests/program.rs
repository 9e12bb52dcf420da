//! Contract, section 7: the local program.

use std::path::Path;
use std::time::Duration;

use tests::arbitrary;
use tests::client::{self, get};
use tests::program::{Program, log, run_to_end};
use tests::stack::{Backend, Door, Stack};

async fn refused(arguments: &[&str], variables: &[(&str, &str)], word: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run_to_end(&folder.path().join("data"), arguments, variables).await;
    assert_eq!(code, Some(2), "{arguments:?} {variables:?}: {said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("pannier: ")).count(), 1, "{said}");
    assert!(said.contains(word), "{word} is not in: {said}");
}

#[tokio::test]
async fn a_wrong_setting_is_one_line_and_exit_code_2() {
    refused(&["--no-such-flag"], &[], "--no-such-flag").await;
    refused(&["--listen", "nowhere"], &[], "--listen").await;
    refused(&["--delay", "61"], &[], "DELAY").await;
    refused(&["-d", "soon"], &[], "DELAY").await;
    refused(&[], &[("DELAY", "-1")], "DELAY").await;
    refused(&["--public-url", "here"], &[], "PUBLIC_URL").await;
    refused(&["--bucket", "X"], &[], "BUCKET").await;
    refused(&["--config", "/nowhere.toml"], &[], "/nowhere.toml").await;
    refused(&[], &[("PANNIER_SECRET", "c2hvcnQ=")], "PANNIER_SECRET").await;
    refused(&[], &[("INSTANCES_ENGINE", "podman")], "INSTANCES_ENGINE").await;
    for ports in ["2001", "2002-2001", "80-90", "2001-40000"] {
        refused(&[], &[("INSTANCES_PORTS", ports)], "INSTANCES_PORTS").await;
    }
    refused(&[], &[("INSTANCES_BIND", "everywhere")], "INSTANCES_BIND").await;
    refused(&[], &[("INSTANCES_HOST", "a host")], "INSTANCES_HOST").await;
    refused(&[], &[("MYSQL_IMAGE", "my sql")], "MYSQL_IMAGE").await;
    refused(&[], &[("INSTANCES_PREFIX", "pannier--x")], "INSTANCES_PREFIX").await;
    refused(&["--store-listen", "127.0.0.1:0", "--s3-endpoint", "http://127.0.0.1:1"], &[], "--store-listen").await;
}

#[tokio::test]
async fn a_wrong_document_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("pannier.toml");
    for (text, word) in [
        ("[users.alice]\nkey_sha256 = \"12\"", "64 hex digits"),
        ("[users.alice]\nkey = \"x\"", "key"),
        ("[users.\"a/b\"]\nkey_sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"", "a/b"),
        ("[instances]\nports = \"1-2\"", "1024 to 32767"),
        ("[instances]\nmysql_memory = 100", "384 to 65536"),
        ("[business.t]\nname = \"shop\"\nnotify_url = \"nowhere\"", "notify_url of business \"shop\""),
        ("[business.t]\nname = \"shop\"\nwebhook_secret = \"whsec_c2hvcnQ=\"", "24-64 bytes"),
        ("nonsense = 1", "nonsense"),
        ("[", "pannier.toml"),
    ] {
        std::fs::write(&document, text).unwrap();
        refused(&["--config", document.to_str().unwrap()], &[], word).await;
    }
    std::fs::write(&document, EXAMPLE).unwrap();
    let program = Program::start(&folder.path().join("data"), &["--config", document.to_str().unwrap()], &[]).await;
    assert_eq!(program.stop().await, Some(0));
}

/// The document of the contract.
const EXAMPLE: &str = r#"
[business.cp00000010103010301]
name = "shop"
notify_url = "http://127.0.0.1:8090/api/business/fupload/callback"
store_prefix = "business/"
webhook_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

[users.alice]
key_sha256 = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"
max_instances = 5
"#;

#[tokio::test]
async fn an_empty_variable_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "LISTEN",
        "STORE_LISTEN",
        "PHOTO_DIR",
        "LOG_FORMAT",
        "PANNIER_CONFIG",
        "DELAY",
        "BUCKET",
        "S3_ENDPOINT",
        "PUBLIC_URL",
        "CORS_ORIGINS",
        "DATA_DIR",
        "PANNIER_SECRET",
    ];
    let program = Program::start(&folder.path().join("data"), &[], &names.map(|name| (name, ""))).await;
    assert_eq!(program.stop().await, Some(0));
}

#[tokio::test]
async fn a_flag_wins_over_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DELAY", "61"), ("LOG_FORMAT", "nonsense")];
    let arguments = ["--delay", "1", "--log-format", "text"];
    let (code, said) = run_to_end(&folder.path().join("data"), &["--delay", "1"], &variables).await;
    assert_eq!(code, Some(2), "{said}");
    let variables = [("DELAY", "61")];
    let program = Program::start(&folder.path().join("data"), &arguments, &variables).await;
    assert_eq!(program.stop().await, Some(0));
}

#[tokio::test]
async fn a_directory_that_holds_the_secrets_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let served = folder.path().join("served");
    std::fs::create_dir(&served).unwrap();
    std::os::unix::fs::symlink(&served, folder.path().join("link")).unwrap();
    for path in ["served", "link"] {
        let path = folder.path().join(path);
        let (code, said) = run_to_end(&served.join("data"), &["-p", path.to_str().unwrap()], &[]).await;
        assert_eq!(code, Some(2));
        assert!(said.contains("lies inside of --path"), "{said}");
    }
}

#[tokio::test]
async fn nothing_of_the_data_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(data.join("store/files")).unwrap();
    std::os::unix::fs::symlink(data.join("store"), folder.path().join("link")).unwrap();
    for path in ["data/store", "link", "link/files"] {
        let path = folder.path().join(path);
        let (code, said) = run_to_end(&data, &["-p", path.to_str().unwrap()], &[]).await;
        assert_eq!(code, Some(2));
        assert!(said.contains("lies inside of --data"), "{said}");
    }
}

#[tokio::test]
async fn half_a_secret_is_none() {
    for name in ["secret", "store-secret"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join(name), "").unwrap();
        let (code, said) = run_to_end(&data, &[], &[]).await;
        assert_eq!(code, Some(2));
        assert!(said.contains(name), "{said}");
    }
}

#[tokio::test]
async fn the_embedded_store_does_not_care_for_the_users_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let variables =
        [("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true"), ("AWS_REGION", "bad region")];
    let data = folder.path().join("data");
    let program = Program::start(&data, &[], &variables).await;
    program.wait_until_ready().await;
    assert_eq!(program.stop().await, Some(0));
    assert!(!log(&data).contains("WARN"), "{}", log(&data));
}

#[tokio::test]
async fn a_store_without_credentials_is_not_waited_for() {
    let keys = [("AWS_EC2_METADATA_DISABLED", "true")];
    refused(&["--s3-endpoint", "http://127.0.0.1:9"], &keys, "the store cannot be used").await;
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_ends_the_program() {
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    refused(&["--s3-endpoint", "http://127.0.0.1:9"], &keys, "the store cannot be used").await;
}

/// Other tools of AWS have these variables, too. What was said by a flag is not turned elsewhere by them, and what they alone
/// take for right does not end the program.
#[tokio::test(flavor = "multi_thread")]
async fn variables_for_other_tools_do_not_lead_away_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, endpoint) = tests::stack::embedded(&folder, ("a", "b")).await;
    let variables = [
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_MAX_ATTEMPTS", "0"),
    ];
    let program = Program::start(&folder.path().join("data"), &["--s3-endpoint", &endpoint], &variables).await;
    program.wait_until_ready().await;
    assert_eq!(program.stop().await, Some(0));
}

#[tokio::test]
async fn until_the_store_is_reached_jobs_answer_503() {
    let folder = tempfile::tempdir().unwrap();
    // Takes connections and says nothing: a store that is still starting.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let variables = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("S3_ENDPOINT", &endpoint)];
    let program = Program::start(&folder.path().join("data"), &[], &variables).await;
    let ask = async |path: &str| {
        let response = client::client().request(get(&format!("{}{path}", program.url()))).await.unwrap();
        client::read(response.map(shared::http::body::boxed)).await
    };
    let answer = ask("/archive/trip/").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["detail"], "Storage is not initialized yet!");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(ask("/heart_beat").await.status, 200);
    let health = ask("/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["dependencies"]["store"]["state"], "starting");
    assert_eq!(program.stop().await, Some(0));
}

#[tokio::test]
async fn a_second_program_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Program::start(&data, &[], &[]).await;
    let (code, said) = run_to_end(&data, &[], &[]).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("in use"), "{said}");
    first.kill().await;
    let again = Program::start(&data, &[], &[]).await;
    assert_eq!(again.stop().await, Some(0), "a killed program leaves no lock behind");
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run_to_end(&folder.path().join("data"), &["--listen", &address], &[]).await;
    assert_eq!(code, Some(2));
    assert!(said.contains(&address), "{said}");
}

#[tokio::test]
async fn secrets_are_made_once_and_only_their_owner_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap();
    Program::start(&data, &[], &[]).await.stop().await;
    let made = ["secret", "store-secret"].map(read);
    assert!(made.iter().all(|secret| secret.len() == 44) && made[0] != made[1]);
    assert_eq!(mode(&data.join("secret")), 0o600);
    assert_eq!(mode(&data.join("store-secret")), 0o600);
    assert_eq!(mode(&data), 0o700);
    Program::start(&data, &[], &[]).await.stop().await;
    assert_eq!(["secret", "store-secret"].map(read), made);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_signal_lets_running_requests_finish() {
    let Some(stack) = Stack::with(Door::Program, Backend::Embedded, &["-d", "1"]).await else { return };
    for index in 0..3 {
        stack.put(&format!("photos/trip/{index}"), arbitrary::bytes(index, 50_000)).await;
    }
    let response = stack.open(get("/archive/trip/")).await.unwrap();
    let pid = i32::try_from(stack.program().pid()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let answer = client::read(response).await;
    assert!(answer.whole, "the download that had begun is finished");
    let refused = async || tokio::net::TcpStream::connect(&stack.program().address).await.is_err();
    tokio::time::timeout(Duration::from_secs(20), async {
        while !refused().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("nobody is let in any more");
}

#[tokio::test]
async fn quiet_says_nothing_and_json_is_json() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [("quiet", &["-q"][..]), ("json", &["--log-format", "json"]), ("text", &[])] {
        let data = folder.path().join(name);
        let program = Program::start(&data, arguments, &[]).await;
        let url = format!("{}/heart_beat", program.url());
        client::client().request(get(&url)).await.unwrap();
        assert_eq!(program.stop().await, Some(0));
        let lines = log(&data);
        match name {
            "quiet" => assert_eq!(lines, ""),
            "json" => {
                let parsed = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
                assert!(parsed.filter(|line| line["path"] == "/heart_beat" && line["status"] == 200).count() == 1);
            }
            _ => assert!(lines.contains("/heart_beat") && lines.contains("200"), "{lines}"),
        }
    }
}

/// What was put while the program did not run, or was not heard of, has its checksum after the start.
#[tokio::test]
async fn checksums_are_recorded_without_a_download() {
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    stack.put("photos/trip/large.bin", arbitrary::bytes(1, 5_000_000)).await;
    tokio::time::timeout(client::PATIENCE, async {
        while stack.head("/archive/trip/").await.header("accept-ranges") != "bytes" {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the worker records it");
    let records = async || stack.s3.list_objects_v2().bucket(&stack.bucket).prefix("crc32/trip/").send().await.unwrap();
    assert_eq!(records().await.contents().len(), 1);
    stack.delete("photos/trip/large.bin").await;
    tokio::time::timeout(client::PATIENCE, async {
        while !records().await.contents().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the worker forgets it");
}

#[test]
fn the_example_of_a_configuration_is_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pannier.example.toml");
    let config = shared::config::Config::read(|_| None, Some(&file)).unwrap();
    assert_eq!(config.speech.engines.len(), 4);
    assert!(config.business("cp00000010103010301").is_some());
}
