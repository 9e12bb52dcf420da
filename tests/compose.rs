//! The compose file that people start, started as they start it, with images made here: what is in it works together,
//! keeps what it was given, may do no more than it must, and leaves nothing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::http::{Body, body};
use tests::binaries::binary;
use tests::client::{self, Answer, Client};
use tests::minio;
use tests::require::{cache, find, image, missing, tool};
use tests::stack::{free_address, s3};

use crate::archive::unzip;
use crate::images::pixels_samples::jpeg;
use crate::images::presign;

/// The user's key to databases.
const KEY: &str = "key-of-the-compose-test";

/// As compose.yaml has them for a developer's machine.
const STORE_KEYS: (&str, &str) = ("pannier", "pannier-secret");

/// What runs all the time; `public-images` does its work and ends.
const SERVICES: [&str; 3] = ["minio", "pannier", "nginx"];

/// Objects of an archive: less and more than the server holds in memory.
const OBJECTS: [(&str, usize); 2] = [("photos/summer/a.jpg", 1_000), ("photos/summer/b.jpg", 3_000_000)];

fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("infra")
}

/// Docker Compose, as a part of Docker or by itself; `None` after saying that it is missing.
fn compose() -> Option<Vec<String>> {
    let part = Command::new("docker").args(["compose", "version"]).output();
    if part.is_ok_and(|output| output.status.success()) {
        return Some(vec!["docker".to_owned(), "compose".to_owned()]);
    }
    let own = cache().join("compose/bin/docker-compose");
    let found = if own.is_file() { Some(own) } else { find("docker-compose") };
    if found.is_none() {
        missing("docker compose");
    }
    found.map(|path| vec![path.display().to_string()])
}

/// The compose file, up, with names and ports of its own.
struct Project {
    name: String,
    command: Vec<String>,
    variables: Vec<(String, String)>,
    url: String,
    store: String,
    client: Client,
    /// Takes everything down when this process ends, however it does.
    watcher: Child,
    _folder: tempfile::TempDir,
}

impl Project {
    /// `None` after saying what is missing.
    fn start() -> Option<Self> {
        let command = compose()?;
        let minio = minio::image();
        let nginx = shared::config::variable("NGINX_IMAGE").unwrap_or_else(|| "pannier-nginx:1".to_owned());
        let tools = ["curl", "espeak-ng", "strip"].iter().all(|name| tool(name).is_some());
        if !(tools && image(&minio) && image(&nginx)) {
            return None;
        }
        let (url, store, console) = (free_address(), free_address(), free_address());
        let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
        let name = format!("pannier-suite-{}", port(&url));
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("pannier.toml");
        let digest = shared::hex(&Sha256::digest(KEY));
        std::fs::write(&document, format!("[users.alice]\nkey_sha256 = \"{digest}\"\n")).unwrap();
        let variables = [
            ("PANNIER_PROGRAM", binary("pannier").display().to_string()),
            ("PANNIER_IMAGE", format!("{name}:latest")),
            ("PANNIER_TOML", document.display().to_string()),
            ("PORT", port(&url)),
            ("MINIO_PORT", port(&store)),
            ("MINIO_CONSOLE_PORT", port(&console)),
        ];
        let variables: Vec<_> = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let built = Command::new(infra().join("pannier/build.sh")).envs(variables.iter().cloned()).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

        let file = infra().join("compose.yaml").display().to_string();
        let command = [command, ["--project-name", &name, "--file", &file].map(str::to_owned).to_vec()].concat();
        let script = "cat >/dev/null; \"$@\" down --volumes --timeout 2; docker rmi \"$PANNIER_IMAGE\"";
        let mut watcher = Command::new("sh");
        watcher.args(["-c", script, "sh"]).args(&command).envs(variables.iter().cloned());
        let watcher = watcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let client = client::client();
        let project = Self { name, command, variables, url, store, client, watcher, _folder: folder };
        project.up(&[]);
        Some(project)
    }

    /// Starts what does not run, or runs otherwise, and waits until all of it is healthy.
    fn up(&self, files: &[&str]) {
        self.compose(&[files, &["up", "--wait", "--wait-timeout", "120", "--no-build"]].concat());
    }

    fn compose(&self, arguments: &[&str]) -> String {
        let output = self.try_compose(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}\n{}", self.logs());
        String::from_utf8(output.stdout).unwrap()
    }

    fn try_compose(&self, arguments: &[&str]) -> Output {
        let (program, first) = self.command.split_first().unwrap();
        Command::new(program).args(first).args(arguments).envs(self.variables.iter().cloned()).output().unwrap()
    }

    fn logs(&self) -> String {
        let output = self.try_compose(&["logs", "--no-color", "--tail", "40"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What Docker says of a service's container.
    fn inspect(&self, service: &str) -> Value {
        let id = self.compose(&["ps", "--all", "--quiet", service]);
        let output = Command::new("docker").args(["inspect", id.trim()]).output().unwrap();
        let mut said: Value = serde_json::from_slice(&output.stdout).unwrap();
        said[0].take()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (mut head, content) = request.into_parts();
        head.uri = format!("{}{}", self.url, head.uri).parse().unwrap();
        let response = self.client.request(Request::from_parts(head, content)).await.expect("nginx answers");
        client::read(response.map(body::boxed)).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], content: impl Into<Vec<u8>>) -> Answer {
        let content = content.into();
        let request = Request::post(path).header("content-length", content.len());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body::full(content)).unwrap()).await
    }

    /// The path of a link that leads back to nginx.
    fn path(&self, link: &Value) -> String {
        let link = link.as_str().unwrap();
        link.strip_prefix(&self.url).unwrap_or_else(|| panic!("{link} leads elsewhere")).to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compose_file_serves_keeps_and_leaves_nothing() {
    let Some(mut project) = Project::start() else { return };
    let health = project.get("/health", &[]).await;
    assert_eq!((health.status.as_u16(), &health.json()["dependencies"]["store"]["state"]), (200, &json!("ok")));
    let picture = an_image_through_the_cache(&project).await;
    let archive = an_archive(&project).await;
    a_file(&project).await;
    straight_to_the_store(&project).await;
    may_do_no_more_than_it_must(&project);

    project.compose(&["restart", "minio", "pannier"]);
    project.up(&[]);
    // No width that nginx has seen: the server makes it of what the store kept.
    let variant = project.get(&format!("{picture}?w=640"), &[]).await;
    assert_eq!((variant.status.as_u16(), variant.header("content-type")), (200, "image/jpeg"));
    assert!(project.get("/archive/summer/", &[]).await.body == archive.body, "the same archive");
    let log = project.compose(&["exec", "-T", "pannier", "/usr/bin/curl", "--silent", "file:///data/logs/app.log"]);
    assert_eq!(log.lines().filter(|line| line.contains("Success: image")).count(), 2, "{log}");

    one_address_may_not_crowd_out_the_others(&project).await;
    databases(&mut project).await;

    project.compose(&["down", "--volumes", "--timeout", "5"]);
    for kind in [&["ps", "--all"][..], &["volume", "ls"], &["network", "ls"]] {
        let label = format!("label=com.docker.compose.project={}", project.name);
        let output = Command::new("docker").args(kind).args(["--quiet", "--filter", &label]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{kind:?}");
    }
}

/// Uploads an image and fetches it twice; its path.
async fn an_image_through_the_cache(project: &Project) -> String {
    let original = jpeg((1_400, 1_000));
    let headers = [("filename", "beach.jpg"), ("content-type", "application/octet-stream")];
    let answer = project.post("/api/upload", &headers, original.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let path = project.path(&answer.json()["url"]);
    for found in ["MISS", "HIT"] {
        let served = project.get(&path, &[]).await;
        assert_eq!((served.status.as_u16(), served.header("x-cache")), (200, found));
        assert!(served.body == original, "the picture that was sent");
    }
    path
}

fn content(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

/// Puts objects into MinIO as any client of it would, and fetches them as an archive; the archive.
async fn an_archive(project: &Project) -> Answer {
    let store = s3(&project.store, STORE_KEYS);
    for (key, size) in OBJECTS {
        let content = content(size);
        store.put_object().bucket("pannier").key(key).body(content.into()).send().await.unwrap();
    }
    // Its second object is read once before there are ranges.
    let archive = loop {
        let archive = project.get("/archive/summer/", &[]).await;
        assert!(archive.status == 200 && archive.whole, "{}", archive.status);
        if archive.header("accept-ranges") == "bytes" {
            break archive;
        }
    };
    assert_eq!(archive.header("content-length"), archive.body.len().to_string());
    let entries = unzip::entries(&archive.body);
    let sent =
        OBJECTS.map(|(key, size)| (key.trim_start_matches("photos/summer/").to_owned(), Bytes::from(content(size))));
    assert!(entries == sent, "what was put is in it");
    let half = archive.body.len() / 2;
    let rest = project.get("/archive/summer/", &[("range", &format!("bytes={half}-"))]).await;
    assert_eq!(rest.status, 206);
    assert!(rest.body == archive.body[half..], "a download goes on where it broke");
    archive
}

/// A file by tus, in two pieces.
async fn a_file(project: &Project) {
    let content = vec![7_u8; 5_000_000];
    let (first, second) = content.split_at(3_000_000);
    let patch = ("content-type", "application/offset+octet-stream");
    let headers = [("tus-resumable", "1.0.0"), ("upload-length", "5000000"), patch];
    let created = project.post("/files/", &headers, first).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let path = project.path(&json!(created.header("location")));
    let request = Request::builder().method(Method::PATCH).uri(&path).header("tus-resumable", "1.0.0");
    let request = request.header(patch.0, patch.1).header("upload-offset", first.len());
    let answer = project.send(request.body(body::full(second.to_vec())).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("upload-offset")), (204, "5000000"), "{}", answer.text());
    assert!(project.get(&path, &[]).await.body == content, "the file that was sent");
}

/// An image by a form that a browser posts to MinIO itself.
async fn straight_to_the_store(project: &Project) {
    let original = jpeg((700, 500));
    let asked = json!({ "filename": "direct.jpg", "bytes": original.len(), "type": "image/jpeg" });
    let json_type = [("content-type", "application/json")];
    let form = project.post("/api/images/presign", &json_type, asked.to_string()).await.json();
    assert!(form["url"].as_str().unwrap().starts_with(&project.store), "{form}");
    assert_eq!(presign::send(&form, &original).await / 100, 2);
    let sent = json!({ "ticket": form["ticket"], "filename": form["filename"] });
    let answer = project.post("/api/images/confirm", &json_type, sent.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(project.get(&project.path(&answer.json()["url"]), &[]).await.body == original, "the picture that was sent");
}

/// What each container is bound to, by what Docker says and by trying.
fn may_do_no_more_than_it_must(project: &Project) {
    for service in SERVICES {
        let said = project.inspect(service);
        assert_eq!(said["State"]["Health"]["Status"], "healthy", "{service}");
        let (host, user) = (&said["HostConfig"], &said["Config"]["User"]);
        assert_eq!(
            (user, &host["ReadonlyRootfs"], &host["CapDrop"]),
            (&json!("1000:1000"), &json!(true), &json!(["ALL"]))
        );
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]), "{service}");
        for limit in ["Memory", "NanoCpus", "PidsLimit"] {
            assert!(host[limit].as_i64().is_some_and(|limit| limit > 0), "{limit} of {service}");
        }
        let id = said["Id"].as_str().unwrap();
        let output = Command::new("docker").args(["top", id, "-o", "pid,uid"]).output().unwrap();
        let processes = String::from_utf8(output.stdout).unwrap();
        let users: Vec<_> = processes.lines().skip(1).map(|line| line.split_whitespace().nth(1)).collect();
        assert!(!users.is_empty() && users.iter().all(|user| *user == Some("1000")), "{service}: {processes}");
    }
    let fetch = |service: &str, file: &str| {
        let url = "http://127.0.0.1:8080/heart_beat";
        let arguments = ["exec", "-T", service, "/usr/bin/curl", "--fail", "--silent", "--output", file, url];
        project.try_compose(&arguments).status.code()
    };
    // 23 is curl's word for what it may not write.
    assert_eq!((fetch("nginx", "/etc/nginx/x"), fetch("nginx", "/tmp/x")), (Some(23), Some(0)));
    assert_eq!((fetch("pannier", "/usr/bin/x"), fetch("pannier", "/x")), (Some(23), Some(23)));
    assert_eq!((fetch("pannier", "/data/x"), fetch("pannier", "/data/logs/x")), (Some(0), Some(0)));
    let published = project.inspect("public-images");
    assert_eq!((&published["State"]["ExitCode"], &published["State"]["Running"]), (&json!(0), &json!(false)));
}

async fn one_address_may_not_crowd_out_the_others(project: &Project) {
    let requests = (0..2_000).map(|_| project.get("/heart_beat", &[]));
    let answers: Vec<Answer> = futures_util::stream::iter(requests).buffer_unordered(64).collect().await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(served.len() >= 400 && !refused.is_empty(), "{} were served", served.len());
    for answer in refused {
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "1"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    while project.get("/heart_beat", &[]).await.status != 200 {
        tokio::task::yield_now().await;
    }
}

/// With the socket of Docker the server makes databases; without it, it says that it has nothing to make them with.
async fn databases(project: &mut Project) {
    let headers = [("authorization", KEY), ("content-type", "application/json")];
    // One of those who were too many may come through just before this, and take the room.
    let refused = loop {
        let answer = project.post("/redis", &headers, r#"{"memory":64}"#).await;
        if answer.status != 429 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(refused.status, 503, "{}", refused.text());

    let redis = shared::config::variable("REDIS_IMAGE").unwrap_or_else(|| "pannier-redis:7.0".to_owned());
    let socket = Path::new("/var/run/docker.sock");
    if !image(&redis) || !socket.exists() {
        return;
    }
    let group = std::os::unix::fs::MetadataExt::gid(&socket.metadata().unwrap());
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    let output = Command::new("docker").args(["network", "inspect", "bridge", "--format", format]).output().unwrap();
    let bridge = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let more = [
        ("DOCKER_GROUP", group.to_string()),
        ("REDIS_IMAGE", redis),
        ("INSTANCES_HOST", bridge.clone()),
        ("INSTANCES_BIND", bridge),
        // Not those of other tests.
        ("INSTANCES_PORTS", "31900-31999".to_owned()),
    ];
    project.variables.extend(more.map(|(name, value)| (name.to_owned(), value)));
    let file = infra().join("compose.databases.yaml").display().to_string();
    project.up(&["--file", &file]);
    let made = project.post("/redis", &headers, r#"{"memory":64}"#).await;
    assert_eq!((made.status.as_u16(), &made.json()["data"]["status"]), (200, &json!("ready")), "{}", made.text());
    let id = made.json()["data"]["dockerId"].as_str().unwrap().to_owned();
    let request = Request::builder().method(Method::DELETE).uri(format!("/detail/{id}")).header("authorization", KEY);
    assert_eq!(project.send(request.body(body::empty()).unwrap()).await.status, 200);
    let left = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &format!("name={id}")]).output();
    assert!(left.unwrap().stdout.is_empty(), "the container is gone");
}
