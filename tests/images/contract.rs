//! Contract section 2, line by line.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use shared::http::body;

use tests::contract;
use tests::stack::Stack;

use super::pixels_samples::{gif, jpeg, padded, png};
use super::request::{File, delete, digest, form, path_of, raw, size, upload};

/// Wider than a thumbnail.
const WIDE: (u16, u16) = (700, 500);

contract! {
    async fn an_image_is_uploaded_served_and_deleted(stack: &Stack) {
        let original = jpeg(WIDE);
        let answer = upload(stack, &[File::new("img1.jpg", &original)]).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let image = answer.json();
        let (name, url) = (image["name"].as_str().unwrap(), image["url"].as_str().unwrap());
        assert_eq!(answer.header("location"), url);
        assert!(url.starts_with("http") && url.ends_with(&format!("/images/{name}")), "{url}");
        assert_eq!(name, format!("{}.jpg", image["id"].as_str().unwrap()));
        assert_eq!(image["id"].as_str().unwrap().len(), 22, "128 bits");
        assert_eq!((image["width"].as_u64(), image["height"].as_u64()), (Some(700), Some(500)));
        assert_eq!((image["bytes"].as_u64(), image["format"].as_str()), (Some(original.len() as u64), Some("jpeg")));
        assert_eq!(image["sha256"], digest(&original));
        assert_eq!(image["markdown"], format!("![{name}]({url})"));
        assert_eq!(image["bbcode"], format!("[img]{url}[/img]"));
        assert!(image["html"].as_str().unwrap().starts_with(&format!("<img src=\"{url}\" ")));
        assert!(image["delete_url"].as_str().unwrap().starts_with(url));

        let served = stack.get(&path_of(&image["url"])).await;
        assert_eq!((served.status.as_u16(), served.header("content-type")), (200, "image/jpeg"));
        assert_eq!(served.body, original, "nothing to take out: byte for byte");
        assert_eq!(served.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(served.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!((served.header("x-content-type-options"), served.header("accept-ranges")), ("nosniff", "bytes"));
        assert_eq!(served.header("content-length"), original.len().to_string());

        let thumbnail = stack.get(&path_of(&image["thumbnail_url"])).await;
        assert_eq!((thumbnail.status.as_u16(), thumbnail.header("content-type")), (200, "image/jpeg"));
        assert_eq!(size(&thumbnail.body), (320, 229));

        let path = path_of(&image["url"]);
        for wrong in ["", "wrong", "../x", &"t".repeat(1000)] {
            assert_eq!(delete(stack, &path, wrong).await.status, 403, "{wrong:?}");
        }
        let gone = delete(stack, &path, image["delete_token"].as_str().unwrap()).await;
        assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
        assert_eq!(stack.get(&path).await.status, 404);
        assert_eq!(stack.get(&path_of(&image["thumbnail_url"])).await.status, 404);
        assert_eq!(delete(stack, &path, image["delete_token"].as_str().unwrap()).await.status, 404);
        assert!(stack.keys("images/").await.is_empty(), "nothing stays");
        let left = stack.keys("image-state/").await;
        assert!(left.iter().all(|key| key.starts_with("image-state/contents/")), "only that it has gone: {left:?}");
    }

    async fn conditions_and_ranges_are_answered(stack: &Stack) {
        let original = png(WIDE, png_colour(), ::png::BitDepth::Eight);
        let image = upload(stack, &[File::new("a.PNG", &original)]).await.json();
        let path = path_of(&image["url"]);
        let whole = stack.get(&path).await;
        assert_eq!(whole.header("content-type"), "image/png");
        let (etag, date) = (whole.header("etag"), whole.header("last-modified"));
        assert!(etag.starts_with('"') && !date.is_empty());
        assert_eq!(stack.get_with(&path, &[("if-none-match", etag)]).await.status, 304);
        assert_eq!(stack.get_with(&path, &[("if-modified-since", date)]).await.status, 304);
        assert_eq!(stack.get_with(&path, &[("if-match", "\"other\"")]).await.status, 412);
        let part = stack.get_with(&path, &[("range", "bytes=10-19")]).await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &original[10..20]));
        assert_eq!(part.header("content-range"), format!("bytes 10-19/{}", original.len()));
        assert_eq!(part.header("cache-control"), whole.header("cache-control"));
        assert_eq!(stack.get_with(&path, &[("range", "bytes=99999999-")]).await.status, 416);
        let head = stack.head(&path).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        assert_eq!((head.header("content-length"), head.header("etag")), (whole.header("content-length"), etag));
        let thumbnail = stack.get_with(&path_of(&image["thumbnail_url"]), &[("range", "bytes=0-7")]).await;
        assert_eq!((thumbnail.status.as_u16(), &thumbnail.body[..]), (206, &original[..8]));
    }

    async fn an_image_comes_in_the_allowed_widths(stack: &Stack) {
        let image = upload(stack, &[File::new("a.gif", &gif(WIDE, 3))]).await.json();
        let path = path_of(&image["url"]);
        for (asked, width) in [(160, 160), (320, 320), (640, 640), (1280, 700), (1920, 700)] {
            for _ in 0..2 {
                let variant = stack.get(&format!("{path}?w={asked}")).await;
                assert_eq!((variant.status.as_u16(), variant.header("content-type")), (200, "image/gif"));
                assert_eq!(size(&variant.body).0, width);
                assert_eq!(variant.header("cache-control"), "public, max-age=31536000, immutable");
            }
        }
        assert_eq!(stack.keys("image-state/variants/").await.len(), 3, "no copies of the image itself");
        for wrong in ["0", "321", "-1", "99999999999", "abc", ""] {
            assert_eq!(stack.get(&format!("{path}?w={wrong}")).await.status, 400, "{wrong:?}");
        }
        let absent = path.replace(&image["id"].as_str().unwrap()[..4], "AAAA");
        assert_eq!(stack.get(&format!("{absent}?w=640")).await.status, 404);
    }

    async fn what_is_no_image_is_refused(stack: &Stack) {
        let good = jpeg(WIDE);
        let text = "just some text".repeat(100);
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        let cases: [(&str, &[u8], &str); 9] = [
            ("user_file.txt", text.as_bytes(), "File type not allowed"),
            ("photo.webp", &good, "File type not allowed"),
            ("photo", &good, "File type not allowed"),
            ("photo.jpg.exe", &good, "File type not allowed"),
            ("x.svg", svg, "File type not allowed"),
            ("x.png", svg, "File type not allowed"),
            ("x.jpg", text.as_bytes(), "This is not an image file"),
            ("x.jpg", b"<html><script>alert(1)</script></html>", "This is not an image file"),
            ("x.jpg", &good[..good.len() / 2], "This is not an image file"),
        ];
        for (name, bytes, message) in cases {
            let answer = upload(stack, &[File::new(name, bytes)]).await;
            assert_eq!((answer.status.as_u16(), answer.json()["detail"].as_str()), (400, Some(message)), "{name}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        assert_eq!(upload(stack, &[File::new("empty.png", b"")]).await.status, 400);
        assert_eq!(upload(stack, &[]).await.status, 400, "a form without a file");
        assert!(stack.keys("images/").await.is_empty());
        assert!(stack.keys("image-state/").await.is_empty());
    }

    async fn the_limit_is_five_mebibytes(stack: &Stack) {
        // A comment fills the file up; it is not published, but it counts.
        let good = jpeg((64, 64));
        // A function's request takes less; there the way is a form that goes to the store.
        let exact = padded(&good, 5_242_880);
        let answer = raw(stack, &[("filename", "exact.jpg")], exact).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()["sha256"], digest(&good));
        let over = padded(&good, 5_242_881);
        let answer = raw(stack, &[("filename", "over.jpg")], over.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["detail"].as_str()), (413, Some("File too large")));
        let answer = upload(stack, &[File::new("over.jpg", &over)]).await;
        assert_eq!((answer.status.as_u16(), answer.json()["detail"].as_str()), (413, Some("File too large")));
    }

    async fn the_body_may_be_the_file(stack: &Stack) {
        let (one, two, three) = (jpeg((40, 30)), jpeg((41, 30)), jpeg((42, 30)));
        for (headers, bytes) in [
            (("filename", "one.jpg"), &one),
            (("content-disposition", "attachment; filename=\"two.jpg\""), &two),
            (("filename", "%E4%B8%89.jpg"), &three),
        ] {
            let answer = raw(stack, &[headers], bytes.clone().into()).await;
            assert_eq!(answer.status, 201, "{headers:?}: {}", answer.text());
            assert_eq!(answer.json()["sha256"], digest(bytes));
        }
        for headers in [&[][..], &[("filename", "")], &[("content-disposition", "attachment")]] {
            assert_eq!(raw(stack, headers, one.clone().into()).await.status, 400, "{headers:?}");
        }
        assert_eq!(raw(stack, &[("filename", "a.jpg")], Bytes::new()).await.status, 400);
    }

    async fn of_several_files_each_is_judged(stack: &Stack) {
        let (one, two) = (jpeg((40, 30)), jpeg((41, 30)));
        let files = [File::new("a.txt", b"text"), File::new("one.jpg", &one), File::new("two.jpg", &two)];
        let answer = upload(stack, &files).await;
        assert_eq!(answer.status, 201);
        let all = answer.json();
        assert_eq!(all["sha256"], digest(&one), "the first that is taken");
        let uploads = all["uploads"].as_array().unwrap();
        assert_eq!(uploads.len(), 3);
        assert_eq!(uploads[0]["error"], json!({ "status": 400, "detail": "File type not allowed" }));
        assert_eq!((&uploads[1]["url"], &uploads[2]["file_name"]), (&all["url"], &json!("two.jpg")));
        let refused = upload(stack, &[File::new("a.txt", b"text"), File::new("b.txt", b"text")]).await;
        assert_eq!(refused.status, 400);
    }

    async fn the_same_bytes_have_one_link_and_many_tokens(stack: &Stack) {
        let original = jpeg((50, 40));
        let mut all = Vec::new();
        for name in ["a.jpg", "b.jpeg", "c.png"] {
            all.push(upload(stack, &[File::new(name, &original)]).await.json());
        }
        assert!(all.iter().all(|image| image["url"] == all[0]["url"]));
        assert!(all[2]["name"].as_str().unwrap().ends_with(".jpg"), "the extension follows the content");
        let path = path_of(&all[0]["url"]);
        let token = |index: usize| all[index]["delete_token"].as_str().unwrap().to_owned();
        assert_eq!(delete(stack, &path, &token(1)).await.status, 204);
        assert_eq!(delete(stack, &path, &token(1)).await.status, 403, "used up");
        assert_eq!(stack.get(&path).await.status, 200);
        assert_eq!(delete(stack, &path, &token(0)).await.status, 204);
        assert_eq!(delete(stack, &path, &token(2)).await.status, 204);
        assert_eq!(stack.get(&path).await.status, 404);
        let again = upload(stack, &[File::new("a.jpg", &original)]).await.json();
        assert_ne!(again["url"], all[0]["url"], "a name is not used again");
        assert_eq!(stack.get(&path_of(&again["url"])).await.status, 200);
        assert_eq!(delete(stack, &path_of(&again["url"]), &token(2)).await.status, 403);
    }

    async fn the_catalogue_lists_the_newest_first(stack: &Stack) {
        assert_eq!(stack.get("/api/images").await.json(), json!({ "images": [], "next": null }));
        let mut names = Vec::new();
        for width in 30..37 {
            let image = upload(stack, &[File::new("a.jpg", &jpeg((width, 20)))]).await.json();
            names.push(image["name"].as_str().unwrap().to_owned());
        }
        names.reverse();
        let all = stack.get("/api/images").await.json();
        assert_eq!(all["next"], Value::Null);
        assert_eq!(listed(&all), names);
        let first = &all["images"][0];
        assert_eq!((first["width"].as_u64(), first["height"].as_u64()), (Some(36), Some(20)));
        assert!(first["bytes"].as_u64() > Some(100) && first["uploaded_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(stack.get(&path_of(&first["url"])).await.status, 200);
        assert_eq!(stack.get(&path_of(&first["thumbnail_url"])).await.status, 200);

        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = stack.get(&format!("/api/images?limit=3&cursor={cursor}")).await.json();
            paged.extend(listed(&page));
            assert!(page["images"].as_array().unwrap().len() <= 3);
            let Some(next) = page["next"].as_str() else { break };
            next.clone_into(&mut cursor);
        }
        assert_eq!(paged, names);
        for wrong in ["limit=0", "limit=101", "limit=x", "limit=-1", "cursor=x", "cursor=aW1hZ2VzLw"] {
            assert_eq!(stack.get(&format!("/api/images?{wrong}")).await.status, 400, "{wrong}");
        }
    }

    async fn names_lead_nowhere_else(stack: &Stack) {
        stack.put("images/secret.txt", "secret").await;
        stack.put("secret", "secret").await;
        for name in ["secret.txt", "..", "%2e%2e%2fsecret", "..%2Fsecret", "%00", "a.jpg", &"A".repeat(22)] {
            let path = format!("/images/{name}");
            assert_eq!(stack.get(&path).await.status, 404, "{name}");
            assert_eq!(delete(stack, &path, "token").await.status, 404, "{name}");
        }
        assert!(stack.s3.head_object().bucket(&stack.bucket).key("secret").send().await.is_ok());
        let image = upload(stack, &[File::new("../../../etc/passwd\u{202e}.jpg", &jpeg((20, 20)))]).await;
        assert_eq!(image.status, 201);
        assert_eq!(stack.keys("images/").await.len(), 2);
    }

    async fn sharex_gets_its_uploader(stack: &Stack) {
        let answer = stack.get("/sharex.sxcu").await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-disposition").ends_with(".sxcu\""));
        let uploader = answer.json();
        assert!(uploader["RequestURL"].as_str().unwrap().ends_with("/api/upload"));
        // What it is told to read of the answer is there.
        let image = upload(stack, &[File::new("a.jpg", &jpeg((20, 20)))]).await.json();
        for field in ["URL", "ThumbnailURL", "DeletionURL"] {
            let path = uploader[field].as_str().unwrap().trim_start_matches("{json:").trim_end_matches('}');
            assert!(image[path].as_str().unwrap().starts_with("http"), "{field}");
        }
    }

    async fn every_path_of_the_upload_takes_one(stack: &Stack) {
        for (index, path) in ["/api/upload", "/api/upload/", "/upload", "/upload/"].into_iter().enumerate() {
            let bytes = jpeg((20 + u16::try_from(index).unwrap(), 20));
            let request = form(path, &[File::new("a.jpg", &bytes)]);
            let answer = stack.send(request).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["sha256"]), (201, &json!(digest(&bytes))), "{path}");
        }
        let put = Request::builder().method(Method::PUT).uri("/api/upload").body(body::empty()).unwrap();
        let answer = stack.send(put).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST, OPTIONS"));
    }
}

fn png_colour() -> ::png::ColorType {
    ::png::ColorType::Rgb
}

fn listed(page: &Value) -> Vec<String> {
    page["images"].as_array().unwrap().iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect()
}
