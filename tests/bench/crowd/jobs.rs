//! What the thousand are asked for, and what is there if nothing was lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::http::body;
use shared::speech::RENDER_SPEECH;
use tests::arbitrary;
use tests::client::{self, Answer};
use tests::harness::{Event, Function, Mode};
use tests::stack::Stack;

use super::faults::below;

/// How often a client comes again before it gives up, which fails the run.
const PATIENCE: usize = 60;

/// The longest pause before it does, in milliseconds.
const PAUSE: u64 = 400;

/// Processes for interrupted uploads.
pub(super) const HEADS: usize = 25;

/// Pixels of a picture's width and height.
const SIDE: u32 = 64;

/// Bytes of an upload.
const UPLOAD: usize = 200_000;

/// The folder that is downloaded: so many objects of so many bytes.
const FOLDER: (usize, usize) = (20, 50_000);

/// Some of the invocations.
pub(super) struct Job {
    pub(super) name: &'static str,
    pub(super) function: &'static str,
    pub(super) mode: Mode,
    pub(super) processes: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Image,
    Upload,
    Speech,
    Archive,
}

/// Together 1,000 processes with those of [`HEADS`].
pub(super) const JOBS: &[Job] = &[
    Job { name: "image uploaded", function: "image-upload", mode: Mode::Buffered, processes: 300, kind: Kind::Image },
    Job { name: "file by tus", function: "tus-create", mode: Mode::Buffered, processes: 375, kind: Kind::Upload },
    Job { name: "text to speech", function: "speech-string", mode: Mode::Buffered, processes: 100, kind: Kind::Speech },
    Job { name: "archive", function: "archive-download", mode: Mode::Streamed, processes: 200, kind: Kind::Archive },
];

/// What a client was told, and how it got there.
pub(super) struct Told {
    what: What,
    pub(super) again: usize,
    pub(super) milliseconds: f64,
}

enum What {
    /// The link of an image, and the colour that all of it has.
    Image { link: String, colour: [u8; 3] },
    /// The path of an upload, and what it must hold.
    Upload { path: String, content: Bytes },
    /// The route of a text.
    Route(String),
    /// The SHA-256 of an archive.
    Archive(String),
}

/// Who asks one process.
pub(super) struct Client {
    pub(super) function: Arc<Function>,
    pub(super) heads: Arc<Vec<Arc<Function>>>,
    pub(super) number: usize,
}

impl Client {
    /// Asks until it is told that it is done.
    pub(super) async fn run(&self, job: &Job, round: usize) -> Told {
        let (began, seed) = (Instant::now(), self.number * 10 + round);
        let mut again = 0;
        let what = match job.kind {
            Kind::Image => self.image(seed, &mut again).await,
            Kind::Upload => self.upload(seed, &mut again).await,
            Kind::Speech => self.speech(seed, &mut again).await,
            Kind::Archive => self.archive(&mut again).await,
        };
        Told { what, again, milliseconds: began.elapsed().as_secs_f64() * 1e3 }
    }

    async fn image(&self, seed: usize, again: &mut usize) -> What {
        let colour = [(seed / 251 % 251) as u8, (seed % 251) as u8, 7];
        let content = png(colour);
        let answer = self.until(again, Event::HttpApiV2, StatusCode::is_success, || {
            Request::post("/api/upload")
                .header("content-type", "image/png")
                .header("filename", "one.png")
                .body(content.clone())
        });
        let link = answer.await.json()["url"].as_str().expect("a link").to_owned();
        let link = link.split_once("//").map_or(link.clone(), |(_, rest)| rest[rest.find('/').unwrap()..].to_owned());
        What::Image { link, colour }
    }

    /// Creation with the whole file; whatever is missing then goes on from the offset that the server tells.
    async fn upload(&self, seed: usize, again: &mut usize) -> What {
        let content = arbitrary::bytes(seed as u64, UPLOAD);
        let created = self.until(
            again,
            Event::HttpApiV2,
            |status| *status == StatusCode::CREATED,
            || tus(Method::POST, "/files/").header("upload-length", UPLOAD).body(content.clone()),
        );
        let created = created.await;
        let location = created.header("location");
        let (_, rest) = location.split_once("//").expect("an absolute link");
        let path = rest[rest.find('/').expect("a path")..].to_owned();
        // The stage is the gateway's.
        let path = path.strip_prefix("/prod").unwrap_or(&path).to_owned();
        let head = Client { function: self.heads[self.number % self.heads.len()].clone(), ..self.same() };
        let answer = head.until(
            again,
            Event::HttpApiV2,
            |status| *status == StatusCode::OK,
            || tus(Method::HEAD, &path).body(Bytes::new()),
        );
        let offset: usize = answer.await.header("upload-offset").parse().expect("an offset");
        assert_eq!(offset, UPLOAD, "201 was told when all of it was there");
        What::Upload { path, content }
    }

    async fn speech(&self, seed: usize, again: &mut usize) -> What {
        let route = format!("crowd-{seed}");
        let text = json!({ "route_id": route, "route_text": format!("Number {seed}.") }).to_string();
        let answer = self.until(again, Event::HttpApiV2, StatusCode::is_success, || {
            Request::post("/string_to_audio").header("content-type", "application/json").body(text.clone().into())
        });
        answer.await;
        What::Route(route)
    }

    async fn archive(&self, again: &mut usize) -> What {
        let answer = self.until(again, Event::FunctionUrl, StatusCode::is_success, || {
            Request::get("/archive/crowd/").body(Bytes::new())
        });
        What::Archive(shared::hex(&Sha256::digest(&answer.await.body)))
    }

    fn same(&self) -> Self {
        Self { function: self.function.clone(), heads: self.heads.clone(), number: self.number }
    }

    /// Asks again while it is told to, or while an answer breaks off.
    async fn until(
        &self,
        again: &mut usize,
        shape: Event,
        is_done: impl Fn(&StatusCode) -> bool,
        request: impl Fn() -> http::Result<Request<Bytes>>,
    ) -> Answer {
        for _ in 0..PATIENCE {
            let asked = self.function.call(shape, request().expect("a request")).await;
            if let Ok(response) = asked {
                let answer = client::read(response).await;
                if is_done(&answer.status) && answer.whole {
                    return answer;
                }
                let busy = matches!(answer.status.as_u16(), 200 | 423 | 429 | 502 | 503 | 504);
                assert!(busy, "{} is no reason to come again: {}", answer.status, answer.text());
            }
            *again += 1;
            // As any client does between two tries.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(Duration::from_millis(PAUSE / 4 + below(PAUSE))).await;
        }
        panic!("a client gave up");
    }
}

impl Told {
    /// Whether what was told is there.
    pub(super) async fn check(&self, stack: &Stack) -> Result<(), String> {
        match &self.what {
            What::Image { link, colour: sent } => {
                let answer = stack.get(link).await;
                let same = answer.status == 200 && colour(&answer.body) == Some(*sent);
                same.then_some(()).ok_or_else(|| format!("{link}: {}", answer.status))
            }
            What::Upload { path, content } => {
                let answer = stack.get(path).await;
                let same = answer.status == 200 && answer.whole && answer.body == *content;
                same.then_some(()).ok_or_else(|| format!("{path}: {}", answer.status))
            }
            What::Route(route) => {
                let link = track(stack, route).await;
                let answer = stack.get(link["link"].as_str().unwrap_or("/")).await;
                let same = link["msg"] == "OK" && answer.header("content-type") == "audio/mpeg" && answer.whole;
                same.then_some(()).ok_or_else(|| format!("{route}: {link}"))
            }
            What::Archive(digest) => {
                let answer = stack.settled("/archive/crowd/").await;
                let same = shared::hex(&Sha256::digest(&answer.body)) == *digest;
                same.then_some(()).ok_or_else(|| "an archive of other bytes".to_owned())
            }
        }
    }
}

async fn track(stack: &Stack, route: &str) -> serde_json::Value {
    let request = Request::post("/get_track_for_route").header("content-type", "application/json");
    stack.send(request.body(body::full(json!({ "route_id": route }).to_string())).unwrap()).await.json()
}

/// The folder that is downloaded, with its checksums known.
pub(super) async fn prepare(stack: &Stack) {
    for number in 0..FOLDER.0 {
        stack.put(&format!("photos/crowd/{number}.bin"), arbitrary::bytes(number as u64, FOLDER.1)).await;
    }
    stack.settled("/archive/crowd/").await;
}

/// What workers have left to do is done.
pub(super) async fn settle(stack: &Stack) {
    while !stack.keys("speech/queue/").await.is_empty() {
        stack.work(&RENDER_SPEECH).await;
    }
}

fn tus(method: Method, path: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("tus-resumable", "1.0.0");
    request.header("content-type", "application/offset+octet-stream")
}

/// A picture of one colour, which no other client sends.
fn png(colour: [u8; 3]) -> Bytes {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = colour.repeat((SIDE * SIDE) as usize);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).unwrap();
    bytes.into()
}

/// The colour of the first pixel.
fn colour(content: &[u8]) -> Option<[u8; 3]> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(content)).read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut pixels).ok()?;
    pixels.first_chunk().copied()
}
