//! Pictures by a form, without any script: uploaded, looked at, deleted by their links.

use http::Request;
use shared::http::body;
use tests::client::Answer;
use tests::contract;
use tests::stack::Stack;

use crate::images::pixels_samples;

const BROWSER: [(&str, &str); 1] = [("accept", "text/html")];

/// A picture that no other is like.
fn png(seed: u16) -> Vec<u8> {
    pixels_samples::png((400, 300 + seed), png::ColorType::Rgb, png::BitDepth::Eight)
}

/// What a browser sends for a form with these files, and whoever reads the answer wants `accept`.
async fn send(stack: &Stack, path: &str, accept: &str, files: &[(&str, &[u8])]) -> Answer {
    let mut text = Vec::new();
    for (name, bytes) in files {
        let head = format!("--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(bytes);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"--limit--\r\n");
    let request = Request::post(path).header("content-type", "multipart/form-data; boundary=limit");
    let request = request.header("accept", accept).header("content-length", text.len());
    stack.send(request.body(body::full(text)).unwrap()).await
}

/// The first value of an attribute that begins with `start`.
fn link(page: &str, start: &str) -> String {
    let at = page.find(&format!("=\"{start}")).unwrap_or_else(|| panic!("{start} in {page}"));
    page[at + 2..].split('"').next().unwrap().replace("&#38;", "&")
}

async fn post(stack: &Stack, path: &str) -> Answer {
    stack.send(Request::post(path).header("accept", "text/html").body(body::empty()).unwrap()).await
}

contract! {
    async fn a_picture_comes_and_goes_without_a_script(stack: &Stack) {
        let empty = stack.get_with("/images/", &BROWSER).await;
        assert_eq!((empty.status.as_u16(), empty.text().contains("No pictures yet")), (200, true));

        let answer = send(stack, "/upload", "text/html", &[("<i>.png", &png(0)), ("x.txt", b"x")]).await;
        let page = answer.text();
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (201, "text/html; charset=utf-8"));
        assert!(page.contains("&#60;i&#62;.png") && page.contains("not a JPEG, PNG or GIF"), "{page}");
        let delete = link(&page, "/images/");
        let delete = page.split("href=\"").filter(|rest| rest.starts_with(&delete)).find(|rest| rest.contains("token="));
        let delete = delete.unwrap().split('"').next().unwrap().to_owned();
        let path = delete.split("/delete").next().unwrap().to_owned();
        assert_eq!(stack.get(&path).await.status, 200);

        let gallery = stack.get_with("/images/", &BROWSER).await.text();
        assert!(gallery.contains(&format!("<img src=\"{path}?w=320\" width=\"320\" height=\"240\" loading=\"lazy\"")));

        // A link that is only followed, or that another person guesses, deletes nothing.
        assert_eq!(stack.get_with(&delete, &BROWSER).await.status, 200);
        assert_eq!(post(stack, &format!("{path}/delete?token=wrong")).await.status, 403);
        assert_eq!(stack.get(&path).await.status, 200);
        for other in ["/images/..%2Fx/delete?token=x", "/images/%22%3E/delete?token=%22%3E", "/images/x.png/delete"] {
            assert_eq!(stack.get_with(other, &BROWSER).await.status, 404, "{other}");
        }
        let gone = post(stack, &delete).await;
        assert_eq!((gone.status.as_u16(), gone.text().contains("Deleted.")), (200, true));
        assert_eq!(stack.get(&path).await.status, 404);
        assert_eq!(post(stack, &delete).await.status, 404);
    }

    async fn a_form_answers_a_program_as_the_api_does(stack: &Stack) {
        for path in ["/upload", "/upload/"] {
            let answer = send(stack, path, "*/*", &[("a.png", &png(2))]).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (201, "application/json"));
            assert!(answer.json()["delete_token"].is_string());
        }
        let refused = send(stack, "/upload", "*/*", &[("a.txt", b"a")]).await;
        assert_eq!((refused.status.as_u16(), refused.json()["detail"].as_str()), (400, Some("File type not allowed")));
        for (files, status, words) in [
            (vec![("a.txt", &b"a"[..])], 400, "not a JPEG, PNG or GIF"),
            (vec![("a.png", &png(3)[..100])], 400, "damaged or incomplete"),
            (vec![("a.png", &vec![0; 5 * 1024 * 1024 + 1][..])], 413, "larger than 5 MiB"),
            (vec![], 400, "no file"),
        ] {
            let page = send(stack, "/upload", "text/html", &files).await;
            assert_eq!((page.status.as_u16(), page.text().contains(words)), (status, true), "{}", page.text());
        }
    }
}
