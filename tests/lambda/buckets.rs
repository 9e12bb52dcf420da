//! The bucket that the template declares, made on real stores: what a store does of it works, and what it does not do
//! is listed here, with the reason.

use std::convert::Infallible;
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::ServerSideEncryption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use local::store::{Credentials, Options, Store};
use serde_json::{Value, json};
use tests::functions::Functions;
use tests::harness::Mode;
use tests::provision::{Outcome, provision};
use tests::stack::s3;
use tests::template::{News, Template};
use tests::{client, minio, require};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const BUCKET: &str = "declared";

/// What open MinIO makes of the rest.
const MINIO: &[(&str, &str)] = &[
    // Its browsers' rule is one for the server (MINIO_API_CORS_ALLOW_ORIGIN), any origin by default.
    ("CorsConfiguration", "NotImplemented"),
    // It knows no AbortIncompleteMultipartUpload and takes no rules with one; it does so by itself, after a day.
    ("LifecycleConfiguration", "InvalidArgument"),
    // It knows no CloudFront, which may read images and tracks.
    ("BucketPolicy for services", "MalformedPolicy"),
    // Every object is the bucket's owner's: there are no access lists to switch off, and no such calls.
    ("OwnershipControls", "MalformedXML"),
    ("PublicAccessBlockConfiguration", "MalformedXML"),
];

/// What the embedded store makes of the rest: it has one owner, one rule for browsers, and tells of every commit.
const EMBEDDED: &[(&str, &str)] = &[
    // Private to the owner of the files: the disk's encryption is the operator's.
    ("BucketEncryption", "NotImplemented"),
    // One rule for all buckets: `Options::cors_origins`, the program's CORS_ORIGINS.
    ("CorsConfiguration", "NotImplemented"),
    // Nothing here relies on lifecycle rules.
    ("LifecycleConfiguration", "NotImplemented"),
    // Workers hear of every commit in the process.
    ("NotificationConfiguration", "NotImplemented"),
    // There are no access lists and no policies: only the key gets in.
    ("BucketPolicy", "NotImplemented"),
    ("BucketPolicy for services", "NotImplemented"),
    ("OwnershipControls", "NotImplemented"),
    ("PublicAccessBlockConfiguration", "NotImplemented"),
];

/// What a store did not do, in the form of the lists above.
fn not_done(outcomes: &[(String, Outcome)]) -> Vec<(&str, &str)> {
    let mut list: Vec<_> = outcomes
        .iter()
        .filter_map(|(name, outcome)| match outcome {
            Outcome::Applied => None,
            Outcome::Dropped => Some((&**name, "dropped")),
            Outcome::Refused(code) => Some((&**name, &**code)),
        })
        .collect();
    list.sort_unstable();
    list
}

fn sorted(list: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut list = list.to_vec();
    list.sort_unstable();
    list
}

/// The only bucket of the template: another one needs a test of its own.
fn only_bucket(template: &Template) -> String {
    let names: Vec<&str> = template.resources("AWS::S3::Bucket").map(|(name, _)| name).collect();
    let [name] = names[..] else { panic!("not one bucket: {names:?}") };
    name.to_owned()
}

#[tokio::test]
async fn the_embedded_store_does_what_is_declared_or_is_known_not_to() {
    let template = Template::read(&[("BucketName", BUCKET)]);
    let declared = only_bucket(&template);
    let data = tempfile::tempdir().unwrap();
    let (access_key, secret_key) = (minio::ACCESS_KEY.to_owned(), minio::SECRET_KEY.to_owned());
    let origins = template.properties(&declared)["CorsConfiguration"]["CorsRules"][0]["AllowedOrigins"].take();
    let cors_origins = origins.as_array().unwrap().iter().map(|origin| origin.as_str().unwrap().to_owned()).collect();
    let credentials = Credentials { access_key, secret_key };
    let store = Store::open(data.path(), Options { credentials, cors_origins, directory: None }).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { store.serve(listener, std::future::pending()).await });
    let s3 = s3(&endpoint, (minio::ACCESS_KEY, minio::SECRET_KEY));
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let outcomes = provision(&template, &declared, (&s3, BUCKET), str::to_owned).await;
    assert_eq!(not_done(&outcomes), sorted(EMBEDDED));
    browsers_may_send(&template, &declared, &s3).await;
    nobody_else_may_read(&endpoint, &s3).await;
}

#[tokio::test]
async fn minio_does_what_is_declared_or_is_known_not_to() {
    let template = Template::read(&[("BucketName", BUCKET)]);
    let declared = only_bucket(&template);
    let mut queues = Receiver::start().await;
    let mut variables = vec![("MINIO_KMS_SECRET_KEY".to_owned(), format!("pannier:{}", STANDARD.encode([7; 32])))];
    for news in template.news() {
        let (name, port) = (news.queue.to_uppercase(), queues.port);
        let url = format!("http://host.docker.internal:{port}/{}", news.queue);
        variables.push((format!("MINIO_NOTIFY_WEBHOOK_ENABLE_{name}"), "on".to_owned()));
        variables.push((format!("MINIO_NOTIFY_WEBHOOK_ENDPOINT_{name}"), url));
    }
    // The container ends with this.
    let (_container, endpoint) = match minio::with(&variables).await {
        Ok(started) => started,
        Err(problem) => return require::missing(&format!("MinIO in Docker ({problem})")),
    };
    let s3 = s3(&endpoint, (minio::ACCESS_KEY, minio::SECRET_KEY));
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let target = |queue: &str| format!("arn:minio:sqs::{}:webhook", queue.to_uppercase());
    let outcomes = provision(&template, &declared, (&s3, BUCKET), target).await;
    assert_eq!(not_done(&outcomes), sorted(MINIO));
    browsers_may_send(&template, &declared, &s3).await;
    nobody_else_may_read(&endpoint, &s3).await;
    let head = s3.head_object().bucket(BUCKET).key("from-a-browser").send().await.unwrap();
    assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::Aes256), "encrypted at rest");
    news_arrives(&template, &endpoint, &s3, &mut queues).await;
}

/// A page sends a file straight to the bucket and learns its ETag, as the template's rule says.
async fn browsers_may_send(template: &Template, declared: &str, s3: &aws_sdk_s3::Client) {
    let rule = template.properties(declared)["CorsConfiguration"]["CorsRules"][0].take();
    let time = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let put = s3.put_object().bucket(BUCKET).key("from-a-browser").presigned(time).await.unwrap();
    let origin = "https://example.org";
    for method in rule["AllowedMethods"].as_array().unwrap() {
        let preflight = Request::options(put.uri())
            .header("Origin", origin)
            .header("Access-Control-Request-Method", method.as_str().unwrap())
            .header("Access-Control-Request-Headers", "content-type,x-amz-meta-a");
        let answer = send(preflight.body(Bytes::new()).unwrap()).await;
        assert!(answer.status.is_success(), "{method}: {answer:?}");
        assert!([origin, "*"].contains(&answer.header("access-control-allow-origin")), "{answer:?}");
        let allowed = answer.header("access-control-allow-methods");
        assert!(allowed.contains(method.as_str().unwrap()), "{method}: {answer:?}");
        let headers = answer.header("access-control-allow-headers").to_lowercase();
        assert!(headers == "*" || headers.contains("content-type"), "{answer:?}");
    }
    let request = Request::put(put.uri()).header("Origin", origin).header("Content-Length", 3);
    let answer = send(request.body(Bytes::from("abc")).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.header("etag").is_empty());
    assert!([origin, "*"].contains(&answer.header("access-control-allow-origin")), "{answer:?}");
    let exposed = values(&answer.headers, "access-control-expose-headers");
    for name in rule["ExposedHeaders"].as_array().unwrap().iter().filter_map(Value::as_str) {
        assert!(exposed.iter().any(|known| known.eq_ignore_ascii_case(name) || known == "*"), "{name}: {exposed:?}");
    }
}

/// Without a signature nothing is told, and nothing is taken.
async fn nobody_else_may_read(endpoint: &str, s3: &aws_sdk_s3::Client) {
    s3.put_object().bucket(BUCKET).key("private").body(Bytes::from("abc").into()).send().await.unwrap();
    for (method, path) in [("GET", "/private"), ("GET", "?list-type=2"), ("PUT", "/mine"), ("DELETE", "/private")] {
        let request = Request::builder().method(method).uri(format!("{endpoint}/{BUCKET}{path}"));
        let answer = send(request.body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
}

/// An object under each prefix is told to the queue that the template names, and the worker behind that queue does
/// its work; an object elsewhere is told to nobody.
async fn news_arrives(template: &Template, endpoint: &str, s3: &aws_sdk_s3::Client, queues: &mut Receiver) {
    let variables = [
        ("S3_ENDPOINT", endpoint),
        ("BUCKET", BUCKET),
        ("AWS_ACCESS_KEY_ID", minio::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", minio::SECRET_KEY),
    ];
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let functions = Functions::new(variables.collect(), None);
    let put = async |key: &str| {
        s3.put_object().bucket(BUCKET).key(key).body(Bytes::from("abc").into()).send().await.unwrap();
    };
    let news = template.news();
    // First of all, so that its news would come first.
    put("elsewhere/a").await;
    for News { prefix, suffix, .. } in &news {
        put(prefix.trim_end_matches('/')).await;
        if !suffix.is_empty() {
            put(&format!("{prefix}a")).await;
        }
    }
    for News { queue, prefix, suffix, .. } in &news {
        let key = format!("{prefix}trip/a b+é{suffix}");
        put(&key).await;
        let (arrived_at, body) = queues.next().await;
        assert_eq!(&arrived_at, queue, "{body}");
        let record = &body["Records"][0]["s3"];
        let encoded = record["object"]["key"].as_str().unwrap();
        assert_ne!(encoded, key, "encoded, as a form would");
        let decoded =
            percent_encoding::percent_decode_str(&encoded.replace('+', " ")).decode_utf8().unwrap().into_owned();
        assert_eq!((decoded.as_str(), &record["bucket"]["name"]), (key.as_str(), &json!(BUCKET)));

        let consumers = template.consumers();
        let consumer = consumers.iter().find(|consumer| consumer.queue == *queue).unwrap();
        let worker = shared::endpoints::WORKERS.iter().find(|worker| worker.name == consumer.binary).unwrap();
        let message = json!({ "messageId": "1", "eventSource": "aws:sqs", "body": body.to_string() });
        let function = functions.function(worker.name, Mode::Buffered).await;
        let answer = function.invoke(json!({ "Records": [message] })).await;
        assert_eq!(answer["batchItemFailures"], json!([]), "{}: {answer}", worker.name);
        if worker.name == "record-crc32" {
            let records = s3.list_objects_v2().bucket(BUCKET).prefix("crc32/").send().await.unwrap();
            assert_eq!(records.contents().len(), 1, "the worker did its work");
        }
    }
    assert!(queues.news.try_recv().is_err(), "nothing else was told");
}

async fn send(request: Request<Bytes>) -> client::Answer {
    let answer = client::client().request(request.map(shared::http::body::full)).await.unwrap();
    client::read(answer.map(shared::http::body::boxed)).await
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|value| value.trim().to_owned()).collect()
}

/// Stands for the queues: whatever is posted to `/{queue}` is news.
struct Receiver {
    port: u16,
    news: mpsc::UnboundedReceiver<(String, Value)>,
}

impl Receiver {
    async fn start() -> Self {
        // Containers reach this machine at another address than loopback.
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, news) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                let service = service_fn(move |request| take(request, sender.clone()));
                tokio::spawn(async move {
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
                });
            }
        });
        Self { port, news }
    }

    async fn next(&mut self) -> (String, Value) {
        let news = tokio::time::timeout(client::PATIENCE, self.news.recv()).await;
        news.expect("news in time").expect("a receiver")
    }
}

/// What is no news is a sign of life, from the time when the target was set.
async fn take(
    request: Request<Incoming>,
    sender: mpsc::UnboundedSender<(String, Value)>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let queue = request.uri().path().trim_start_matches('/').to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if let Ok(body) = serde_json::from_slice::<Value>(&body)
        && body["Records"].as_array().is_some_and(|records| !records.is_empty())
    {
        drop(sender.send((queue, body)));
    }
    Ok(Response::new(Full::default()))
}
