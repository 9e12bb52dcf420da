//! Uploads a file in blocks, in parallel; run again after a break, it goes on where it stopped. The first argument
//! is the business server (see `business_server.rs`), which applies for the upload.
//!
//! ```sh
//! cargo run --example upload_file -- http://127.0.0.1:8090 holiday.mov
//! ```

// A program at a terminal.
#![allow(clippy::print_stderr)]

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use md5::{Digest, Md5};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many blocks are under way at once.
const PARALLEL: usize = 4;

/// How often a request is tried before the program gives up: with the pauses below about five minutes.
const TRIES: u32 = 20;

/// The pauses between tries double from the first to the last of these.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(20));

/// How often a paused upload is looked at again.
const PAUSED: Duration = Duration::from_secs(2);

/// Separates the fields of a form; too long to occur in a file by chance.
const BOUNDARY: &str = "pannier-example-6f1c2b9e-8f0a-4a53-9d61-9f52a6d3b7c4";

/// An upload under way.
struct Upload {
    client: reqwest::Client,
    file: File,
    size: u64,
    /// Where blocks go, and where it is told which are missing. Whoever has these URLs may upload this file.
    upload_url: String,
    blocks_url: String,
    /// How large a block should be, as the server recommends.
    block_size: u64,
    arrived: AtomicU64,
}

/// Bytes of the file, from the first up to and without the last.
#[derive(Clone, Copy)]
struct Block {
    start: u64,
    end: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [business, path] = arguments.as_slice() else {
        eprintln!("upload_file BUSINESS_SERVER_URL FILE");
        return ExitCode::from(2);
    };
    tokio::select! {
        outcome = upload(business, Path::new(path)) => outcome.map_or_else(failed, |()| ExitCode::SUCCESS),
        // What has arrived is safe; requests under way just end.
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\ninterrupted; the same command goes on from here");
            ExitCode::from(130)
        }
    }
}

fn failed(failure: Failure) -> ExitCode {
    eprintln!("\n{failure}");
    ExitCode::FAILURE
}

async fn upload(business: &str, path: &Path) -> Result<(), Failure> {
    let upload = apply(business, path).await?;
    let mut before = None;
    loop {
        let missing = upload.missing().await?;
        let left: u64 = missing.iter().map(|block| block.end - block.start).sum();
        upload.arrived.store(upload.size - left, Ordering::Relaxed);
        upload.show();
        if missing.is_empty() {
            eprintln!("\neverything has arrived; the business server hears of it once it is verified");
            return Ok(());
        }
        if before.replace(left) == Some(left) {
            return Err("the server took every block and still asks for the same".into());
        }
        // Asked again after all were sent: only the server knows what it has.
        let blocks = stream::iter(missing.into_iter().map(Ok));
        blocks.try_for_each_concurrent(PARALLEL, |block| upload.send(block)).await?;
    }
}

/// Asks the business server for an upload. For the same file it is the same upload, as long as that lives.
async fn apply(business: &str, path: &Path) -> Result<Upload, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("the file has no name that is text")?;
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hasher = Md5::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .build()?;
    let wish = json!({ "fileName": name, "fileSize": size, "fileMd5": hex(&hasher.finalize()) });
    let url = format!("{}/apply", business.trim_end_matches('/'));
    let answer = client.post(url).header(CONTENT_TYPE, "application/json").body(wish.to_string()).send().await?;
    let (status, task): (_, Value) = (answer.status(), serde_json::from_slice(&answer.bytes().await?)?);
    let text = |name: &str| task[name].as_str().map(str::to_owned).ok_or_else(|| format!("{status}: {task}"));
    Ok(Upload {
        client,
        file,
        size,
        upload_url: text("uploadUrl")?,
        blocks_url: text("blocksUrl")?,
        block_size: task["blockSize"].as_u64().filter(|size| *size > 0).ok_or("the block size is missing")?,
        arrived: AtomicU64::new(0),
    })
}

impl Upload {
    /// What the server has not, cut into blocks.
    async fn missing(&self) -> Result<Vec<Block>, Failure> {
        let answer = self.ask(self.client.get(&self.blocks_url)).await?;
        if answer["retCode"] != "0" {
            return Err(format!("the upload cannot go on: {answer}").into());
        }
        let gaps = answer["data"]["expectBlocks"].as_array().ok_or("the answer lists no blocks")?;
        let blocks = gaps.iter().map(|gap| self.cut(gap)).collect::<Result<Vec<_>, _>>()?;
        Ok(blocks.concat())
    }

    /// A gap, whose last byte is meant with it, in blocks of the recommended size.
    fn cut(&self, gap: &Value) -> Result<Vec<Block>, Failure> {
        let (start, last) = (gap["startByte"].as_u64(), gap["endByte"].as_u64());
        let (Some(start), Some(last)) = (start, last.filter(|last| *last < self.size)) else {
            return Err(format!("not a gap of the file: {gap}").into());
        };
        let step = usize::try_from(self.block_size)?;
        let end = |start: u64| start.saturating_add(self.block_size).min(last + 1);
        Ok((start..=last).step_by(step).map(|start| Block { start, end: end(start) }).collect())
    }

    /// Sends a block until the server has it, or says that it never will.
    async fn send(&self, block: Block) -> Result<(), Failure> {
        let mut content = vec![0; usize::try_from(block.end - block.start)?];
        self.file.read_exact_at(&mut content, block.start)?;
        let form = Bytes::from(form(block, &content));
        let mut damaged = 0;
        loop {
            let request = self.client.post(&self.upload_url).body(form.clone());
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            let answer = self.ask(request.header(CONTENT_TYPE, kind)).await?;
            match answer["retCode"].as_str() {
                // 1: stored, and others are missing. They are asked for when this round is over.
                Some("0" | "1") => {
                    self.arrived.fetch_add(block.end - block.start, Ordering::Relaxed);
                    self.show();
                    return Ok(());
                }
                // Somebody has paused the upload, and will resume it.
                Some("4") => pause(PAUSED).await,
                // It was damaged on its way: once more.
                Some("7") if damaged < TRIES => damaged += 1,
                _ => return Err(format!("the upload cannot go on: {answer}").into()),
            }
        }
    }

    /// Sends a request, again and again while nothing or a passing failure comes back.
    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let mut why = String::new();
        for tries in 0..TRIES {
            let request = request.try_clone().ok_or("a request that can be sent once only")?;
            let answered = async {
                let response = request.send().await?;
                Ok::<_, reqwest::Error>((response.status(), response.bytes().await?))
            };
            match answered.await {
                // Codes 3 and 20 are among these; a proxy's 502 has no code at all.
                Ok((status, _)) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                    why = status.to_string();
                }
                Ok((status, body)) => {
                    return serde_json::from_slice(&body).map_err(|_| format!("{status}, and no JSON").into());
                }
                // Without the URL, which is a secret.
                Err(failure) => why = failure.without_url().to_string(),
            }
            pause(PAUSES.0.saturating_mul(1 << tries.min(10)).min(PAUSES.1)).await;
        }
        Err(format!("given up after {TRIES} tries: {why}; the same command goes on from here").into())
    }

    fn show(&self) {
        let arrived = self.arrived.load(Ordering::Relaxed).min(self.size);
        let percent = (arrived * 100).checked_div(self.size).unwrap_or(100);
        let filled = "#".repeat(usize::try_from(percent).unwrap_or(100) / 2);
        eprint!("\r[{filled:50}] {percent:3} %");
    }
}

/// The fields of a block; both ends are inclusive. The file comes last, so that the server knows what it is.
fn form(block: Block, content: &[u8]) -> Vec<u8> {
    let mut form = Vec::with_capacity(content.len() + 1024);
    let fields = [
        ("startByte", block.start.to_string()),
        ("endByte", (block.end - 1).to_string()),
        ("partMd5", hex(&Md5::digest(content))),
    ];
    for (name, value) in fields {
        let field = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        form.extend_from_slice(field.as_bytes());
    }
    let file =
        "Content-Disposition: form-data; name=\"file\"; filename=\"block\"\r\nContent-Type: application/octet-stream";
    form.extend_from_slice(format!("--{BOUNDARY}\r\n{file}\r\n\r\n").as_bytes());
    form.extend_from_slice(content);
    form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    form
}

// There is no condition to wait for: whether the server is back is known by asking it.
#[allow(clippy::disallowed_methods)]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
