//! A client that costs as little as one can: raw reads, the bytes thrown away.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Bytes read at once.
const READ: usize = 256 * 1024;

/// The most bytes of a response's head.
const HEAD_LIMIT: usize = 64 * 1024;

/// How a download went.
pub(crate) struct Download {
    /// From the connection being there to the first byte of the body.
    pub(crate) first_byte: Duration,
    /// Bytes of the body.
    pub(crate) bytes: u64,
    /// Whether ranges are offered: every CRC-32 is known.
    pub(crate) ranges: bool,
}

/// Downloads over a connection of its own, to the end.
///
/// # Panics
/// If the answer is another than 200, or not whole.
pub(crate) async fn download(address: &str, path: &str) -> Download {
    let (address, path) = (address.to_owned(), path.to_owned());
    tokio::task::spawn_blocking(move || blocking(&address, &path)).await.expect("a download ends")
}

fn blocking(address: &str, path: &str) -> Download {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_nodelay(true).expect("a socket");
    let started = Instant::now();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("a request is sent");
    let mut buffer = vec![0; READ];
    let (head, mut tail) = read_head(&mut stream, &mut buffer);
    assert!(head.split(' ').nth(1) == Some("200"), "{path}: {head}");
    let length = header(&head, "content-length").map(|length| length.parse::<u64>().expect("a length"));
    let mut bytes = tail.len() as u64;
    let mut first_byte = (bytes > 0).then(|| started.elapsed());
    while length != Some(bytes) {
        let read = stream.read(&mut buffer).expect("the body comes");
        if read == 0 {
            break;
        }
        first_byte.get_or_insert_with(|| started.elapsed());
        bytes += read as u64;
        tail.extend_from_slice(&buffer[read.saturating_sub(5)..read]);
        tail.drain(..tail.len().saturating_sub(5));
    }
    // Without a length the body is in chunks, and the last one is empty.
    let whole = length.map_or_else(|| tail.ends_with(b"0\r\n\r\n"), |length| length == bytes);
    assert!(whole, "{path} broke off after {bytes} bytes");
    Download {
        first_byte: first_byte.expect("a body is not empty"),
        bytes,
        ranges: header(&head, "accept-ranges") == Some("bytes"),
    }
}

/// The head as text, and what came of the body with it.
fn read_head(stream: &mut TcpStream, buffer: &mut [u8]) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let read = stream.read(buffer).expect("an answer comes");
        assert!(read > 0 && bytes.len() < HEAD_LIMIT, "no head of an answer");
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return (String::from_utf8_lossy(&bytes).into_owned(), body);
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
