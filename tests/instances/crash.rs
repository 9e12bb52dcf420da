//! The program is killed at each step of a creation, a deletion, a restart and a rotation, before the step and after it, and started again: what is
//! left converges, and belongs together.
//!
//! Between the program, its store (MinIO) and Docker stand taps: they hand on what is asked, and count what changes something.
//! At the step that was chosen the tap kills the program, before the request is handed on or after it was carried out, and
//! answers nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use shared::http::{Body, body};
use tests::client;
use tests::minio;
use tests::program::Program;
use tests::require;
use tests::tap::{self, Behind};

use super::office::{REDIS, containers, docker, document, fresh_ports, until};

/// Programs at once: most of the time each waits for the lease of the one that was killed.
const AT_ONCE: usize = 6;

/// More steps than any of the operations has.
const STEPS: u32 = 40;

/// When the program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    After,
}

/// Counts the steps of a program, and kills it at one of them.
#[derive(Default)]
struct Trigger {
    steps: AtomicU32,
    /// The step, from 1; 0 is none.
    at: AtomicU32,
    after: std::sync::atomic::AtomicBool,
    pid: AtomicI32,
}

impl Trigger {
    /// Whether this request is the step.
    fn is_now(&self) -> bool {
        let step = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        step == self.at.load(Ordering::SeqCst)
    }

    fn set(&self, step: u32, when: When) {
        self.after.store(when == When::After, Ordering::SeqCst);
        self.steps.store(0, Ordering::SeqCst);
        self.at.store(step, Ordering::SeqCst);
    }

    fn fire(&self) {
        let pid = rustix::process::Pid::from_raw(self.pid.load(Ordering::SeqCst)).expect("the program runs");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it can be killed");
    }

    fn has_fired(&self) -> bool {
        let at = self.at.load(Ordering::SeqCst);
        at > 0 && self.steps.load(Ordering::SeqCst) >= at
    }
}

/// Whether a request changes something of an instance.
fn is_step(request: &Request<Incoming>, behind: &Behind) -> bool {
    let (method, path) = (request.method(), request.uri().path());
    let changes = method != Method::GET && method != Method::HEAD;
    match behind {
        Behind::Unix(_) => changes,
        Behind::Tcp(_) => changes && ["/instances/", "/quota/", "/ports/"].iter().any(|part| path.contains(part)),
    }
}

/// Opens a tap that counts; its address.
async fn counting(behind: Behind, trigger: Arc<Trigger>) -> SocketAddr {
    tap::open(move |request| pass(request, behind.clone(), trigger.clone())).await
}

async fn pass(
    request: Request<Incoming>,
    behind: Behind,
    trigger: Arc<Trigger>,
) -> Result<Response<Body>, hyper::Error> {
    let now = is_step(&request, &behind) && trigger.is_now();
    if now && !trigger.after.load(Ordering::SeqCst) {
        trigger.fire();
        std::future::pending::<()>().await;
    }
    let (head, sent) = request.into_parts();
    let sent: Bytes = sent.collect().await?.to_bytes();
    let request = Request::from_parts(head, body::full(sent));
    let response = tap::hand_on(&behind, request).await?;
    if now {
        // All of it has been done when its answer is there.
        response.into_body().collect().await.expect("a whole answer");
        trigger.fire();
        return std::future::pending().await;
    }
    Ok(response)
}

/// A program between taps, which may be killed and started again.
struct Subject {
    trigger: Arc<Trigger>,
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    s3: aws_sdk_s3::Client,
    bucket: String,
    first_port: u16,
    program: Option<Program>,
}

impl Subject {
    async fn new(store: &str) -> Self {
        let (trigger, first_port) = (Arc::new(Trigger::default()), fresh_ports());
        let bucket = format!("crash-{}", shared::hex(&shared::random::<8>()));
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("pannier.toml");
        std::fs::write(&settings, document(REDIS, first_port)).unwrap();
        let store_tap = counting(Behind::Tcp(store.to_owned()), trigger.clone()).await;
        let docker_tap = counting(Behind::Unix("/var/run/docker.sock"), trigger.clone()).await;
        let variables = [
            ("AWS_ACCESS_KEY_ID", minio::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", minio::SECRET_KEY.to_owned()),
            ("S3_ENDPOINT", format!("http://{store_tap}")),
            ("BUCKET", bucket.clone()),
            ("DOCKER_HOST", format!("tcp://{docker_tap}")),
            ("PANNIER_CONFIG", settings.display().to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let s3 = tests::stack::s3(store, (minio::ACCESS_KEY, minio::SECRET_KEY));
        let mut subject = Self { trigger, folder, variables, s3, bucket, first_port, program: None };
        subject.start().await;
        subject
    }

    async fn start(&mut self) {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        let program = Program::start(&self.folder.path().join("data"), &[], &variables).await;
        self.trigger.pid.store(i32::try_from(program.pid()).unwrap(), Ordering::SeqCst);
        let url = format!("{}/health", program.url());
        until("the program is ready", async || {
            let answer = client::client().request(client::get(&url)).await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        self.program = Some(program);
    }

    /// What the program says; nothing if it is killed meanwhile.
    async fn ask(&self, method: Method, path: &str, document: &Value) -> Option<(u16, Value)> {
        let uri = format!("{}{path}", self.program.as_ref().unwrap().url());
        let body = if document.is_null() { body::empty() } else { body::full(document.to_string()) };
        let request = Request::builder().method(method).uri(uri).header("authorization", "key-1").body(body).unwrap();
        let response = client::client().request(request).await.ok()?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&bytes).ok()?))
    }

    async fn objects(&self) -> Vec<(String, String)> {
        let listed = self.s3.list_objects_v2().bucket(&self.bucket).send().await.unwrap();
        let own = listed.contents().iter().filter(|object| {
            let key = object.key().unwrap();
            ["instances/", "quota/", "ports/"].iter().any(|prefix| key.starts_with(prefix))
        });
        own.map(|object| (object.key().unwrap().to_owned(), object.e_tag().unwrap().to_owned())).collect()
    }

    fn volumes(&self) -> usize {
        // A volume knows whose it is as its container does.
        let format = "{{.Label \"pannier.port\"}}";
        let listed = docker(&["volume", "ls", "--filter", "label=pannier.instance", "--format", format]).unwrap();
        let own = listed.lines().filter_map(|port| port.trim().parse::<u16>().ok());
        own.filter(|port| (self.first_port..self.first_port + 40).contains(port)).count()
    }

    /// Waits until what the store says and what Docker has belong together, with nothing under way; how many there are.
    async fn converged(&self) -> usize {
        let mut count = 0;
        until("it converges", async || {
            let Some((200, listed)) = self.ask(Method::GET, "/list/2", &Value::Null).await else { return false };
            let listed = listed["data"].as_array().unwrap().clone();
            let kinds = |prefix: &str, objects: &[(String, String)]| {
                objects.iter().filter(|(key, _)| key.starts_with(prefix)).count()
            };
            let objects = self.objects().await;
            let (records, slots, ports) =
                (kinds("instances/", &objects), kinds("quota/", &objects), kinds("ports/", &objects));
            count = listed.len();
            let mut names: Vec<_> = listed.iter().map(|one| one["dockerId"].as_str().unwrap().to_owned()).collect();
            let mut running = containers(self.first_port);
            names.sort();
            running.sort();
            listed.iter().all(|one| one["status"] == "ready")
                && [records, slots, ports, self.volumes()] == [count; 4]
                && names == running
        })
        .await;
        count
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.program = None;
        for id in containers(self.first_port) {
            docker(&["rm", "--force", "--volumes", &id]);
            docker(&["volume", "rm", &format!("pannier-{id}")]);
        }
    }
}

/// What the program is killed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    Delete,
    Restart,
    Rotate,
}

/// Kills the program at a step of an operation; `false` if the operation has no such step.
async fn killed_at(store: &str, operation: Operation, step: u32, when: When) -> bool {
    let mut subject = Subject::new(store).await;
    let memory = json!({ "memory": 64 });
    let mut made = None;
    if operation != Operation::Create {
        let (status, answer) = subject.ask(Method::POST, "/redis", &memory).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        made = answer["data"]["dockerId"].as_str().map(str::to_owned);
    }
    subject.trigger.set(step, when);
    let path = format!("/detail/{}", made.unwrap_or_default());
    let answer = match operation {
        Operation::Create => subject.ask(Method::POST, "/redis", &memory).await,
        Operation::Delete => subject.ask(Method::DELETE, &path, &Value::Null).await,
        Operation::Restart => subject.ask(Method::POST, &format!("{path}/restart"), &Value::Null).await,
        Operation::Rotate => subject.ask(Method::POST, &format!("{path}/rotate-password"), &Value::Null).await,
    };
    if !subject.trigger.has_fired() {
        assert_eq!(answer.expect("an answer").0, 200);
        return false;
    }
    assert!(answer.is_none(), "{when:?} step {step}: it was killed before it could answer: {answer:?}");
    subject.trigger.set(0, when);
    subject.start().await;
    let count = subject.converged().await;
    // What was to be deleted is gone if it was said at all; what was to be made is there, or never was.
    let may = if matches!(operation, Operation::Restart | Operation::Rotate) { 1..=1 } else { 0..=1 };
    assert!(may.contains(&count), "{operation:?}, {when:?} step {step}: {count}");
    let before = subject.objects().await;
    // Another pass, by a program that finds nothing to do.
    subject.program.take().unwrap().stop().await;
    subject.start().await;
    assert_eq!((subject.converged().await, subject.objects().await), (count, before), "a second pass changes nothing");
    let (_, listed) = subject.ask(Method::GET, "/list/2", &Value::Null).await.unwrap();
    for one in listed["data"].as_array().unwrap() {
        assert_eq!(super::office::log_in(one, "PING").unwrap(), "PONG");
        let path = format!("/detail/{}", one["dockerId"].as_str().unwrap());
        assert_eq!(subject.ask(Method::DELETE, &path, &Value::Null).await.unwrap().0, 200);
    }
    assert_eq!((subject.objects().await, containers(subject.first_port), subject.volumes()), (vec![], vec![], 0));
    true
}

async fn killed_everywhere(operation: Operation, least: usize) {
    if !require::image(REDIS) {
        return;
    }
    let Some(store) = minio::endpoint().await else { return };
    let cases = (1..=STEPS).flat_map(|step| [(step, When::Before), (step, When::After)]);
    let runs = stream::iter(cases).map(|(step, when)| {
        let store = store.clone();
        async move { killed_at(&store, operation, step, when).await }
    });
    // In order, so that the first step that does not exist ends it.
    let steps = runs.buffered(AT_ONCE).take_while(|existed| std::future::ready(*existed)).count().await;
    assert!(steps >= least, "only {steps}");
    assert!(steps < 2 * STEPS as usize, "every step was tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_is_killed_at_any_step_converges() {
    // Record, lease, slot, its claim, port, its claim, container, file, start, ready; before and after each.
    killed_everywhere(Operation::Create, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_is_killed_at_any_step_converges() {
    // State, lease, container, volume, two claims of two steps each, record.
    killed_everywhere(Operation::Delete, 16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_is_killed_at_any_step_converges() {
    // State, lease, file, restart, down, ready.
    killed_everywhere(Operation::Restart, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_at_any_step_converges() {
    // State, lease, file, ready.
    killed_everywhere(Operation::Rotate, 8).await;
}
