//! A door to the functions with a store behind it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use http::{Request, Response};
use local::store::{self, Options, Store};
use serde_json::json;
use shared::app::App;
use shared::config::Config;
use shared::endpoints;
use shared::events::{Worker, run_schedule};
use shared::http::{Body, body, dispatch};
use shared::storage::{Storage, Transport};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::client::{self, Answer, Client};
use crate::functions::Functions;
use crate::harness::Mode;
use crate::minio;
use crate::program::Program;

/// The bucket of a stack on the embedded store; on MinIO each stack has one of its own.
const BUCKET: &str = "pannier";

/// The document of a stack: two businesses, by tokens that begin alike.
const DOCUMENT: &str = r#"
[business.token-shop]
name = "shop"
store_prefix = "business/"

[business.token-other]
name = "other"
store_prefix = "other/"
"#;

/// Signs the URLs of a stack; all doors of one must agree.
const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// What a stack is started with.
pub struct Settings<'a> {
    /// More arguments for the program.
    pub arguments: &'a [&'a str],
    /// More variables, for the program and for functions.
    pub variables: &'a [(&'a str, &'a str)],
    /// The configuration.
    pub document: &'a str,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self { arguments: &[], variables: &[], document: DOCUMENT }
    }
}

/// How requests reach the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The function pointers, in this process.
    Direct,
    /// The local program, over HTTP.
    Program,
    /// The function binaries, under the Runtime API, as a gateway would call them.
    Functions,
}

/// What lies behind the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded store.
    Embedded,
    /// MinIO in its container.
    Minio,
}

/// A door with a store behind it, and everything of it gone when it is dropped.
pub struct Stack {
    /// A client of the store, for what a user of the bucket would do.
    pub s3: S3,
    /// The bucket.
    pub bucket: String,
    endpoint: String,
    entrance: Entrance,
    http: Client,
    /// Keeps the embedded store of this process open.
    _store: Option<Store>,
    _data: TempDir,
}

enum Entrance {
    Direct(Arc<App>),
    Program { program: Program, arguments: Vec<String>, variables: Vec<(String, String)> },
    Functions(Functions),
}

impl Stack {
    /// Starts a stack; `None` after saying what is missing for it.
    pub async fn start(door: Door, backend: Backend) -> Option<Self> {
        Self::configured(door, backend, Settings::default()).await
    }

    /// The same with more arguments for the program.
    pub async fn with(door: Door, backend: Backend, arguments: &[&str]) -> Option<Self> {
        Self::configured(door, backend, Settings { arguments, ..Settings::default() }).await
    }

    /// The same with settings of its own.
    pub async fn configured(door: Door, backend: Backend, settings: Settings<'_>) -> Option<Self> {
        let data = tempfile::tempdir().expect("a temporary folder");
        let document = data.path().join("pannier.toml");
        std::fs::write(&document, settings.document).expect("a document");
        let keys = (minio::ACCESS_KEY, minio::SECRET_KEY);
        let (endpoint, bucket, store) = match (backend, door) {
            (Backend::Minio, _) => (minio::endpoint().await?, fresh_bucket(), None),
            (Backend::Embedded, Door::Program) => (free_address(), BUCKET.to_owned(), None),
            (Backend::Embedded, _) => {
                let (store, endpoint) = embedded(&data, keys).await;
                (endpoint, BUCKET.to_owned(), Some(store))
            }
        };
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID".to_owned(), keys.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), keys.1.to_owned()),
            ("BUCKET".to_owned(), bucket.clone()),
            ("PANNIER_SECRET".to_owned(), SECRET.to_owned()),
            ("PANNIER_CONFIG".to_owned(), document.display().to_string()),
        ];
        variables.extend(settings.variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let s3 = s3(&endpoint, keys);
        let entrance = match door {
            Door::Direct => {
                let config = config(&endpoint, &document, settings.variables);
                Entrance::Direct(app(store.as_ref().expect("the embedded store"), config, keys).await)
            }
            Door::Program => {
                let own = if backend == Backend::Minio { "S3_ENDPOINT" } else { "STORE_LISTEN" };
                variables.push((
                    own.to_owned(),
                    match backend {
                        Backend::Minio => endpoint.clone(),
                        Backend::Embedded => endpoint.trim_start_matches("http://").to_owned(),
                    },
                ));
                let arguments: Vec<String> = settings.arguments.iter().map(|text| (*text).to_owned()).collect();
                let program = start(&data, &arguments, &variables).await;
                Entrance::Program { program, arguments, variables }
            }
            Door::Functions => {
                s3.create_bucket().bucket(&bucket).send().await.expect("a bucket");
                variables.push(("S3_ENDPOINT".to_owned(), endpoint.clone()));
                // On MinIO the rights would be the same, and each request takes longer behind a tap.
                Entrance::Functions(Functions::new(variables, store.is_some().then_some(&*endpoint)))
            }
        };
        let stack = Self { s3, bucket, endpoint, entrance, http: client::client(), _store: store, _data: data };
        stack.wait_until_ready().await;
        Some(stack)
    }

    /// The running program.
    ///
    /// # Panics
    /// If the door is another.
    pub fn program(&self) -> &Program {
        match &self.entrance {
            Entrance::Program { program, .. } => program,
            _ => panic!("this stack has no program"),
        }
    }

    /// The data folder of the program.
    pub fn data(&self) -> PathBuf {
        self._data.path().join("data")
    }

    /// The document of the configuration.
    pub fn document(&self) -> PathBuf {
        self._data.path().join("pannier.toml")
    }

    /// `kill -9` of the program, and another start on the same folder.
    ///
    /// # Panics
    /// If the door is another.
    pub async fn killed_and_started(self) -> Self {
        let Entrance::Program { program, arguments, variables } = self.entrance else {
            panic!("this stack has no program")
        };
        program.kill().await;
        let program = start(&self._data, &arguments, &variables).await;
        let stack = Self { entrance: Entrance::Program { program, arguments, variables }, ..self };
        stack.wait_until_ready().await;
        stack
    }

    /// Another program with the same settings over the same bucket of MinIO.
    ///
    /// # Panics
    /// If the door is another.
    pub async fn beside(&self) -> Self {
        let Entrance::Program { arguments, variables, .. } = &self.entrance else {
            panic!("this stack has no program")
        };
        let data = tempfile::tempdir().expect("a temporary folder");
        let program = start(&data, arguments, variables).await;
        let entrance = Entrance::Program { program, arguments: arguments.clone(), variables: variables.clone() };
        let (s3, bucket, endpoint) = (self.s3.clone(), self.bucket.clone(), self.endpoint.clone());
        let stack = Self { s3, bucket, endpoint, entrance, http: client::client(), _store: None, _data: data };
        stack.wait_until_ready().await;
        stack
    }

    /// The functions.
    ///
    /// # Panics
    /// If the door is another.
    pub fn functions(&self) -> &Functions {
        match &self.entrance {
            Entrance::Functions(functions) => functions,
            _ => panic!("this stack has no functions"),
        }
    }

    /// The same functions in this process, over the same embedded store.
    ///
    /// # Panics
    /// If the store is another, or the program's.
    pub async fn direct(&self) -> Self {
        let store = self._store.as_ref().expect("an embedded store of this process");
        let config = config(&self.endpoint, &self.document(), &[]);
        let entrance = Entrance::Direct(app(store, config, self.store().1).await);
        let (s3, bucket, endpoint) = (self.s3.clone(), self.bucket.clone(), self.endpoint.clone());
        let data = tempfile::tempdir().expect("a temporary folder");
        Self { s3, bucket, endpoint, entrance, http: client::client(), _store: Some(store.clone()), _data: data }
    }

    /// The URL of the store, and the keys to it.
    pub fn store(&self) -> (&str, (&'static str, &'static str)) {
        (&self.endpoint, (minio::ACCESS_KEY, minio::SECRET_KEY))
    }

    /// Sends a request, whose target is a path, and returns what comes back as it comes. `None` where a
    /// function failed before its answer began: a gateway's 502.
    pub async fn open(&self, request: Request<Body>) -> Option<Response<Body>> {
        match &self.entrance {
            Entrance::Direct(app) => Some(dispatch(app, endpoints::ALL, request).await),
            Entrance::Program { program, .. } => {
                let (mut head, body) = request.into_parts();
                head.uri = format!("{}{}", program.url(), head.uri).parse().expect("a path makes a URI");
                let response = self.http.request(Request::from_parts(head, body)).await.expect("the program answers");
                Some(response.map(body::boxed))
            }
            Entrance::Functions(functions) => functions.open(request).await.ok(),
        }
    }

    /// Sends a request and reads the answer to its end.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        client::read(self.open(request).await.expect("an answer")).await
    }

    /// GET of a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(client::get(path)).await
    }

    /// GET of a path with headers.
    pub async fn get_with(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        let mut request = client::get(path);
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header value"));
        }
        self.send(request).await
    }

    /// GET of a path, as by a client that comes again to a busy service.
    pub async fn get_patiently(&self, path: &str) -> Answer {
        loop {
            let answer = self.get(path).await;
            if answer.status != 503 {
                return answer;
            }
        }
    }

    /// HEAD of a path.
    pub async fn head(&self, path: &str) -> Answer {
        let mut request = client::get(path);
        *request.method_mut() = http::Method::HEAD;
        self.send(request).await
    }

    /// Puts an object, as any client of the bucket would.
    pub async fn put(&self, key: &str, content: impl Into<Bytes>) {
        assert!(self.try_put(key, content).await, "{key} is put");
    }

    /// The same; whether the store takes it.
    pub async fn try_put(&self, key: &str, content: impl Into<Bytes>) -> bool {
        let body = ByteStream::from(content.into());
        self.s3.put_object().bucket(&self.bucket).key(key).body(body).send().await.is_ok()
    }

    /// Deletes an object.
    pub async fn delete(&self, key: &str) {
        self.s3.delete_object().bucket(&self.bucket).key(key).send().await.expect("an object is deleted");
    }

    /// Runs once what a worker does on its schedule, where no worker runs by itself.
    pub async fn work(&self, worker: &Worker) {
        match &self.entrance {
            Entrance::Direct(app) => {
                let deadline = Instant::now() + Duration::from_secs(300);
                run_schedule(app, worker, deadline).await.expect("the worker does its work");
            }
            Entrance::Program { .. } => {}
            Entrance::Functions(functions) => {
                let time = json!({ "source": "aws.events", "detail-type": "Scheduled Event" });
                functions.function(worker.name, Mode::Buffered).await.invoke(time).await;
            }
        }
    }

    /// Tells a worker's function of an object that was stored, as a queue would; which messages it gives back.
    ///
    /// # Panics
    /// If the door is another.
    pub async fn tell(&self, worker: &Worker, key: &str) -> serde_json::Value {
        let news = json!({ "Records": [{ "eventName": "ObjectCreated:Put", "s3": {
            "bucket": { "name": self.bucket }, "object": { "key": key, "size": 0, "eTag": "e" } } }] });
        let batch = json!({ "Records": [{ "messageId": "1", "eventSource": "aws:sqs", "body": news.to_string() }] });
        let function = self.functions().function(worker.name, Mode::Buffered).await;
        function.invoke(batch).await["batchItemFailures"].take()
    }

    /// Waits until every CRC-32 of an archive is known, and returns the whole of it.
    pub async fn settled(&self, path: &str) -> Answer {
        loop {
            let answer = self.get(path).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            if answer.header("accept-ranges") == "bytes" {
                return answer;
            }
        }
    }

    /// The keys under a prefix, at most a thousand.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix).send().await.expect("a listing");
        listed.contents().iter().map(|object| object.key().expect("a key").to_owned()).collect()
    }

    /// Until the store is reached, every job path answers 503.
    async fn wait_until_ready(&self) {
        if matches!(self.entrance, Entrance::Program { .. }) {
            while self.get("/health").await.status != 200 {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// A client of a store.
pub fn s3(endpoint: &str, (access, secret): (&str, &str)) -> S3 {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(Credentials::new(access, secret, None, None, "test"));
    S3::from_conf(config.build())
}

async fn start(data: &TempDir, arguments: &[String], variables: &[(String, String)]) -> Program {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    Program::start(&data.path().join("data"), &arguments, &variables).await
}

/// The settings of functions in this process.
fn config(endpoint: &str, document: &Path, variables: &[(&str, &str)]) -> Config {
    let variable = |name: &str| match name {
        "PANNIER_SECRET" => Some(SECRET.to_owned()),
        "STORE_PUBLIC_URL" => Some(endpoint.to_owned()),
        _ => variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()),
    };
    Config::read(variable, Some(document)).expect("right settings")
}

/// The functions in this process, over a store in this process.
async fn app(store: &Store, config: Config, keys: (&str, &str)) -> Arc<App> {
    let credentials = (keys.0.to_owned(), keys.1.to_owned());
    let storage = Storage::connect(&config, Transport::InProcess { client: store.http_client(), credentials }).await;
    storage.prepare().await.expect("the embedded store passes the self-test");
    Arc::new(App::with_storage(config, storage))
}

/// The storage module over a backend, with a bucket of its own; what keeps it alive comes along.
pub async fn storage(backend: Backend) -> Option<(Storage, Option<(Store, TempDir)>)> {
    let keys = (minio::ACCESS_KEY, minio::SECRET_KEY);
    let (endpoint, kept) = match backend {
        Backend::Minio => (minio::endpoint().await?, None),
        Backend::Embedded => {
            let data = tempfile::tempdir().expect("a temporary folder");
            let (store, endpoint) = embedded(&data, keys).await;
            (endpoint, Some((store, data)))
        }
    };
    Some((storage_at(&endpoint, &fresh_bucket()).await, kept))
}

/// The storage module over a store that has the tests' keys.
pub async fn storage_at(endpoint: &str, bucket: &str) -> Storage {
    let settings = |name: &str| match name {
        "S3_ENDPOINT" => Some(endpoint.to_owned()),
        "BUCKET" => Some(bucket.to_owned()),
        _ => None,
    };
    let config = Config::read(settings, None).expect("a right setting");
    let transport = Transport::NetworkAs(minio::ACCESS_KEY.to_owned(), minio::SECRET_KEY.to_owned());
    let storage = Storage::connect(&config, transport).await;
    storage.prepare().await.expect("the store passes the self-test");
    storage
}

/// The embedded store, in this process and on a port.
pub async fn embedded(data: &TempDir, keys: (&str, &str)) -> (Store, String) {
    let credentials = store::Credentials { access_key: keys.0.to_owned(), secret_key: keys.1.to_owned() };
    let options = Options { credentials, cors_origins: Vec::new(), directory: None };
    let store = Store::open(&data.path().join("store"), options).await.expect("a store opens");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = store.clone();
    tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
    (store, endpoint)
}

/// An address that was free a moment ago, for a program that must be told one.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn fresh_bucket() -> String {
    let name: String = shared::hex(&shared::random::<8>());
    format!("test-{name}")
}

/// Writes a contract test once and runs it through every door, on every store: on a [`Stack`], or on what is built on one and
/// starts like it.
#[macro_export]
macro_rules! contract {
    ($($(#[$meta:meta])* async fn $name:ident($stack:ident: &$kind:ident) $body:block)*) => { $(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use $crate::stack::{Backend, Door};

            async fn check($stack: &$kind) $body

            async fn run(door: Door, backend: Backend) {
                if let Some(stack) = $kind::start(door, backend).await {
                    check(&stack).await;
                }
            }

            #[tokio::test]
            async fn directly() {
                run(Door::Direct, Backend::Embedded).await;
            }

            #[tokio::test]
            async fn in_the_program() {
                run(Door::Program, Backend::Embedded).await;
            }

            #[tokio::test]
            async fn in_the_program_on_minio() {
                run(Door::Program, Backend::Minio).await;
            }

            #[tokio::test]
            async fn in_the_functions() {
                run(Door::Functions, Backend::Embedded).await;
            }

            #[tokio::test]
            async fn in_the_functions_on_minio() {
                run(Door::Functions, Backend::Minio).await;
            }
        }
    )* };
}
