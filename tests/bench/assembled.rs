//! Archives put together in the bucket: how much of them passes through whoever does it, counted on the wire between it and
//! the store, and how long the redirect takes beside streaming the same archive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures_util::{StreamExt, TryStreamExt, stream};
use tests::program::Program;
use tests::stack::s3;
use tests::{client, minio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::contents::Folder;
use crate::download::download;
use crate::figures::{row, table};
use crate::stored::{self, Stored};

const FOLDERS: [Folder; 3] = [
    Folder { hash: "films", count: 20, size: 50_000_000 },
    Folder { hash: "photos", count: 2_000, size: 1_000_000 },
    Folder { hash: "film", count: 1, size: 3_000_000_000 },
];

/// What one request puts into the store; more is copied there.
const PUT: usize = 60_000_000;

/// Requests at once while folders are filled.
const AT_ONCE: usize = 8;

/// Bytes read at once.
const READ: usize = 256 * 1024;

/// A store with its keys.
struct Place {
    name: &'static str,
    endpoint: String,
    keys: (&'static str, &'static str),
    s3: S3,
}

/// Measures on the embedded store, and on MinIO if it is there.
pub(crate) async fn run() {
    let stored = Stored::start().await;
    let own = Place { name: "embedded", endpoint: stored.endpoint.clone(), keys: stored::KEYS, s3: stored.s3.clone() };
    let columns = [
        "archive",
        "store",
        "bytes",
        "in",
        "out",
        "(in + out) / 2, of the archive",
        "to the 302",
        "to the next",
        "streamed",
    ];
    table("Put together in the bucket", &columns);
    for folder in FOLDERS {
        measure(&own, folder).await;
    }
    let Some(endpoint) = minio::endpoint().await else { return };
    let keys = (minio::ACCESS_KEY, minio::SECRET_KEY);
    let other = Place { name: "MinIO", s3: s3(&endpoint, keys), endpoint, keys };
    other.s3.create_bucket().bucket(stored::BUCKET).send().await.expect("a bucket");
    for folder in FOLDERS {
        measure(&other, folder).await;
    }
}

async fn measure(place: &Place, folder: Folder) {
    fill(place, folder).await;
    let (streams, streams_data, _) = start(place, &[]).await;
    while !download(&streams.address, &folder.path()).await.ranges {}
    let began = Instant::now();
    let bytes = download(&streams.address, &folder.path()).await.bytes;
    let streamed = began.elapsed();
    drop((streams, streams_data));
    let (assembles, _data, meter) = start(place, &[("ARCHIVE_ASSEMBLE", "1")]).await;
    let before = meter.read();
    let first = redirected(&assembles, folder).await;
    let (read, written) = (meter.read().0 - before.0, meter.read().1 - before.1);
    let next = redirected(&assembles, folder).await;
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    row(&[
        folder.title(),
        place.name.to_owned(),
        megabytes(bytes),
        megabytes(read),
        megabytes(written),
        format!("{:.2} %", 50.0 * (read + written) as f64 / bytes as f64),
        format!("{:.2} s", first.as_secs_f64()),
        format!("{:.3} s", next.as_secs_f64()),
        format!("{:.2} s", streamed.as_secs_f64()),
    ]);
}

/// Pannier with a meter between it and the store.
async fn start(place: &Place, more: &[(&str, &str)]) -> (Program, tempfile::TempDir, Meter) {
    let meter = Meter::start(place.endpoint.trim_start_matches("http://").to_owned()).await;
    let data = tempfile::tempdir().expect("a temporary folder");
    let endpoint = format!("http://{}", meter.address);
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", place.keys.0),
        ("AWS_SECRET_ACCESS_KEY", place.keys.1),
        ("STORE_PUBLIC_URL", &place.endpoint),
    ];
    variables.extend(more);
    let program = Program::start(&data.path().join("data"), &["--quiet", "--s3-endpoint", &endpoint], &variables).await;
    program.wait_until_ready().await;
    (program, data, meter)
}

/// Asks until the answer is 302, as long as the server says to come again.
async fn redirected(program: &Program, folder: Folder) -> Duration {
    let (client, began) = (client::client(), Instant::now());
    loop {
        let request = client::get(&format!("{}{}", program.url(), folder.path()));
        let response = client.request(request).await.expect("the program answers");
        match response.status().as_u16() {
            302 => return began.elapsed(),
            503 => {
                // As it says.
                #[allow(clippy::disallowed_methods)]
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            status => panic!("{status}"),
        }
    }
}

/// Puts the first file, and copies it inside the store: what is measured does not look at contents.
async fn fill(place: &Place, folder: Folder) {
    let piece = Folder { size: folder.size.min(PUT), ..folder };
    let body = ByteStream::from(piece.content(0));
    let (bucket, key) = (stored::BUCKET, folder.key(0));
    let source = if folder.size > PUT { "piece".to_owned() } else { key.clone() };
    place.s3.put_object().bucket(bucket).key(&source).body(body).send().await.expect("a file is put");
    let from = format!("{bucket}/{source}");
    if folder.size > PUT {
        join(place, &from, &key, folder.size / PUT).await;
    }
    let copies = stream::iter(1..folder.count)
        .map(|index| place.s3.copy_object().bucket(bucket).key(folder.key(index)).copy_source(&from).send());
    copies.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await.expect("files are copied");
}

/// One object of `count` times another.
async fn join(place: &Place, from: &str, key: &str, count: usize) {
    let (bucket, s3) = (stored::BUCKET, &place.s3);
    let begun = s3.create_multipart_upload().bucket(bucket).key(key).send().await.expect("a beginning");
    let id = begun.upload_id().expect("an identifier");
    let mut parts = Vec::new();
    for number in 1..=i32::try_from(count).expect("few parts") {
        let copy = s3.upload_part_copy().bucket(bucket).key(key).upload_id(id).part_number(number).copy_source(from);
        let copied = copy.send().await.expect("a part").copy_part_result.expect("a part");
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(copied.e_tag).build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(id).multipart_upload(parts);
    complete.send().await.expect("an object");
}

/// Hands bytes on between a program and its store, and counts them.
struct Meter {
    address: String,
    from_store: Arc<AtomicU64>,
    to_store: Arc<AtomicU64>,
}

impl Meter {
    async fn start(store: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("an address").to_string();
        let meter = Self { address, from_store: Arc::default(), to_store: Arc::default() };
        let (from_store, to_store) = (meter.from_store.clone(), meter.to_store.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&store).await.expect("the store listens");
                near.set_nodelay(true).and_then(|()| far.set_nodelay(true)).expect("sockets");
                let ((near_out, near_in), (far_out, far_in)) = (near.into_split(), far.into_split());
                tokio::spawn(hand_on(near_out, far_in, to_store.clone()));
                tokio::spawn(hand_on(far_out, near_in, from_store.clone()));
            }
        });
        meter
    }

    /// Bytes that came from the store and that went there.
    fn read(&self) -> (u64, u64) {
        (self.from_store.load(Ordering::Relaxed), self.to_store.load(Ordering::Relaxed))
    }
}

async fn hand_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: Arc<AtomicU64>) {
    let mut buffer = vec![0; READ];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        count.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
