//! The storage module, on the embedded store and on MinIO.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::error::BoxError;
use shared::http::{Body, body};
use shared::storage::{Creation, Fault, Fetch, Key, Making, PART_MINIMUM, Put, Source, Storage};
use tests::stack::{Backend, storage, storage_at};
use tests::{arbitrary, client, minio, require};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Runs a check on both stores.
macro_rules! on_every_store {
    ($(async fn $name:ident($storage:ident: &Storage) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn check($storage: &Storage) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                let (storage, _kept) = storage(Backend::Embedded).await.unwrap();
                check(&storage).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn minio() {
                if let Some((storage, _)) = storage(Backend::Minio).await {
                    check(&storage).await;
                }
            }
        }
    )* };
}

fn chunks(content: &Bytes, size: usize) -> Body {
    let chunks: Vec<_> = content.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    body::stream(stream::iter(chunks))
}

async fn read(storage: &Storage, key: &str) -> Bytes {
    storage.main.get(&Key::Listed(key), Fetch::default()).await.unwrap().bytes().await.unwrap()
}

on_every_store! {
    async fn one_of_fifty_racing_creators_makes_a_record(storage: &Storage) {
        let attempts = stream::iter(0..50_u32).map(|racer| async move {
            (racer, storage.main.create(&Key::Listed("race"), &racer).await.unwrap())
        });
        let outcomes: Vec<_> = attempts.buffer_unordered(50).collect().await;
        let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == Creation::Made).collect();
        assert_eq!(winners.len(), 1);
        let record = storage.main.read::<u32>(&Key::Listed("race")).await.unwrap().unwrap();
        assert_eq!(record.value, winners[0].0);
    }

    async fn fifty_racing_updates_all_count(storage: &Storage) {
        storage.main.create(&Key::Listed("count"), &0_u32).await.unwrap();
        let updates = stream::iter(0..50).map(|_| storage.main.update(&Key::Listed("count"), |count: u32| count + 1));
        let seen: BTreeSet<u32> = updates.buffer_unordered(50).map(|count| count.unwrap().unwrap()).collect().await;
        assert_eq!(seen, (1..=50).collect());
    }

    async fn a_record_that_changed_since_it_was_read_is_not_replaced(storage: &Storage) {
        let key = Key::Listed("record");
        assert!(storage.main.read::<u32>(&key).await.unwrap().is_none());
        assert_eq!(storage.main.update(&key, |count: u32| count).await.unwrap(), None);
        storage.main.create(&key, &1_u32).await.unwrap();
        let old = storage.main.read::<u32>(&key).await.unwrap().unwrap();
        assert!(storage.main.replace(&key, &old, &2_u32).await.unwrap());
        assert!(!storage.main.replace(&key, &old, &3_u32).await.unwrap());
        // Back to the first value: the nonce makes it another version all the same.
        let now = storage.main.read::<u32>(&key).await.unwrap().unwrap();
        assert!(storage.main.replace(&key, &now, &1_u32).await.unwrap());
        assert!(!storage.main.replace(&key, &old, &4_u32).await.unwrap());
        let last = storage.main.read::<u32>(&key).await.unwrap().unwrap();
        storage.main.delete(&key).await.unwrap();
        assert!(!storage.main.replace(&key, &last, &5_u32).await.unwrap(), "a record that is gone stays gone");
    }

    async fn streams_arrive_whole_or_not_at_all(storage: &Storage) {
        let content = arbitrary::bytes(1, 3_000_001);
        let length = content.len() as u64;
        let key = Key::Listed("streamed");
        storage.main.put_stream(&key, chunks(&content, 70_000), length, Put::default()).await.unwrap();
        assert!(read(storage, "streamed").await == content);
        let head = storage.main.head(&key).await.unwrap().unwrap();
        assert_eq!(head.size, length);
        let breaks = stream::iter([Ok(content.slice(..100_000)), Err::<Bytes, BoxError>("cut".into())]);
        let cut = storage.main.put_stream(&Key::Listed("cut"), body::stream(breaks), length, Put::default()).await;
        assert!(cut.is_err());
        assert!(storage.main.head(&Key::Listed("cut")).await.unwrap().is_none());
    }

    async fn ranges_and_conditions(storage: &Storage) {
        let content = arbitrary::bytes(2, 200_000);
        let key = Key::Listed("ranged");
        let etag = storage.main.put(&key, content.clone(), Put::default()).await.unwrap();
        let part = Fetch { range: Some(10..150_000), if_match: Some(&etag) };
        let part = storage.main.get(&key, part).await.unwrap();
        assert_eq!((part.length, &part.etag), (149_990, &etag));
        assert!(part.bytes().await.unwrap() == content[10..150_000]);
        let fault = async |fetch: Fetch<'_>| storage.main.get(&key, fetch).await.err().map(|error| error.fault);
        assert_eq!(fault(Fetch { if_match: Some("\"old\""), range: None }).await, Some(Fault::Precondition));
        assert_eq!(fault(Fetch { range: Some(200_000..200_001), if_match: None }).await, Some(Fault::Range));
        let missing = storage.main.get(&Key::Listed("nothing"), Fetch::default()).await.err().unwrap();
        assert_eq!(missing.fault, Fault::Missing);
        let text = missing.to_string();
        assert!(text.contains("GetObject") && text.contains("/nothing") && text.contains("NoSuchKey"), "{text}");
        let absent = Put { if_absent: true, ..Put::default() };
        let refused = storage.main.put(&key, Bytes::new(), absent).await.unwrap_err();
        assert_eq!(refused.fault, Fault::Precondition);
    }

    async fn parts_make_an_object_with_one_checksum(storage: &Storage) {
        let first = arbitrary::bytes(3, usize::try_from(PART_MINIMUM).unwrap());
        let upload = storage.main.multipart(&Key::Listed("made"), Making { content_type: Some("video/mp4"), checked: true, ..Making::default() }).await.unwrap();
        assert!(storage.main.head(&Key::Listed("made")).await.unwrap().is_none());
        let parts =
            vec![upload.part(1, first.clone()).await.unwrap(), upload.part(2, Bytes::from_static(b"end")).await.unwrap()];
        let etag = upload.complete(parts, Put { if_absent: true, ..Put::default() }).await.unwrap();
        let whole = [&first[..], b"end"].concat();
        assert!(read(storage, "made").await == whole);
        let known = storage.main.crc32(&Key::Listed("made"), &etag).await.unwrap();
        assert_eq!(known, Some(crc32fast::hash(&whole)));
        assert_eq!(storage.main.crc32(&Key::Listed("made"), "\"old\"").await.unwrap(), None);
        let given_up = storage.main.multipart(&Key::Listed("never"), Making { checked: true, ..Making::default() }).await.unwrap();
        given_up.part(1, Bytes::from_static(b"x")).await.unwrap();
        given_up.abort().await.unwrap();
        assert!(storage.main.head(&Key::Listed("never")).await.unwrap().is_none());
    }

    async fn parts_can_be_copied(storage: &Storage) {
        let minimum = usize::try_from(PART_MINIMUM).unwrap();
        let source = arbitrary::bytes(4, minimum + 1000);
        let etag = storage.main.put(&Key::Listed("a b/sourcé"), source.clone(), Put::default()).await.unwrap();
        let upload = storage.main.multipart(&Key::Listed("made"), Making::default()).await.unwrap();
        let range = 500..PART_MINIMUM + 500;
        let from = |range: std::ops::Range<u64>, if_match| Source { key: &Key::Listed("a b/sourcé"), size: source.len() as u64, range, if_match };
        let stale = upload.part_copy(1, from(range.clone(), Some("\"other\""))).await.unwrap_err();
        assert_eq!(stale.fault, Fault::Precondition);
        let parts = vec![
            upload.part_copy(1, from(range, Some(&etag))).await.unwrap(),
            upload.part_copy(2, from(0..7, None)).await.unwrap(),
        ];
        upload.complete(parts, Put::default()).await.unwrap();
        assert!(read(storage, "made").await == [&source[500..minimum + 500], &source[..7]].concat());
    }

    async fn copies_and_listings(storage: &Storage) {
        let keys = ["list/a", "list/a b+ü", "list/a-/b", "list/a0", "lisu"];
        for key in keys {
            storage.main.put(&Key::Listed(key), Bytes::from(key), Put::default()).await.unwrap();
        }
        storage.main.copy(&Key::Listed("list/a b+ü"), &Key::Listed("list/z")).await.unwrap();
        assert_eq!(read(storage, "list/z").await, "list/a b+ü");
        let mut pages = storage.main.list(&Key::Listed("list/"));
        let page = pages.next().await.unwrap().unwrap();
        let listed: Vec<_> = page.iter().map(|object| (object.key.as_str(), object.size)).collect();
        assert_eq!(listed, [("list/a", 6), ("list/a b+ü", 11), ("list/a-/b", 9), ("list/a0", 7), ("list/z", 11)]);
        assert!(pages.next().await.unwrap().is_none());
        let mut rest = storage.main.list_after(&Key::Listed("list/"), &Key::Listed("list/a-/b"));
        let rest: Vec<_> = rest.next().await.unwrap().unwrap().into_iter().map(|object| object.key).collect();
        assert_eq!(rest, ["list/a0", "list/z"]);
        storage.main.delete(&Key::Listed("list/a")).await.unwrap();
        storage.main.delete(&Key::Listed("list/a")).await.unwrap();
        assert!(storage.main.head(&Key::Listed("list/a")).await.unwrap().is_none());
    }

    async fn long_listings_come_in_pages(storage: &Storage) {
        let writes = stream::iter(0..1100).map(|index| async move {
            storage.main.put(&Key::Listed(&format!("many/{index:04}")), Bytes::new(), Put::default()).await.unwrap();
        });
        writes.buffer_unordered(32).collect::<()>().await;
        let mut pages = storage.main.list(&Key::Listed("many/"));
        let mut sizes = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            sizes.push(page.len());
        }
        assert_eq!(sizes, [1000, 100]);
    }
}

/// A store's answer may be lost after the store has done what it was asked. The client asks again, meets
/// its own write and is refused; the nonce tells it that the write was its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_still_counts_as_ours() {
    let data = tempfile::tempdir().unwrap();
    let keys = (minio::ACCESS_KEY, minio::SECRET_KEY);
    let (_store, endpoint) = tests::stack::embedded(&data, keys).await;
    let lossy = Lossy::start(&endpoint).await;
    let storage = storage_at(&lossy.endpoint, "lossy").await;
    let key = Key::Listed("record");
    lossy.lose(1);
    assert_eq!(storage.main.create(&key, &1_u32).await.unwrap(), Creation::Made);
    assert_eq!(storage.main.create(&key, &2_u32).await.unwrap(), Creation::Existed);
    let read = storage.main.read::<u32>(&key).await.unwrap().unwrap();
    lossy.lose(1);
    assert!(storage.main.replace(&key, &read, &3_u32).await.unwrap());
    assert_eq!(storage.main.read::<u32>(&key).await.unwrap().unwrap().value, 3);
    assert_eq!(lossy.left(), 0, "both answers were lost");
}

/// A proxy before a store that forwards each request, and loses the answers of some PUTs.
struct Lossy {
    endpoint: String,
    losses: Arc<AtomicU32>,
}

impl Lossy {
    async fn start(store: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let losses = Arc::new(AtomicU32::new(0));
        let (store, counter) = (store.to_owned(), losses.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (store, counter) = (store.clone(), counter.clone());
                let service = service_fn(move |request| forward(store.clone(), counter.clone(), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { endpoint, losses }
    }

    fn lose(&self, answers: u32) {
        self.losses.store(answers, Ordering::SeqCst);
    }

    fn left(&self) -> u32 {
        self.losses.load(Ordering::SeqCst)
    }
}

async fn forward(
    store: String,
    losses: Arc<AtomicU32>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (head, incoming) = request.into_parts();
    let target = format!("{store}{}", head.uri);
    let lossy = head.method == Method::PUT;
    let mut forwarded = Request::new(body::full(incoming.collect().await?.to_bytes()));
    *forwarded.method_mut() = head.method;
    *forwarded.uri_mut() = target.parse()?;
    // The signature covers the host that the client sees; it stays as it is.
    *forwarded.headers_mut() = head.headers;
    let response = client::client().request(forwarded).await?;
    let lost = lossy && losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if lost { Err("the connection breaks".into()) } else { Ok(response.map(body::boxed)) }
}

/// A store without conditional writes must not be built upon.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_conditional_writes_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // It takes whatever it is asked to take.
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request: Request<Incoming>| async move {
                let _ = request.into_body().collect().await;
                let mut response = Response::new(body::empty());
                response.headers_mut().insert("etag", http::HeaderValue::from_static("\"x\""));
                Ok::<_, Infallible>(response)
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    let arguments = ["--s3-endpoint", &endpoint];
    let (code, said) = tests::program::run_to_end(&folder.path().join("data"), &arguments, &keys).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("exactly one winner"), "{said}");
}

/// One line of MinIO is mended by `infra/minio/compile.sh`: of a body whose connection breaks in its trailer it read on for
/// ever, into its memory, 250 MB a second.
#[tokio::test(flavor = "multi_thread")]
async fn minio_gives_up_a_body_that_breaks_off_in_its_trailer() {
    let (container, store) = match minio::with(&[]).await {
        Ok(started) => started,
        Err(problem) => return require::missing(&format!("MinIO in Docker ({problem})")),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = format!("http://{}", listener.local_addr().unwrap());
    let knife = Arc::new(Knife::default());
    let (held, authority) = (knife.clone(), store.trim_start_matches("http://").to_owned());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&authority).await.unwrap();
            tokio::spawn(pass_until_trailer(client, server, held.clone()));
        }
    });
    let storage = storage_at(&door, "cut").await;
    knife.drawn.store(true, Ordering::SeqCst);
    let body = body::boxed(http_body_util::Full::new(Bytes::from_static(b"hello")));
    storage.main.put_stream(&Key::Listed("cut"), body, 5, Put::default()).await.unwrap_err();
    assert!(knife.cuts.load(Ordering::SeqCst) > 0, "it was cut");
    knife.drawn.store(false, Ordering::SeqCst);
    // Each look takes more than a second.
    let before = memory(container.id());
    let after = (0..3).map(|_| memory(container.id())).fold(0.0, f64::max);
    assert!(after < before + 200.0, "{before} MiB, then {after} MiB");
    storage.ping().await.unwrap();
}

/// How the trailer of a body begins; the header that announces it has no colon there.
const TRAILER: &[u8] = b"x-amz-checksum-crc32:";

/// Cuts connections where trailers begin, once it is drawn.
#[derive(Default)]
struct Knife {
    drawn: AtomicBool,
    cuts: AtomicU32,
}

/// Passes on what comes, until the first bytes of a trailer did; then the connection is gone.
async fn pass_until_trailer(client: TcpStream, server: TcpStream, knife: Arc<Knife>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let (mut passed, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    while let Ok(length @ 1..) = from_client.read(&mut piece).await {
        if !knife.drawn.load(Ordering::SeqCst) {
            to_server.write_all(&piece[..length]).await.unwrap();
            continue;
        }
        passed.extend_from_slice(&piece[..length]);
        let trailer = passed.windows(TRAILER.len()).position(|bytes| bytes == TRAILER);
        let end = trailer.map_or(passed.len(), |start| start + TRAILER.len());
        to_server.write_all(&passed[passed.len() - length..end]).await.unwrap();
        if trailer.is_some() {
            knife.cuts.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    answers.abort();
}

/// In MiB, as Docker counts it.
fn memory(container: &str) -> f64 {
    let told = Command::new("docker").args(["stats", "--no-stream", "--format", "{{.MemUsage}}", container]).output();
    let told = String::from_utf8(told.unwrap().stdout).unwrap();
    let number = |unit: &str| told.split(unit).next().unwrap().trim().parse::<f64>().ok();
    number("MiB").or_else(|| number("GiB").map(|number| number * 1024.0)).expect(&told)
}
