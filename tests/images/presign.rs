//! Images that go straight to the store.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use shared::http::body;
use tests::client::{self, Answer};
use tests::contract;
use tests::stack::Stack;

use super::pixels_samples::jpeg;
use super::request::{digest, path_of};

async fn post(stack: &Stack, path: &str, data: &Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    stack.send(request.body(body::full(data.to_string())).unwrap()).await
}

async fn presign(stack: &Stack, data: &Value) -> Answer {
    post(stack, "/api/images/presign", data).await
}

async fn confirm(stack: &Stack, form: &Value) -> Answer {
    let data = json!({ "ticket": form["ticket"], "filename": form["filename"] });
    post(stack, "/api/images/confirm", &data).await
}

/// Posts bytes as the form says, with a client that knows nothing of the store.
pub(crate) async fn send(form: &Value, bytes: &[u8]) -> u16 {
    let mut text = Vec::new();
    for (name, value) in form["fields"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let field = format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        text.extend_from_slice(field.as_bytes());
    }
    text.extend_from_slice(b"--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n");
    text.extend_from_slice(bytes);
    text.extend_from_slice(b"\r\n--limit--\r\n");
    let request = Request::post(form["url"].as_str().unwrap())
        .header("content-type", "multipart/form-data; boundary=limit")
        .header("content-length", text.len());
    let answer = client::client().request(request.body(body::full(Bytes::from(text))).unwrap()).await.unwrap();
    answer.status().as_u16()
}

contract! {
    async fn an_image_goes_straight_to_the_store(stack: &Stack) {
        let original = jpeg((700, 500));
        let asked = json!({ "filename": "b\u{e9}ach.jpg", "bytes": original.len(), "type": "image/jpeg" });
        let answer = presign(stack, &asked).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let form = answer.json();
        assert_eq!(confirm(stack, &form).await.status, 404, "before it is there");
        assert_eq!(send(&form, &original).await / 100, 2);
        let answer = confirm(stack, &form).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let image = answer.json();
        assert_eq!((image["sha256"].as_str(), answer.header("location")), (Some(&*digest(&original)), image["url"].as_str().unwrap()));
        assert_eq!(stack.get(&path_of(&image["url"])).await.body, original);
        assert_eq!(confirm(stack, &form).await.status, 404, "it was taken from there");
        assert!(stack.keys("image-state/incoming/").await.is_empty());
        assert!(stack.keys("image-state/attempts/").await.is_empty());
    }

    async fn a_form_takes_no_more_than_was_asked_for(stack: &Stack) {
        let original = jpeg((40, 40));
        let form = presign(stack, &json!({ "filename": "a.jpg", "bytes": original.len() })).await.json();
        let longer = [&original[..], b"x"].concat();
        assert_eq!(send(&form, &longer).await / 100, 4, "longer than asked for");
        for (field, value) in [("key", "images/x.jpg"), ("Content-Type", "text/html"), ("x-amz-signature", "0")] {
            let mut other = form.clone();
            other["fields"][field] = value.into();
            assert_eq!(send(&other, &original).await / 100, 4, "another {field}");
        }
        assert!(stack.keys("images/").await.is_empty());
        let other = json!({ "ticket": form["ticket"], "filename": "b.jpg" });
        assert_eq!(send(&form, &original).await / 100, 2);
        assert_eq!(post(stack, "/api/images/confirm", &other).await.status, 404, "another name");
        assert_eq!(confirm(stack, &form).await.status, 201);
    }

    async fn what_came_is_checked_as_an_upload_is(stack: &Stack) {
        let text = b"no image at all";
        let form = presign(stack, &json!({ "filename": "a.png", "bytes": text.len(), "type": "image/png" })).await.json();
        assert_eq!(send(&form, text).await / 100, 2);
        let answer = confirm(stack, &form).await;
        assert_eq!((answer.status.as_u16(), answer.json()["detail"].as_str()), (400, Some("This is not an image file")));
        assert!(stack.keys("image").await.is_empty(), "nothing stays");
    }

    async fn what_cannot_be_an_image_gets_no_form(stack: &Stack) {
        for (asked, status) in [
            (json!({ "filename": "a.txt", "bytes": 1, "type": "image/png" }), 400),
            (json!({ "filename": "a.png", "bytes": 1, "type": "image/svg+xml" }), 400),
            (json!({ "filename": "a.png", "bytes": 0 }), 400),
            (json!({ "filename": "a.png", "bytes": -1 }), 400),
            (json!({ "filename": "a.png", "bytes": "many" }), 400),
            (json!({ "filename": "a.png" }), 400),
            (json!({ "filename": "", "bytes": 1 }), 400),
            (json!({ "filename": "a.png", "bytes": 5_242_881 }), 413),
            (json!([]), 400),
        ] {
            assert_eq!(presign(stack, &asked).await.status.as_u16(), status, "{asked}");
        }
        for asked in [json!({}), json!({ "ticket": "x" }), json!({ "ticket": 1, "filename": "a.png" })] {
            assert_eq!(post(stack, "/api/images/confirm", &asked).await.status, 400, "{asked}");
        }
        for ticket in ["", "../x", "nothing", &"t".repeat(100)] {
            let asked = json!({ "ticket": ticket, "filename": "a.png" });
            assert_eq!(post(stack, "/api/images/confirm", &asked).await.status, 404, "{ticket}");
        }
    }
}
