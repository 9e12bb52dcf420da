//! The language of a page, and that nothing a caller sends is taken for markup.

use http::Method;
use shared::app::App;
use shared::endpoints::ALL;

use crate::door::fixture::{Answer, Ask, House, config};

/// Pages that need no store.
const PAGES: [&str; 7] = ["/", "/upload", "/files", "/archives", "/instances", "/terms.html", "/docs"];

const EVIL: &str = "\"><script>alert(1)</script>";

async fn house() -> House {
    House::with(App::new(config()), ALL).await
}

/// Holds a page to a language: in its first tag, in its header, and to caches.
fn speaks(page: &Answer, tag: &str, of: &str) {
    assert!(page.text().contains(&format!("<html lang=\"{tag}\">")), "{of}");
    assert_eq!(page.header("content-language"), tag, "{of}");
    let vary = page.header("vary").to_lowercase();
    assert!(vary.contains("accept-language") && vary.contains("cookie"), "{of}: {vary}");
}

#[tokio::test]
async fn a_page_is_in_the_language_of_its_reader() {
    let house = house().await;
    for path in PAGES {
        for (accept, cookie, tag) in [
            ("ru-RU,ru;q=0.9,en;q=0.8", "", "ru"),
            ("fr, zh;q=0.1", "", "zh"),
            ("ru", "a=1; lang=zh", "zh"),
            ("ru", "lang=tlh", "ru"),
            ("*", "", "en"),
            ("", "", "en"),
        ] {
            let ask = Ask::browse(path).header("accept-language", accept).header("cookie", cookie);
            let page = house.ask(&ask).await;
            speaks(&page, tag, path);
            assert!(!page.headers.contains_key("set-cookie"), "nothing was chosen");
            assert!(!page.text().contains("{{") && !page.text().contains("{%"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_choice_is_remembered_and_shown_at_once() {
    let house = house().await;
    for path in PAGES {
        let page = house.ask(&Ask::browse(format!("{path}?lang=ru")).header("cookie", "lang=zh")).await;
        speaks(&page, "ru", path);
        assert_eq!(page.header("set-cookie"), "lang=ru; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
    }
    let page = house.ask(&Ask::browse("/archives?hash=%21&lang=ru&x=%22")).await;
    assert_eq!(page.status, 400);
    assert!(page.text().contains("href=\"?hash=%21&#38;x=%22&#38;lang=zh\""), "the rest of the query stays");
}

#[tokio::test]
async fn errors_are_pages_in_the_language_too() {
    let house = house().await;
    for (tag, title, home) in
        [("en", "Not found", "Home"), ("ru", "Здесь ничего нет", "На главную"), ("zh", "这里什么也没有", "首页")]
    {
        let page = house.ask(&Ask::browse(format!("/nowhere?lang={tag}"))).await;
        assert_eq!(page.status, 404);
        speaks(&page, tag, "404");
        assert!(page.text().contains(title) && page.text().contains(&format!("<a href=\"/\">{home}</a>")), "{tag}");
    }
    // The gallery needs the store, which is not there yet.
    let page = house.ask(&Ask::browse("/images/").header("cookie", "lang=ru")).await;
    assert_eq!((page.status.as_u16(), page.is_page()), (503, true));
    speaks(&page, "ru", "503");
}

#[tokio::test]
async fn a_form_in_a_browser_gets_a_page_whatever_happens() {
    let house = house().await;
    let form = Ask::new(Method::POST, "/upload").header("accept", "text/html").body("x");
    let refused = house.ask(&form.clone().header("sec-fetch-mode", "navigate")).await;
    assert_eq!((refused.status.as_u16(), refused.is_page()), (503, true));
    let script = house.ask(&form.header("sec-fetch-mode", "cors").header("accept", "application/json")).await;
    assert_eq!(script.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn what_a_caller_sends_is_never_markup() {
    let house = house().await;
    let encoded = EVIL.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let mut asks: Vec<Ask> =
        PAGES.iter().map(|path| Ask::browse(format!("{path}?x={encoded}&lang={encoded}"))).collect();
    asks.push(Ask::browse(format!("/archives?hash={encoded}")));
    asks.push(Ask::browse(format!("/{encoded}")));
    asks.push(Ask::browse(format!("/archive/{encoded}/")));
    asks.push(Ask::browse(format!("/images/?cursor={encoded}")));
    asks.push(Ask::browse("/files").header("host", EVIL).header("x-forwarded-host", EVIL).header("cookie", EVIL));
    asks.push(Ask::browse("/x").header("x-request-id", EVIL).header("accept-language", EVIL));
    for ask in asks {
        let page = house.direct(&ask).await;
        let text = page.text();
        assert!(page.is_page(), "{text}");
        assert!(!text.contains("<script>"), "{text}");
    }
    // What is shown again is what was sent.
    let page = house.ask(&Ask::browse(format!("/archives?hash={encoded}"))).await.text();
    assert!(page.contains("value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;\""), "{page}");
}
