//! nginx before the server, with the configuration that `compose.yaml` mounts: images come straight from the bucket.

use std::process::Stdio;

use http::{Method, Request};
use shared::http::{Body, body};
use tests::client::{self, Answer, Client};
use tests::require;
use tests::stack::{Backend, Door, Stack, free_address};
use tokio::process::{Child, Command};

use super::pixels_samples::{jpeg, padded};
use super::request::{File, digest, form, path_of, size};

/// nginx, and a client of it.
struct Nginx {
    url: String,
    client: Client,
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts it before a stack, with the addresses of this test in the place of the compose file's names.
    async fn start(stack: &Stack) -> Option<Self> {
        let program = require::tool("nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let store = stack.store().0.trim_start_matches("http://");
        let configuration = include_str!("../../infra/nginx.conf")
            .replace("server pannier:8080", &format!("server {}", stack.program().address))
            .replace("minio:9000", store)
            .replace("http://store/pannier$uri", &format!("http://store/{}$uri", stack.bucket))
            .replace("listen 8080", &format!("listen {}", address.trim_start_matches("http://")))
            .replace("/tmp/", &format!("{}/", folder.path().display()))
            .replace("/dev/stdout", "/dev/null");
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program);
        command
            .arg("-e")
            .arg(folder.path().join("errors"))
            .arg("-c")
            .arg(file)
            .args(["-g", "daemon off; master_process off;"]);
        // One process, which dies with the test.
        let process = command.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let nginx = Self { url: address, client: client::client(), _process: process, _folder: folder };
        while nginx.try_send(client::get("/heart_beat")).await.is_none_or(|answer| answer.status != 200) {
            tokio::task::yield_now().await;
        }
        Some(nginx)
    }

    async fn try_send(&self, request: Request<Body>) -> Option<Answer> {
        let (mut head, content) = request.into_parts();
        head.uri = format!("{}{}", self.url, head.uri).parse().unwrap();
        let response = self.client.request(Request::from_parts(head, content)).await.ok()?;
        Some(client::read(response.map(body::boxed)).await)
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        self.try_send(request).await.expect("nginx answers")
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body::empty()).unwrap()).await
    }
}

/// Lets anyone read images, as the compose file does.
async fn publish_images(stack: &Stack) {
    let policy =
        include_str!("../../infra/public-images.json").replace("pannier/images", &format!("{}/images", stack.bucket));
    stack.s3.put_bucket_policy().bucket(&stack.bucket).policy(policy).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn images_come_straight_from_the_bucket() {
    let Some(stack) = Stack::start(Door::Program, Backend::Minio).await else { return };
    publish_images(&stack).await;
    let Some(nginx) = Nginx::start(&stack).await else { return };
    // As large as is taken.
    let good = jpeg((700, 500));
    let largest = padded(&good, 5_242_880);
    let answer = nginx.send(form("/api/upload", &[File::new("a.jpg", &largest)])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let image = answer.json();
    assert!(image["url"].as_str().unwrap().starts_with(&nginx.url), "links lead back to nginx");
    let path = path_of(&image["url"]);

    for cache in ["MISS", "HIT"] {
        let served = nginx.get(&path, &[("x-request-id", "mine")]).await;
        assert_eq!((served.status.as_u16(), served.header("content-type")), (200, "image/jpeg"));
        assert_eq!((digest(&served.body), served.header("x-cache")), (digest(&good), cache));
        assert_eq!(served.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(served.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!((served.header("x-content-type-options"), served.header("x-request-id")), ("nosniff", "mine"));
        assert!(served.headers.keys().all(|name| !name.as_str().starts_with("x-amz")), "{:?}", served.headers);
        for name in ["content-security-policy", "x-content-type-options", "x-request-id", "cache-control"] {
            assert_eq!(served.headers.get_all(name).iter().count(), 1, "{name}");
        }
    }
    let whole = nginx.get(&path, &[]).await;
    let part = nginx.get(&path, &[("range", "bytes=10-19")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &good[10..20]));
    assert_eq!(nginx.get(&path, &[("if-none-match", whole.header("etag"))]).await.status, 304);

    for _ in 0..2 {
        let thumbnail = nginx.get(&path_of(&image["thumbnail_url"]), &[]).await;
        assert_eq!((thumbnail.status.as_u16(), size(&thumbnail.body)), (200, (320, 229)));
        assert_eq!(thumbnail.headers.get_all("content-security-policy").iter().count(), 1);
    }
    let absent = nginx.get(&format!("/images/{}.jpg", "A".repeat(22)), &[]).await;
    assert_eq!((absent.status.as_u16(), absent.header("content-type")), (404, "application/problem+json"));
    assert_eq!(nginx.get("/image-state/lines/", &[]).await.status, 404);

    // Not a byte of an image passes the server.
    drop(stack);
    assert_eq!(digest(&nginx.get(&path, &[("cache-control", "no-cache")]).await.body), digest(&good));
    let head = Request::builder().method(Method::HEAD).uri(&path).body(body::empty()).unwrap();
    assert_eq!(nginx.send(head).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_passes_to_the_server() {
    let Some(stack) = Stack::start(Door::Program, Backend::Minio).await else { return };
    publish_images(&stack).await;
    let Some(nginx) = Nginx::start(&stack).await else { return };
    let image = nginx.send(form("/upload", &[File::new("a.jpg", &jpeg((60, 40)))])).await.json();
    let path = path_of(&image["url"]);
    let request = |token: &str| {
        let request = Request::builder().method(Method::DELETE).uri(&path).header("x-delete-token", token);
        request.body(body::empty()).unwrap()
    };
    let refused = nginx.send(request("wrong")).await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (403, "application/problem+json"));
    assert_eq!(nginx.send(request(image["delete_token"].as_str().unwrap())).await.status, 204);
    assert_eq!(nginx.get(&path, &[]).await.status, 404);
    let log = std::fs::read_to_string(stack.data().join("logs/app.log")).unwrap();
    assert_eq!(log.lines().count(), 3, "each request came once: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_leaves_the_cache_soon_after_it_is_deleted() {
    let Some(stack) = Stack::start(Door::Program, Backend::Minio).await else { return };
    publish_images(&stack).await;
    let Some(nginx) = Nginx::start(&stack).await else { return };
    let image = nginx.send(form("/upload", &[File::new("a.jpg", &jpeg((700, 500)))])).await.json();
    let (path, thumbnail) = (path_of(&image["url"]), path_of(&image["thumbnail_url"]));
    for path in [&path, &thumbnail] {
        assert_eq!(nginx.get(path, &[]).await.status, 200);
    }
    let request = Request::builder().method(Method::DELETE).uri(&path);
    let request = request.header("x-delete-token", image["delete_token"].as_str().unwrap());
    assert_eq!(nginx.send(request.body(body::empty()).unwrap()).await.status, 204);
    for path in [&path, &thumbnail] {
        while nginx.get(path, &[]).await.status != 404 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_adds_changes_nothing() {
    let Some(stack) = Stack::start(Door::Program, Backend::Minio).await else { return };
    publish_images(&stack).await;
    let Some(nginx) = Nginx::start(&stack).await else { return };
    let original = jpeg((700, 500));
    let image = nginx.send(form("/upload", &[File::new("a.jpg", &original)])).await.json();
    let path = path_of(&image["url"]);
    for (name, value) in [
        ("authorization", "AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature=0"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("origin", "https://elsewhere.example"),
        ("host", "elsewhere.example"),
    ] {
        let served = nginx.get(&path, &[(name, value)]).await;
        assert_eq!((served.status.as_u16(), digest(&served.body)), (200, digest(&original)), "{name}");
        assert!(served.header("access-control-allow-credentials").is_empty() && served.header("vary").is_empty());
    }
    // Spellings of the same are not kept beside each other.
    for query in ["?x=1", "?w=320&x=1", "?w=320&w=640"] {
        let served = nginx.get(&format!("{path}{query}"), &[]).await;
        assert_eq!((served.status.as_u16(), served.header("x-cache")), (200, ""), "{query}");
    }
    let past = nginx.get(&path, &[("range", "bytes=99999999-")]).await;
    assert_eq!((past.status.as_u16(), past.header("content-type")), (416, "application/problem+json"));
    let wrong = nginx.get(&format!("{path}?w=5"), &[]).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("content-type")), (400, "application/problem+json"));
    assert_eq!((wrong.header("x-content-type-options"), wrong.header("x-request-id").is_empty()), ("nosniff", false));
    let post = nginx.send(Request::post(&path).body(body::empty()).unwrap()).await;
    assert_eq!((post.status.as_u16(), post.header("x-content-type-options")), (405, "nosniff"));
}
