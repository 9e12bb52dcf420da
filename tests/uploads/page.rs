//! The page `/files` and what it loads.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use shared::app::App;
use shared::endpoints::ALL;
use tests::stack::Stack;
use tests::{contract, require};

use crate::door::fixture::{Ask, House, config};

const SCRIPTS: &str = "script-src 'self'";

/// The values of an attribute, wherever the page has it.
fn attributes(page: &str, name: &str) -> Vec<String> {
    let before = format!(" {name}=\"");
    let parts = page.split(&before).skip(1);
    parts.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

contract! {
    async fn the_page_runs_only_scripts_of_its_own(stack: &Stack) {
        let page = stack.get("/files").await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.ends_with(SCRIPTS), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let text = page.text();
        for forbidden in [" style=", " onclick", " onchange", "javascript:", "<script>", "{{", "{%"] {
            assert!(!text.contains(forbidden), "{forbidden}");
        }
        let scripts = attributes(&text, "src");
        assert_eq!(scripts.len(), 2);
        assert_eq!(text.matches("<script").count(), 2);
        for script in scripts {
            let answer = stack.get(&script).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/javascript; charset=utf-8"));
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
        let license = attributes(&text, "href").into_iter().find(|link| link.contains("LICENSE")).unwrap();
        assert!(stack.get(&license).await.text().contains("The MIT License"));
        let icon = attributes(&text, "href").into_iter().find(|link| link.contains(".svg")).unwrap();
        assert_eq!(stack.get(&icon).await.header("content-type"), "image/svg+xml");
        assert_eq!(stack.head("/files").await.header("content-type"), "text/html; charset=utf-8");
    }

    async fn files_are_revalidated_and_sent_in_parts(stack: &Stack) {
        let whole = stack.get("/static/tus.min.js").await;
        let etag = whole.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() == 18, "{etag}");
        assert_eq!((whole.header("cache-control"), whole.header("accept-ranges")), ("no-cache", "bytes"));
        assert!(!whole.headers.contains_key("last-modified"), "nobody knows the date");
        let digest = Sha256::digest(&whole.body);
        let version: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(etag, format!("\"{version}\""));

        let same = stack.get_with("/static/tus.min.js", &[("if-none-match", &etag)]).await;
        assert_eq!((same.status.as_u16(), same.body.len(), same.header("etag")), (304, 0, &*etag));
        let other = stack.get_with("/static/tus.min.js", &[("if-none-match", "\"other\"")]).await;
        assert_eq!((other.status.as_u16(), other.body == whole.body), (200, true));
        let part = stack.get_with("/static/tus.min.js", &[("range", "bytes=10-19")]).await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole.body[10..20]));
        let past = stack.get_with("/static/tus.min.js", &[("range", "bytes=9999999-")]).await;
        assert_eq!(past.status, 416);

        let old = stack.get("/static/tus.min.js?v=0000000000000000").await;
        assert_eq!((old.status.as_u16(), old.header("cache-control")), (200, "no-cache"), "never kept as another version");
    }

    async fn nothing_else_is_served(stack: &Stack) {
        for path in ["/static/none.js", "/static/", "/static/..%2Ffiles.rs", "/static/files.html"] {
            let answer = stack.get(path).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "application/problem+json"), "{path}");
        }
    }
}

#[tokio::test]
async fn pages_without_scripts_allow_none() {
    let house = House::with(App::new(config()), ALL).await;
    for path in ["/docs", "/nowhere"] {
        let policy = house.ask(&Ask::browse(path)).await.header("content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn a_chunk_fits_into_a_request() {
    const MIB: u64 = 1 << 20;
    let cases = [(None, 8 * MIB), (Some(4_500_000), 4 * MIB), (Some(MIB), MIB), (Some(1 << 40), 8 * MIB)];
    for (limit, chunk) in cases {
        let mut config = config();
        config.request_limit = limit;
        let page = House::with(App::new(config), ALL).await.ask(&Ask::browse("/files")).await.text();
        assert_eq!(attributes(&page, "data-chunk"), [chunk.to_string()], "{limit:?}");
    }
}

#[tokio::test]
async fn the_command_for_those_without_scripts_names_this_host() {
    let page = House::with(App::new(config()), ALL).await.ask(&Ask::browse("/files")).await.text();
    assert!(page.contains("-X POST http://pannier.test/files/ "), "{page}");
}

/// What the script looks for is in the page, and each text of the page is used.
#[tokio::test]
async fn script_and_page_fit_together() {
    let page = House::with(App::new(config()), ALL).await.ask(&Ask::browse("/files")).await.text();
    let script = include_str!("../../shared/src/pages/assets/files.js");
    for id in script.split("getElementById(\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{id}\"")), "#{id}");
    }
    let texts: BTreeSet<String> = attributes(&page, "data-text").into_iter().collect();
    assert!(texts.len() > 5);
    for text in &texts {
        assert!(script.contains(&format!("\"{text}\"")) || script.contains(&format!("{text}: [")), "{text}");
    }
    let entered = script.split("enter(row, \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for state in entered {
        assert!(texts.contains(state), "{state} has a text");
    }
}

/// Unmodified, and the version that the tests upload with.
#[test]
fn the_client_is_the_published_one() {
    let published = require::cache().join("node/node_modules/tus-js-client/dist/tus.min.js");
    let Ok(published) = std::fs::read(published) else { return require::missing("tus-js-client") };
    assert!(published == include_bytes!("../../shared/src/pages/assets/tus.min.js"));
}
