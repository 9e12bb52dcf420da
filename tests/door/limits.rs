//! Bounds, panics and bodies that fail, and that the server outlives them.

use std::time::{Duration, Instant};

use super::fixture::{Ask, House};
use super::table::{BODY_LIMIT, SECRET};

#[tokio::test]
async fn a_body_up_to_the_limit_is_taken_declared_or_not() {
    let house = House::open().await;
    for length in [0, 1, BODY_LIMIT] {
        let answer = house.ask(&Ask::post("/plain/body").body(vec![b'x'; length])).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["length"]), (200, &length.into()));
    }
    let answer = house.ask(&Ask::post("/plain/body").chunks(&["01234567", "89abcdef"])).await;
    assert_eq!(answer.json()["length"], BODY_LIMIT);
    assert_eq!(house.ask(&Ask::post("/plain/body").chunks(&["01234567", "89abcdef", "!"])).await.status, 413);
}

#[tokio::test]
async fn a_declared_length_is_refused_before_a_byte_of_it_arrives() {
    let house = House::open().await;
    for length in ["17", "10000000000", "9223372036854775807"] {
        // The body never comes: an answer at all shows that nobody waited for it.
        let head = format!("POST /ret/body HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        let answer = house.raw(head.as_bytes(), |read| read.contains("\"retCode\"")).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}

#[tokio::test]
async fn a_refused_upload_is_not_asked_to_continue() {
    let house = House::open().await;
    let head = "POST /msg/body HTTP/1.1\r\nhost: a\r\ncontent-length: 17\r\nexpect: 100-continue\r\n\r\n";
    // Read until the server closes: it could not tell the body, should it come, from the next request.
    let answer = house.raw(head.as_bytes(), |_| false).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && !answer.contains("100 Continue"), "{answer}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_the_callers_fault() {
    let house = House::open().await;
    let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(b"POST /plain/body HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n0123").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    // The server may just as well close without a word; what it may not do is take four bytes for ten.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(house.ask(&Ask::get("/plain/ok")).await.status, 200);
}

#[tokio::test]
async fn a_slow_handler_is_given_up_in_its_time() {
    let house = House::open().await;
    let started = Instant::now();
    assert_eq!(house.wire(&Ask::get("/code/slow")).await.json()["code"], 504);
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_panic_fails_one_request_and_not_its_connection() {
    let house = House::open().await;
    for path in ["/plain/panic", "/plain/panic-early"] {
        let two = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\nGET /plain/ok HTTP/1.1\r\nhost: a\r\n\r\n");
        let answers = house.raw(two.as_bytes(), |read| read.contains("{\"a\":1}")).await;
        assert!(answers.starts_with("HTTP/1.1 500 ") && answers.contains("HTTP/1.1 200 "), "{answers}");
        assert!(!answers.contains(SECRET), "{answers}");
    }
}

#[tokio::test]
async fn a_body_that_fails_breaks_the_transfer() {
    let house = House::open().await;
    for path in ["/broken", "/broken-sized", "/short"] {
        let answer = house.wire(&Ask::get(path)).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, None), "{path} looks whole");
    }
    // On the wire: what was made arrives, the last chunk does not, and no text of the error either.
    let request = b"GET /broken HTTP/1.1\r\nhost: a\r\n\r\n";
    let sent = house.raw(request, |_| false).await;
    assert!(sent.contains("transfer-encoding: chunked") && !sent.contains("0\r\n\r\n"), "{sent}");
    assert!(!sent.contains(SECRET), "{sent}");
    assert_eq!(house.ask(&Ask::get("/streamed")).await.text(), "abcd");
}
