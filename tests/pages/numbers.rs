//! The numbers of the start page, and the page of an archive: what the store holds.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tests::contract;
use tests::stack::{Backend, Door, Stack};

const BROWSER: [(&str, &str); 1] = [("accept", "text/html")];

contract! {
    async fn the_numbers_are_those_of_the_store(stack: &Stack) {
        stack.put("photos/a/1.jpg", "1").await;
        stack.put("photos/a/2.jpg", "22").await;
        stack.put("photos/b-c_d/1.jpg", "1").await;
        stack.put("photos/not an archive/1.jpg", "1").await;
        stack.put("files/one", "12345").await;
        stack.put("business/other", "12345").await;
        stack.put("instances/alice/0123456789ab", "{}").await;
        stack.put("instances/bob/0123456789ac", "{}").await;
        let answer = stack.get("/api/stats").await;
        let expected = json!({
            "images": { "count": 0, "bytes": 0, "more": false },
            "files": { "count": 1, "bytes": 5, "more": false },
            "archives": { "count": 2, "more": false },
            "speech": {
                "routes": { "count": 0, "more": false },
                "tracks": { "count": 0, "bytes": 0, "more": false },
            },
            "instances": { "count": 2, "more": false },
        });
        assert_eq!((answer.status.as_u16(), answer.json()), (200, expected.clone()));
        // Asked again at once, the store is left alone.
        stack.put("files/two", "12345").await;
        assert_eq!(stack.get("/api/stats").await.json(), expected);
        let home = stack.get_with("/", &BROWSER).await.text();
        assert!(home.contains("data-number=\"archives\">2<") && home.contains("data-number=\"images\">0<"));
        assert!(home.contains("data-number=\"instances\">2<"), "{home}");
    }

    async fn an_archive_is_shown_by_its_link_or_its_code(stack: &Stack) {
        stack.put("photos/a1/<b>&.jpg", "12345").await;
        stack.put("photos/a1/sub/", "").await;
        for asked in ["a1", "https://elsewhere.example/archive/a1/?name=x", " /archive/a1/index.json "] {
            let path = format!("/archives?hash={}", utf8_percent_encode(asked, NON_ALPHANUMERIC));
            let page = stack.get_with(&path, &BROWSER).await;
            assert_eq!(page.status, 200, "{asked}");
            let text = page.text();
            assert!(text.contains("href=\"/archive/a1/\"") && text.contains("&#60;b&#62;&#38;.jpg"), "{text}");
            assert!(!text.contains("<b>&"), "{text}");
            let size = stack.get("/archive/a1/index.json").await.json()["size"].as_u64().unwrap();
            assert!(text.contains(&format!("<p>2 files · {size} byte</p>")), "{text}");
        }
        for (asked, status) in [("nowhere", 404), ("..", 400), ("a%2Fb", 400)] {
            let page = stack.get_with(&format!("/archives?hash={asked}"), &BROWSER).await;
            assert_eq!((page.status.as_u16(), page.text().contains("role=\"alert\"")), (status, true), "{asked}");
        }
    }
}

/// Folders with so many files each, counted as archives.
async fn counted(folders: impl Iterator<Item = (String, u32)>) -> Option<Value> {
    let photos = tempfile::tempdir().unwrap();
    for (folder, files) in folders {
        let folder = photos.path().join(folder);
        std::fs::create_dir(&folder).unwrap();
        for file in 0..files {
            std::fs::write(folder.join(file.to_string()), "").unwrap();
        }
    }
    let arguments = ["-p", photos.path().to_str().unwrap()];
    let stack = Stack::with(Door::Program, Backend::Embedded, &arguments).await?;
    Some(stack.get("/api/stats").await.json()["archives"].clone())
}

#[tokio::test]
async fn counting_stops_where_it_says_so() {
    // One archive may be longer than a listing.
    let few = [("a", 1), ("large", 2_500), ("z", 1)].map(|(folder, files)| (folder.to_owned(), files));
    if let Some(stats) = counted(few.into_iter()).await {
        assert_eq!(stats, json!({ "count": 3, "more": false }));
    }
    let many = (0..10_001).map(|folder| (format!("{folder:05}"), 1));
    if let Some(stats) = counted(many).await {
        assert_eq!(stats, json!({ "count": 10_000, "more": true }));
    }
}
