//! The page of databases, without any script and, as far as it goes, without an engine.

use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Digest;
use shared::http::body;
use tests::client::Answer;
use tests::require;
use tests::stack::{Backend, Door, Settings, Stack};

/// The key of alice. It is shown again in forms alone.
const KEY: &str = "<key>\"&alice";

/// What is in the forms of her pages.
const HIDDEN: &str = "name=\"key\" value=\"&#60;key&#62;&#34;&#38;alice\"";

/// Where each way in, and each store, is tried.
const STACKS: [(Door, Backend); 5] = [
    (Door::Direct, Backend::Embedded),
    (Door::Program, Backend::Embedded),
    (Door::Program, Backend::Minio),
    (Door::Functions, Backend::Embedded),
    (Door::Functions, Backend::Minio),
];

fn document(engine: &str) -> String {
    format!(
        "[users.alice]\nkey_sha256 = \"{}\"\nmax_instances = 1\n[instances]\n{engine}\n",
        shared::hex(&sha2::Sha256::digest(KEY))
    )
}

/// As a browser sends it.
async fn send(stack: &Stack, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%20", "+");
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let text = pairs.join("&");
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("accept", "text/html").header("content-length", text.len());
    stack.send(request.body(body::full(text)).unwrap()).await
}

/// What the page complains of; nothing if it does not.
fn problem(page: &str) -> &str {
    let alert = page.split("id=\"problem\"").nth(1).unwrap_or_else(|| panic!("no place for problems in {page}"));
    let (attributes, words) = alert.split_once('>').unwrap();
    let words = words.split('<').next().unwrap();
    assert_eq!(attributes.contains(" hidden"), words.is_empty(), "{attributes}");
    words
}

#[tokio::test]
async fn a_key_lets_in_and_nothing_keeps_it() {
    for (door, backend) in STACKS {
        let text = document("engine = \"off\"");
        let settings = Settings { document: &text, ..Settings::default() };
        let Some(stack) = Stack::configured(door, backend, settings).await else { continue };
        knock(&stack).await;
        refuse(&stack).await;
    }
}

async fn knock(stack: &Stack) {
    for path in ["/instances", "/instances/"] {
        let answer = stack.get_with(path, &[("accept", "text/html")]).await;
        let page = answer.text();
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
        assert!(answer.header("content-security-policy").ends_with("; script-src 'self'"));
        assert!(
            page.contains("<div id=\"manage\" hidden>")
                && !page.contains("<form id=\"enter\" class=\"ask\" action=\"/instances\" method=\"post\" hidden"),
            "{page}"
        );
    }
    for (lang, words) in [("en", "not known here"), ("ru", "здесь не знают"), ("zh", "不认识")] {
        for key in ["", "user1", "alice", &"k".repeat(600)] {
            let answer = send(stack, &format!("/instances?lang={lang}"), &[("key", key), ("action", "list")]).await;
            let page = answer.text();
            assert_eq!((answer.status.as_u16(), answer.header("content-language")), (401, lang));
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert!(problem(&page).contains(words) && page.contains("name=\"key\" required"), "{page}");
            assert!(page.contains("<div id=\"manage\" hidden>"), "{page}");
            assert!(key.is_empty() || !page.contains(&format!("value=\"{key}\"")), "what was wrong is not shown again");
        }
    }
    let answer = send(stack, "/instances", &[("key", &format!(" {KEY} ")), ("action", "list")]).await;
    let page = answer.text();
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    assert!(!answer.headers.contains_key("set-cookie") && !answer.headers.contains_key("location"));
    assert!(page.contains("No databases yet") && problem(&page).is_empty(), "{page}");
    assert_eq!(page.matches(HIDDEN).count(), page.matches("<input type=\"hidden\" name=\"key\"").count());
    assert_eq!(page.matches("alice").count(), page.matches(HIDDEN).count(), "nowhere else");
}

async fn refuse(stack: &Stack) {
    let id = "0123456789ab";
    for (fields, status, words) in [
        (vec![("action", "redis"), ("memory", "63")], 400, ["from 64 to 4,096", "от 64 до 4\u{a0}096", "64 到 4,096"]),
        (vec![("action", "redis"), ("memory", "")], 400, ["from 64 to 4,096", "от 64 до 4\u{a0}096", "64 到 4,096"]),
        (
            vec![("action", "mysql"), ("charset", "latin1"), ("collation", "utf8mb4_bin")],
            400,
            ["does not belong", "не подходит", "不属于"],
        ),
        (vec![("action", "redis"), ("memory", "64"), ("ttl", "1")], 400, ["ttl must be a number of seconds"; 3]),
        (vec![("action", "redis"), ("memory", " 64 ")], 503, ["cannot be reached", "недоступны", "无法连接"]),
        (vec![("action", "mysql"), ("ttl", "3600")], 503, ["cannot be reached", "недоступны", "无法连接"]),
        (vec![("action", "delete"), ("id", id)], 404, ["no longer there", "больше нет", "不在了"]),
        (
            vec![("action", "restart"), ("id", "../x"), ("sure", "yes")],
            404,
            ["no longer there", "больше нет", "不在了"],
        ),
        (vec![("action", "rotate"), ("id", ""), ("sure", "yes")], 404, ["no longer there", "больше нет", "不在了"]),
    ] {
        for (lang, words) in ["en", "ru", "zh"].into_iter().zip(words) {
            let mut all = vec![("key", KEY)];
            all.extend(&fields);
            let answer = send(stack, &format!("/instances?lang={lang}"), &all).await;
            let page = answer.text();
            assert_eq!((answer.status.as_u16(), answer.header("content-language")), (status, lang), "{fields:?}");
            assert!(problem(&page).contains(words), "{fields:?}: {}", problem(&page));
            assert!(page.contains(HIDDEN), "the key is not asked for again");
            for (name, value) in &fields {
                match *name {
                    "memory" => assert!(page.contains(&format!("name=\"memory\" value=\"{value}\"")), "{page}"),
                    "charset" | "collation" => assert!(page.contains(&format!("<option selected>{value}<")), "{page}"),
                    _ => {}
                }
            }
        }
    }
    for prefix in ["instances/", "quota/", "ports/"] {
        assert_eq!(stack.keys(prefix).await, [""; 0], "nothing is kept of what was refused");
    }
    let large = send(stack, "/instances", &[("key", &"a".repeat(65 * 1024))]).await;
    assert_eq!((large.status.as_u16(), large.text().contains("<html")), (413, true));
}

/// What Docker cannot make is shown, with the reason, and can be deleted.
#[tokio::test]
async fn what_failed_says_why() {
    // Not the one that it asks for; but where it is, there is Docker.
    if !require::image("pannier-redis:7.0") {
        return;
    }
    let text = document("redis_image = \"pannier-none:1\"\nports = \"23200-23209\"");
    let settings = Settings { document: &text, ..Settings::default() };
    let Some(stack) = Stack::configured(Door::Program, Backend::Embedded, settings).await else { return };
    let wish = [("key", KEY), ("action", "redis"), ("memory", "64"), ("once", "a")];
    let answer = send(&stack, "/instances?lang=ru", &wish).await;
    let page = answer.text();
    let why = "The image pannier-none:1 cannot be had.";
    assert_eq!(answer.status, 500);
    assert!(problem(&page).ends_with(why) && page.contains("role=\"alert\" lang=\"en\""), "{page}");
    assert!(
        page.contains("data-state=\"failed\"")
            && page.contains("<span class=\"badge\" data-field=\"state\">Не получилось<")
    );
    assert!(page.contains(&format!("<p class=\"problem\" lang=\"en\" data-field=\"reason\">{why}</p>")), "{page}");
    // It had no address, and does not take the place of another one.
    let row = page.split("<ul id=\"instances\"").nth(1).unwrap().split("</ul>").next().unwrap();
    assert!(row.contains("<dl class=\"facts\" hidden>"), "{row}");
    assert!(row.contains("value=\"restart\" hidden") && row.contains("value=\"delete\">"), "{row}");
    let id = row.split("data-id=\"").nth(1).unwrap().split('"').next().unwrap();
    let other = send(&stack, "/instances", &[("key", KEY), ("action", "redis"), ("memory", "64"), ("once", "b")]).await;
    assert!(other.status == 500 && problem(&other.text()).ends_with(why), "{}", other.text());

    let delete = [("key", KEY), ("action", "delete"), ("id", id)];
    let asked = send(&stack, "/instances", &delete).await;
    assert_eq!((asked.status.as_u16(), asked.header("cache-control")), (200, "no-store"));
    assert!(asked.text().contains("Delete this database for good?") && asked.text().contains(&format!("Redis {id}")));
    assert_eq!(stack.keys("instances/").await.len(), 2, "asking deletes nothing");
    let gone = send(&stack, "/instances", &[&delete[..], &[("sure", "yes")]].concat()).await;
    assert_eq!((gone.status.as_u16(), gone.text().contains("The database was deleted.")), (200, true));
    assert!(stack.keys("instances/").await.len() == 1 && stack.keys("quota/").await.is_empty());
}
