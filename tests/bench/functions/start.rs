//! From the start of a process to its first request for an event.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use tests::client::PATIENCE;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::process::peak_memory;

/// The first thing that a function asks the Runtime API for.
const NEXT: &[u8] = b"GET /2018-06-01/runtime/invocation/next ";

/// One start.
pub(crate) struct Start {
    /// From before the fork to the request.
    pub(crate) milliseconds: f64,
    /// The most memory until then.
    pub(crate) megabytes: f64,
}

/// Starts a function that many times, one after another; after one start that brings it into memory.
pub(crate) async fn measure(binary: &Path, count: usize) -> Vec<Start> {
    start(binary).await;
    let mut starts = Vec::with_capacity(count);
    for _ in 0..count {
        starts.push(start(binary).await);
    }
    starts
}

async fn start(binary: &Path) -> Start {
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = Command::new(binary);
    command.env_clear().envs([
        ("AWS_LAMBDA_RUNTIME_API", api.local_addr().unwrap().to_string().as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench-secret"),
        ("BUCKET", "bench"),
        ("PANNIER_SECRET", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("INSTANCES_ENGINE", "aws"),
        // As the template has it.
        ("AWS_LC_SYS_NO_JITTER_ENTROPY", "1"),
    ]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
    let asked = tokio::time::timeout(PATIENCE, async {
        let (mut connection, _) = api.accept().await.unwrap();
        (first_bytes(&mut connection).await, connection)
    });
    // A function whose Runtime API is gone ends, and its memory with it.
    let (asked, _connection) = asked.await.unwrap_or_else(|_| panic!("{} asks for no event", binary.display()));
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    assert_eq!(asked, NEXT, "{}: {}", binary.display(), String::from_utf8_lossy(&asked));
    let megabytes = peak_memory(child.id().expect("it runs"));
    child.kill().await.unwrap();
    Start { milliseconds, megabytes }
}

/// As many bytes as the request line begins with.
async fn first_bytes(connection: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; NEXT.len()];
    connection.read_exact(&mut bytes).await.expect("a request");
    bytes
}
