//! What is asked for, through every door.

use http::Request;
use shared::http::body;
use tests::client::Answer;
use tests::contract;
use tests::stack::Stack;

async fn post(stack: &Stack, text: &str) -> Answer {
    let request = Request::post("/api/archive/import").header("content-type", "application/json");
    stack.send(request.body(body::full(text.to_owned())).unwrap()).await
}

contract! {
    async fn a_body_that_names_no_upload_is_400(stack: &Stack) {
        for text in [
            "", "{", "null", "[]", "\"x\"", "{}", "{\"upload\":7}", "{\"upload\":\"\"}", "{\"upload\":\"///\"}", "{\"upload\":null}",
            "{\"taskId\":1}", "{\"key\":\"k\"}", "{\"taskId\":-1,\"key\":\"k\"}", "{\"taskId\":1.5,\"key\":\"k\"}",
            "{\"taskId\":\"one\",\"key\":\"k\"}", "{\"taskId\":1,\"key\":2}", "{\"upload\":\"a\",\"taskId\":1,\"key\":\"k\"}",
            "{\"upload\":\"a\",\"other\":1}", "{\"taskId\":99999999999999999999999,\"key\":\"k\"}",
        ] {
            let answer = post(stack, text).await;
            assert_eq!(answer.status, 400, "{text}: {}", answer.text());
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
    }

    async fn an_unknown_upload_is_404(stack: &Stack) {
        for text in [
            "{\"upload\":\"nothing\"}", "{\"upload\":\"https://files.example.org/files/nothing?x=1\"}", "{\"upload\":\"..\"}",
            "{\"taskId\":1,\"key\":\"k\"}", "{\"taskId\":\"1\",\"key\":\"k\"}",
        ] {
            let answer = post(stack, text).await;
            assert_eq!(answer.status, 404, "{text}: {}", answer.text());
        }
    }

    async fn a_body_that_is_too_large_is_413(stack: &Stack) {
        assert_eq!(post(stack, &" ".repeat(10_000)).await.status, 413);
    }
}
