//! What every response carries, HEAD, CORS, API keys.

use std::sync::atomic::Ordering;

use http::Method;
use sha2::{Digest as _, Sha256};
use shared::app::App;
use shared::config::{Digest, User};
use shared::http::X_REQUEST_ID;

use super::fixture::{Ask, House, NO_HOST, config};
use super::table::{DIALECTS, POLLED, TABLE};

/// One request for each way an answer comes about.
fn one_of_each() -> Vec<Ask> {
    let paths = ["ok", "nothing", "fail/internal", "store", "key", "slow", "panic", "nowhere"];
    let jobs = DIALECTS.iter().flat_map(|(_, root)| paths.map(|path| format!("{root}/{path}")));
    let gets = jobs.chain(["/html", "/known", "/streamed"].map(str::to_owned));
    gets.flat_map(|path| {
        [
            Ask::get(&path),
            Ask::browse(&path),
            Ask::new(Method::HEAD, &path),
            Ask::post(&path),
            Ask::new(Method::OPTIONS, &path),
        ]
    })
    .collect()
}

#[tokio::test]
async fn every_response_is_identified_and_not_sniffed() {
    let house = House::open().await;
    for ask in one_of_each() {
        let answer = house.ask(&ask).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.id(), super::fixture::ID);
        assert_eq!(answer.headers.get_all(X_REQUEST_ID).iter().count(), 1);
    }
}

#[tokio::test]
async fn html_runs_no_script_and_loads_nothing_from_elsewhere() {
    let house = House::open().await;
    for ask in one_of_each() {
        let answer = house.direct(&ask).await;
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src") && !policy.contains("http"), "{policy}");
        let page = answer.text();
        for forbidden in ["<script", " onclick", " onload", " style=", "javascript:", "http://", "https://"] {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
        // The policy's hash is that of the style the page really has.
        if let Some((_, rest)) = page.split_once("<style>") {
            use base64::Engine as _;
            let style = rest.split("</style>").next().unwrap();
            let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style));
            assert!(policy.contains(&format!("'sha256-{hash}'")));
        }
    }
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let house = House::open().await;
    let longest = "x".repeat(128);
    for sane in [
        "a",
        "0193a7d2-7c1e-7000-8000-000000000000",
        "Root=1-67891233-abcdef012345678912345678",
        "a.b:c/d+e_f",
        &longest,
    ] {
        assert_eq!(house.ask(&Ask::get("/plain/ok").header("x-request-id", sane)).await.id(), sane);
    }
    let too_long = [b'x'; 129];
    let insane: [&[u8]; 8] = [b"", b"a b", b"a\tb", b"<script>", b"a\"b", "h\u{e9}".as_bytes(), b"\xff", &too_long];
    for id in insane {
        let ask = Ask::get("/plain/fail/invalid").header_bytes("x-request-id", id);
        let (direct, wire) = (house.direct(&ask).await, house.wire(&ask).await);
        for answer in [&direct, &wire] {
            assert!(
                answer.id().len() >= 22 && answer.id().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            );
            assert_eq!(answer.json()["request_id"], answer.id(), "the caller can quote it from either place");
        }
        assert_ne!(direct.id(), wire.id());
    }
    let unnamed = Ask::get("/plain/ok").without(&X_REQUEST_ID);
    assert_ne!(house.wire(&unnamed).await.id(), house.wire(&unnamed).await.id());
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let house = House::open().await;
    for path in ["/plain/ok", "/msg/fail/gone", "/code/nowhere", "/ret/store", "/html", "/known", "/streamed", "/short"]
    {
        let get = house.direct(&Ask::get(path)).await;
        let head = house.ask(&Ask::new(Method::HEAD, path)).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text(), "", "{path}");
        assert_eq!(head.headers.len(), get.headers.len() + usize::from(head.headers.contains_key("date")), "{path}");
        for (name, value) in &get.headers {
            assert_eq!(head.headers.get(name), Some(value), "{path} {name}");
        }
    }
    assert_eq!(house.ask(&Ask::new(Method::HEAD, "/known")).await.header("content-length"), "10");
}

#[tokio::test]
async fn head_never_asks_a_stream_for_a_byte() {
    let house = House::open().await;
    let answer = house.ask(&Ask::new(Method::HEAD, "/watched")).await;
    assert_eq!((answer.header("content-length"), answer.header("content-type")), ("10", "text/plain"));
    assert!(!POLLED.load(Ordering::SeqCst));
    assert_eq!(house.ask(&Ask::get("/watched")).await.text(), "0123456789");
    assert!(POLLED.load(Ordering::SeqCst), "the flag works");
}

#[tokio::test]
async fn another_method_is_told_which_ones_the_path_takes() {
    let house = House::open().await;
    let paths = [
        ("/plain/ok", Method::DELETE, "GET, HEAD, OPTIONS"),
        ("/plain/body", Method::GET, "POST, OPTIONS"),
        ("/ret/fail/gone", Method::POST, "GET, HEAD, PUT, OPTIONS"),
        // Three endpoints share it; no method is named twice.
        ("/many/1", Method::POST, "GET, HEAD, PATCH, DELETE, PUT, OPTIONS"),
        ("/plain/ok", Method::from_bytes(b"BREW").unwrap(), "GET, HEAD, OPTIONS"),
        ("/plain/ok", Method::TRACE, "GET, HEAD, OPTIONS"),
    ];
    for (path, method, allow) in paths {
        let answer = house.ask(&Ask::new(method, path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow), "{path}");
        let options = house.ask(&Ask::new(Method::OPTIONS, path)).await;
        assert_eq!((options.status.as_u16(), options.header("allow")), (204, allow), "{path}");
    }
    assert_eq!(house.ask(&Ask::new(Method::OPTIONS, "/nowhere")).await.status, 404);
}

#[tokio::test]
async fn by_default_any_origin_may_read() {
    let house = House::open().await;
    let answer = house.ask(&Ask::get("/plain/ok").header("origin", "https://a.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    assert_eq!(house.ask(&Ask::get("/plain/ok")).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn configured_origins_may_read_and_no_other() {
    let mut config = config();
    config.cors_origins = vec!["https://a.example".to_owned(), "http://localhost:3000".to_owned()];
    let house = House::with(App::new(config), &TABLE).await;
    // An error is as readable as a success: a script must learn why.
    for path in ["/plain/ok", "/msg/nowhere", "/code/key", "/streamed"] {
        let allowed = house.ask(&Ask::get(path).header("origin", "http://localhost:3000")).await;
        assert_eq!(allowed.header("access-control-allow-origin"), "http://localhost:3000");
        assert!(allowed.header("access-control-expose-headers").contains("X-Request-Id"));
        for origin in ["https://b.example", "https://a.example.evil.test", "http://a.example", "null", "*"] {
            let other = house.ask(&Ask::get(path).header("origin", origin)).await;
            assert_eq!(other.header("access-control-allow-origin"), "", "{origin}");
            assert_eq!(other.status, allowed.status, "CORS is the browser's to enforce");
        }
        for answer in [&allowed, &house.ask(&Ask::get(path)).await] {
            let vary = answer.headers.get_all("vary").iter().any(|value| value == "origin");
            assert!(vary, "a cache must not give one origin's answer to another");
        }
    }
}

#[tokio::test]
async fn a_preflight_is_answered_before_any_permission_is_asked() {
    let mut config = config();
    config.cors_origins = vec!["https://a.example".to_owned()];
    let house = House::with(App::new(config), &TABLE).await;
    let preflight = |origin: &str| {
        Ask::new(Method::OPTIONS, "/code/key")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization, x-request-id")
    };
    let answer = house.ask(&preflight("https://a.example")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    assert_eq!(answer.header("access-control-allow-headers"), "authorization, x-request-id");
    assert!(answer.header("access-control-max-age").parse::<u32>().is_ok());
    let other = house.ask(&preflight("https://b.example")).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn an_api_key_is_taken_raw_or_as_a_bearer() {
    let mut settings = config();
    let user = User { key_sha256: Digest(Sha256::digest("k-alice").into()), max_instances: 5 };
    settings.users.insert("alice".to_owned(), user);
    let mut demo = settings.clone();
    demo.demo_users = true;
    let (house, demo) = (House::with(App::new(settings), &TABLE).await, House::with(App::new(demo), &TABLE).await);
    let with = |key: &str| Ask::get("/code/key").header("authorization", key);
    for key in ["k-alice", "Bearer k-alice", "bearer k-alice", "BEARER  k-alice "] {
        for house in [&house, &demo] {
            let answer = house.ask(&with(key)).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["data"]["caller"]), (200, &"alice".into()), "{key}");
        }
    }
    let long = "k".repeat(10_000);
    for key in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "k-alic",
        "k-alice2",
        "K-ALICE",
        "alice",
        "Basic k-alice",
        "Bearer Bearer k-alice",
        &long,
    ] {
        let answer = house.ask(&with(key)).await;
        assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Bearer"), "{key}");
    }
    let not_text = Ask::get("/code/key").header_bytes("authorization", b"Bearer \xff");
    let missing = Ask::get("/code/key");
    let (not_text, missing) = (house.ask(&not_text).await, house.ask(&missing).await);
    assert_eq!((not_text.status.as_u16(), missing.status.as_u16()), (401, 401));
    assert_eq!(not_text.body, missing.body, "the answer does not tell a wrong key from a missing one");
    for user in ["user1", "user2", "user3", "Bearer user1"] {
        assert_eq!(house.ask(&with(user)).await.status, 401, "{user} is for demonstrations only");
        assert_eq!(demo.ask(&with(user)).await.json()["data"]["caller"], user.trim_start_matches("Bearer "));
    }
    assert_eq!(demo.ask(&with("user4")).await.status, 401);
}

#[tokio::test]
async fn links_start_with_what_the_caller_sees_or_what_is_configured() {
    let house = House::open().await;
    let base = async |ask: Ask| house.ask(&ask).await.json();
    assert_eq!(base(Ask::get("/base")).await, "http://pannier.test");
    let proxied =
        Ask::get("/base").header("x-forwarded-proto", "https").header("x-forwarded-host", "files.example:8443");
    assert_eq!(base(proxied).await, "https://files.example:8443");
    for host in ["a/b", "a b", "\"><script>", "user@host", "", &"h".repeat(256)] {
        assert_eq!(base(Ask::get("/base").header("x-forwarded-host", host)).await, "http://localhost", "{host}");
    }
    assert_eq!(house.direct(&Ask::get("/base").without(&NO_HOST)).await.json(), "http://localhost");
    let mut config = config();
    config.public_url = Some("https://cdn.example/files/".to_owned());
    let house = House::with(App::new(config), &TABLE).await;
    assert_eq!(house.ask(&Ask::get("/base").header("host", "evil.test")).await.json(), "https://cdn.example/files");
}
