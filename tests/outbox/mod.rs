//! Callbacks (contract, section 4.1): the real program, a real receiver, and a store that a test posts into.

mod functions;
mod hints;
pub(crate) mod office;
pub(crate) mod receiver;

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::outbox::{Message, post};
use shared::storage::Key;
use tests::stack::{Backend, free_address};
use tokio::sync::watch;

use self::office::{Office, SECRET, configuration, message};
use self::receiver::{Receiver, Reply};

/// Runs a test on both stores.
macro_rules! on_both_stores {
    ($($name:ident)*) => { $(
        mod $name {
            #[tokio::test]
            async fn on_the_embedded_store() {
                super::$name(tests::stack::Backend::Embedded).await;
            }

            #[tokio::test]
            async fn on_minio() {
                super::$name(tests::stack::Backend::Minio).await;
            }
        }
    )* };
}

on_both_stores! {
    a_callback_is_signed_and_tried_again
    a_receiver_may_be_down_for_a_while
    a_callback_survives_kill_9
    posting_twice_delivers_once
    a_receiver_may_say_never_again
    a_redirect_is_not_followed
    a_receiver_that_never_answers_holds_up_nobody_else
    what_has_no_address_is_not_sent
}

async fn a_callback_is_signed_and_tried_again(backend: Backend) {
    let receiver = Receiver::start(&[Reply::Status(500), Reply::Status(204)]).await;
    let Some(office) = Office::open(backend, &configuration(&[("shop", &receiver.url())])).await else { return };
    office.post("task-1_a", "shop").await;
    let calls = receiver.called(2).await;
    let secret = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    for call in &calls {
        assert_eq!(call.path, "/callback?of=shop");
        assert_eq!(call.header("webhook-id"), "task-1_a");
        assert_eq!(call.header("content-type"), "application/json");
        assert_eq!(call.body, message("task-1_a", "shop").body);
        assert_eq!(call.header("webhook-signature"), call.expected_signature(&secret));
        assert!(call.at.abs_diff(call.timestamp()) <= 2, "{call:?}");
    }
    assert!(calls[1].timestamp() >= calls[0].timestamp() + 4, "a fresh timestamp, after a pause");
    assert_ne!(calls[0].header("webhook-signature"), calls[1].header("webhook-signature"));
    office.gone("task-1_a").await;
    assert_eq!(receiver.calls().len(), 2);
    assert!(!office.log().contains("whsec_") && !office.log().contains("retCode"), "{}", office.log());
}

async fn a_receiver_may_be_down_for_a_while(backend: Backend) {
    let address = free_address();
    let Some(office) = Office::open(backend, &configuration(&[("shop", &address)])).await else { return };
    office.post("m", "shop").await;
    office.put_off("m", 1).await;
    let receiver = Receiver::at(address.trim_start_matches("http://"), &[Reply::Status(200)]).await;
    receiver.called(1).await;
    office.gone("m").await;
    assert_eq!(receiver.calls().len(), 1);
}

async fn a_callback_survives_kill_9(backend: Backend) {
    let address = free_address();
    let Some(office) = Office::open(backend, &configuration(&[("shop", &address)])).await else { return };
    office.post("m", "shop").await;
    office.put_off("m", 1).await;
    let killed = office.kill().await;
    let receiver = Receiver::at(address.trim_start_matches("http://"), &[Reply::Status(200)]).await;
    let office = killed.start().await;
    let calls = receiver.called(1).await;
    assert_eq!((calls[0].header("webhook-id"), &calls[0].body[..]), ("m", message("m", "shop").body.as_bytes()));
    office.gone("m").await;
    assert_eq!(receiver.calls().len(), 1);
}

/// While it waits or is on its way, a message that is posted again is the same message.
async fn posting_twice_delivers_once(backend: Backend) {
    let (release, released) = watch::channel(false);
    let receiver = Receiver::start(&[Reply::Held(released)]).await;
    let Some(office) = Office::open(backend, &configuration(&[("shop", &receiver.url())])).await else { return };
    office.post("m", "shop").await;
    receiver.called(1).await;
    let other = Message { body: "{}".to_owned(), ..message("m", "shop") };
    post(&office.storage, &other).await.unwrap();
    // The next message was looked for after the second posting of the first.
    office.post("n", "shop").await;
    receiver.called(2).await;
    release.send_replace(true);
    office.gone("m").await;
    office.gone("n").await;
    let mut ids: Vec<_> = receiver.calls().iter().map(|call| call.header("webhook-id").to_owned()).collect();
    ids.sort();
    assert_eq!(ids, ["m", "n"]);
    for id in ["", "a b", "a/b", &"x".repeat(129)] {
        assert!(post(&office.storage, &message(id, "shop")).await.is_err(), "{id:?}");
    }
}

async fn a_receiver_may_say_never_again(backend: Backend) {
    let receiver = Receiver::start(&[Reply::Status(410)]).await;
    let Some(office) = Office::open(backend, &configuration(&[("shop", &receiver.url())])).await else { return };
    office.post("m", "shop").await;
    office.gone("m").await;
    let dead = office.record(&Key::OutboxDead("m")).await.expect("it is kept for its operator");
    assert_eq!(dead["body"], message("m", "shop").body);
    assert_eq!(receiver.calls().len(), 1);
    assert!(office.log().contains("callback given up"), "{}", office.log());
}

async fn a_redirect_is_not_followed(backend: Backend) {
    let elsewhere = Receiver::start(&[Reply::Status(200)]).await;
    let receiver = Receiver::start(&[Reply::Redirect(elsewhere.url())]).await;
    let Some(office) = Office::open(backend, &configuration(&[("shop", &receiver.url())])).await else { return };
    office.post("m", "shop").await;
    office.put_off("m", 1).await;
    assert_eq!((receiver.calls().len(), elsewhere.calls().len()), (1, 0));
}

/// Nor the program's end.
async fn a_receiver_that_never_answers_holds_up_nobody_else(backend: Backend) {
    let silent = Receiver::start(&[Reply::Silence]).await;
    let receiver = Receiver::start(&[Reply::Status(200)]).await;
    let businesses = configuration(&[("silent", &silent.url()), ("shop", &receiver.url())]);
    let Some(office) = Office::open(backend, &businesses).await else { return };
    for index in 0..40 {
        office.post(&format!("a-{index}"), "silent").await;
    }
    silent.called(16).await;
    let posted = Instant::now();
    office.post("m", "shop").await;
    receiver.called(1).await;
    // One try of the others takes fifteen.
    assert!(posted.elapsed().as_secs() < 8, "{:?}", posted.elapsed());
    office.gone("m").await;
    assert_eq!(silent.calls().len(), 16, "no more at once for one receiver");
    let asked = Instant::now();
    assert_eq!(office.stop().await, Some(0));
    assert!(asked.elapsed().as_secs() < 8, "{:?}", asked.elapsed());
}

async fn what_has_no_address_is_not_sent(backend: Backend) {
    let receiver = Receiver::start(&[Reply::Status(200)]).await;
    let unheard = "[business.quiet]\nname = \"quiet\"\n";
    let configuration = configuration(&[("shop", &receiver.url())]) + unheard;
    let Some(office) = Office::open(backend, &configuration).await else { return };
    // Nobody is to be told; the demo's business is let in by its flag.
    for token in ["quiet", "demo"] {
        office.post(token, token).await;
        office.gone(token).await;
    }
    // It may be configured again.
    office.post("unknown", "nobody").await;
    office.put_off("unknown", 1).await;
    // What is no message is in nobody's way.
    let junk = bytes::Bytes::from_static(b"junk");
    office.storage.main.put(&Key::Outbox("junk"), junk, Default::default()).await.unwrap();
    office.post("m", "shop").await;
    office.gone("m").await;
    assert_eq!(receiver.calls().len(), 1);
}
