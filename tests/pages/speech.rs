//! The page of speech, without any script: a text is sent, waited for and listened to.

use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use shared::http::body;
use shared::speech::RENDER_SPEECH;
use tests::client::Answer;
use tests::contract;
use tests::stack::{Backend, Door, Settings, Stack};

const BROWSER: [(&str, &str); 1] = [("accept", "text/html")];

const EVIL: &str = "\"><script>alert(1)</script>&amp;%00/?#";

/// As a browser sends it.
async fn send(stack: &Stack, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%20", "+");
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let text = pairs.join("&");
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("accept", "text/html").header("content-length", text.len());
    stack.send(request.body(body::full(text)).unwrap()).await
}

/// Sends what is accepted; where it leads.
async fn accepted(stack: &Stack, fields: &[(&str, &str)]) -> String {
    let answer = send(stack, "/speech", fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let href = answer.header("location").to_owned();
    assert!(href.starts_with("/speech?route="), "{href}");
    href
}

async fn page(stack: &Stack, path: &str) -> String {
    let answer = stack.get_with(path, &BROWSER).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
    answer.text()
}

/// Looks at a route as a browser without scripts does, until there is something to listen to.
async fn finished(stack: &Stack, href: &str) -> String {
    loop {
        let page = page(stack, href).await;
        let (waits, refreshes) = (row(&page, 0).contains("\"PROCESSING\""), page.contains("http-equiv=\"refresh\""));
        assert_eq!(waits, refreshes, "it looks again as long as there is something to wait for: {page}");
        assert_eq!(page.contains("looks again every few seconds"), waits);
        if !waits {
            return page;
        }
        stack.work(&RENDER_SPEECH).await;
    }
}

/// A row of the list.
fn row(page: &str, at: usize) -> &str {
    page.split("<li data-state=")
        .nth(at + 1)
        .unwrap_or_else(|| panic!("row {at} in {page}"))
        .split("</li>")
        .next()
        .unwrap()
}

fn rows(page: &str) -> usize {
    page.matches("<li data-state=").count()
}

/// What follows `start`, up to a quote.
fn after<'a>(text: &'a str, start: &str) -> &'a str {
    let at = text.find(start).unwrap_or_else(|| panic!("{start} in {text}"));
    text[at + start.len()..].split('"').next().unwrap()
}

contract! {
    async fn a_text_is_read_out_without_a_script(stack: &Stack) {
        let answer = stack.get_with("/speech", &BROWSER).await;
        assert!(answer.header("content-security-policy").contains("; media-src 'self'"));
        let text = answer.text();
        assert!(text.contains("Nothing yet.") && text.contains("At most 5,000 characters."), "{text}");
        assert_eq!((rows(&text), text.contains("aria-current=\"true\" lang=\"en\"")), (0, false));

        let href = accepted(stack, &[("text", "Turn left.\r\nThen right."), ("name", " tour 7 "), ("language", "")]).await;
        assert_eq!(href, "/speech?route=tour%207");
        let page = finished(stack, &href).await;
        let first = row(&page, 0);
        assert!(first.contains("aria-current=\"true\"") && first.contains(">tour 7</a>"), "{first}");
        assert!(first.contains("English") && first.contains(">Ready<"), "{first}");
        let link = after(first, "<audio controls preload=\"none\" src=\"");
        assert!(first.contains(&format!("href=\"{link}\" download")), "{first}");
        assert!(after(first, "data-copy=\"").ends_with(link) && after(first, "data-copy=\"").starts_with("http"));
        let track = stack.get(link).await;
        assert_eq!((track.status.as_u16(), track.header("content-type")), (200, "audio/mpeg"));

        // It is the route that programs know, with the same text.
        let document = json!({ "route_id": "tour 7", "route_text": "Turn left.\nThen right." }).to_string();
        let request = Request::post("/string_to_audio").body(body::full(document)).unwrap();
        assert_eq!(stack.send(request).await.json(), json!({ "msg": "ALREADY_DONE" }));
        let listed = stack.get("/api/speech").await.json();
        assert_eq!((&listed["routes"][0]["link"], listed["routes"].as_array().unwrap().len()), (&json!(link), 1));
    }

    async fn ssml_is_sent_by_the_same_form(stack: &Stack) {
        let text = "<p>Turn <emphasis>left</emphasis>.</p>";
        accepted(stack, &[("text", text), ("name", "a"), ("language", "en"), ("ssml", "on")]).await;
        let document = json!({ "route_id": "a", "route_text": text, "lang": "en" }).to_string();
        let request = Request::post("/route_to_audio").body(body::full(document)).unwrap();
        let msg = stack.send(request).await.json()["msg"].clone();
        assert!(msg == "ALREADY_HAVE_TASK" || msg == "ALREADY_DONE", "{msg}");
    }

    async fn a_name_is_made_up_where_there_is_none(stack: &Stack) {
        let hrefs = [accepted(stack, &[("text", "One.")]).await, accepted(stack, &[("text", "One."), ("name", "  ")]).await];
        assert_ne!(hrefs[0], hrefs[1]);
        let listed = page(stack, "/speech/").await;
        assert_eq!(rows(&listed), 2);
        // The one that is asked for is first, and there once.
        let asked = page(stack, &hrefs[0]).await;
        assert_eq!((rows(&asked), row(&asked, 0).contains("aria-current"), row(&asked, 1).contains("aria-current")), (2, true, false));
        assert!(row(&asked, 0).contains(&hrefs[0]) && row(&asked, 1).contains(&hrefs[1]), "{asked}");
    }

    async fn names_are_never_markup(stack: &Stack) {
        for name in [EVIL, "/", "..", "a\u{0}b", "\u{1f600} я", &"é".repeat(256)] {
            let href = accepted(stack, &[("text", "One."), ("name", name)]).await;
            let asked = finished(stack, &href).await;
            assert!(row(&asked, 0).contains(&format!("href=\"{href}\"")), "{asked}");
            assert!(!asked.contains("<script>") && !page(stack, "/speech").await.contains("<script>"), "{asked}");
        }
        assert_eq!(rows(&page(stack, "/speech").await), 6);
    }

    async fn what_is_refused_stays_in_the_form(stack: &Stack) {
        let long = "a".repeat(5001);
        for (fields, field, words) in [
            (vec![("text", " \u{1f600} "), ("name", "<n>")], "text", ["nothing to read out", "нет ни букв", "既没有字母"]),
            (vec![("text", "a\u{0}b")], "text", ["control characters", "управляющие символы", "控制字符"]),
            (vec![("text", "<p>open"), ("ssml", "on")], "text", ["not well-formed", "составлен с ошибкой", "格式不正确"]),
            (vec![("text", &*long)], "text", ["at most 5,000", "не более 5\u{a0}000", "最多 5,000"]),
            (vec![("text", "One."), ("language", "?")], "language", ["No voice", "Голоса", "没有该语言"]),
            (vec![("text", "One."), ("name", &long[..257])], "name", ["at most 256", "не более 256", "最多 256"]),
            (vec![], "text", ["nothing to read out", "нет ни букв", "既没有字母"]),
        ] {
            for (lang, words) in ["en", "ru", "zh"].into_iter().zip(words) {
                let answer = send(stack, &format!("/speech?lang={lang}"), &fields).await;
                let text = answer.text();
                assert_eq!((answer.status.as_u16(), answer.header("content-language")), (400, lang), "{fields:?}");
                let problem = text.split("role=\"alert\">").nth(1).unwrap_or_default().split('<').next().unwrap();
                assert!(problem.contains(words), "{fields:?}: {problem}");
                let invalid = text.split(" aria-invalid=\"true\"").next().unwrap().rsplit(" id=\"").next().unwrap();
                assert!(invalid.starts_with(&format!("{field}\"")), "{fields:?}: {invalid}");
                for (name, value) in &fields {
                    let value = value.replace('<', "&#60;").replace('>', "&#62;");
                    let kept = match *name {
                        "text" => format!(">\n{value}</textarea>"),
                        "name" => format!("value=\"{value}\""),
                        "ssml" => "name=\"ssml\" checked".to_owned(),
                        _ => continue,
                    };
                    assert!(text.contains(&kept), "{kept} in {text}");
                }
            }
        }
        assert!(stack.keys("speech/").await.is_empty(), "nothing is kept of what was refused");
        let large = "a".repeat((1 << 20) + 1);
        let answer = send(stack, "/speech", &[("text", &large)]).await;
        assert_eq!((answer.status.as_u16(), answer.text().contains("<html")), (413, true));
    }

    async fn the_list_is_turned_over(stack: &Stack) {
        for at in 0..25 {
            accepted(stack, &[("text", "The same for all."), ("name", &at.to_string())]).await;
        }
        let first = page(stack, "/speech").await;
        assert_eq!((rows(&first), row(&first, 0).contains(">24</a>")), (24, true), "the newest first");
        assert!(!first.contains("Back to the newest"));
        let second = page(stack, &format!("/speech?cursor={}", after(&first, "href=\"/speech?cursor="))).await;
        assert_eq!((rows(&second), row(&second, 0).contains(">0</a>")), (1, true));
        assert!(second.contains("<a class=\"button\" href=\"/speech\">") && !second.contains("rel=\"next\""));
        let wrong = stack.get_with("/speech?cursor=x", &BROWSER).await;
        assert_eq!((wrong.status.as_u16(), wrong.text().contains("<html")), (400, true));
        let missing = stack.get_with("/speech?route=nobody&lang=ru", &BROWSER).await;
        assert_eq!(missing.status, 404);
        assert!(missing.text().contains("Текста с таким именем нет.") && missing.text().contains("<textarea"));
    }
}

/// One that says nothing, and one that is not there.
const ENGINES: &str = r#"
[[speech.engine]]
kind = "command"
name = "mute"
command = ["false"]
voices = { en = "one" }

[[speech.engine]]
kind = "command"
name = "absent"
command = ["pannier-has-no-such-program"]
voices = { ru = "one" }
install = "it"
"#;

#[tokio::test]
async fn what_engines_cannot_do_is_told() {
    let settings = Settings { document: ENGINES, ..Settings::default() };
    let Some(stack) = Stack::configured(Door::Program, Backend::Embedded, settings).await else { return };
    let form = page(&stack, "/speech").await;
    assert!(
        form.contains("<option value=\"en\"") && !form.contains("<option value=\"ru\""),
        "only what is spoken: {form}"
    );
    let href = accepted(&stack, &[("text", "One."), ("name", "a")]).await;
    let broken = finished(&stack, &href).await;
    let broken = row(&broken, 0);
    assert!(broken.starts_with("\"BROKEN\"") && broken.contains("Send the text again"), "{broken}");
    assert!(broken.contains("<p class=\"problem\" lang=\"en\">mute ended with status 1</p>"), "{broken}");
    assert!(!broken.contains("<audio"), "{broken}");
    for (text, status, words) in [
        ("Привет", 503, "The speech engine absent is not installed"),
        ("你好", 400, "No voice here speaks that language."),
    ] {
        let answer = send(&stack, "/speech", &[("text", text)]).await;
        let page = answer.text();
        assert_eq!((answer.status.as_u16(), page.contains(words)), (status, true), "{page}");
        assert!(page.contains(&format!(">\n{text}</textarea>")), "{page}");
    }
}
