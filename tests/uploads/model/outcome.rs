//! What has to be true in the end.

use md5::{Digest, Md5};
use shared::storage::{Fetch, Key};
use shared::uploads::{Phase, Upload, Verdict, sweep};

use super::Plan;
use super::actors::{Client, Write, Writes};

pub(super) fn md5(content: &[u8]) -> String {
    Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lets `client` finish what is left, and checks what came of it.
pub(super) async fn check(plan: &Plan, client: &Client, writes: &Writes) {
    let phase = client.complete(writes).await;
    // Once more, for what latecomers left.
    sweep::finish(&client.storage, &client.id).await.unwrap();
    let seed = plan.seed;
    let Phase::Ended { verdict, settled: true } = phase else { panic!("seed {seed}: {phase:?}") };
    let upload = Upload::open(&client.storage, &client.id).await.unwrap().unwrap();
    let done = upload.done().await.unwrap().unwrap();
    assert_eq!(done.verdict, verdict, "seed {seed}");
    let object = object(client, &upload.destination()).await;
    match verdict {
        Verdict::Complete => {
            let object = object.unwrap_or_else(|| panic!("seed {seed}: no object"));
            assert!(plan.differing || plan.honest, "seed {seed}: another MD5 was announced");
            check_bytes(plan, &object, &writes.list());
            assert_eq!(done.object.unwrap().crc32, Some(crc32fast::hash(&object)), "seed {seed}");
        }
        Verdict::Mismatch => assert!(!plan.honest && !plan.differing && object.is_none(), "seed {seed}"),
        Verdict::Cancelled => assert!(plan.cancelled && object.is_none(), "seed {seed}"),
        Verdict::Expired => panic!("seed {seed}: expired"),
    }
    check_left(plan, client, verdict).await;
}

/// The bytes are the file's; where each client had its own, those that came first.
fn check_bytes(plan: &Plan, object: &[u8], writes: &[Write]) {
    let seed = plan.seed;
    if !plan.differing {
        assert!(object == &plan.content(0)[..], "seed {seed}: other bytes");
        return;
    }
    assert_eq!(object.len() as u64, plan.size, "seed {seed}");
    let contents: Vec<_> = (0..plan.clients).map(|client| plan.content(client)).collect();
    for (at, byte) in object.iter().enumerate() {
        let covers = |write: &&Write| write.range.contains(&(at as u64));
        let earliest = writes.iter().filter(covers).filter_map(|write| write.acknowledged).min();
        let right = writes.iter().filter(covers).any(|write| {
            let own = contents[usize::try_from(write.client).unwrap()][at] == *byte;
            own && earliest.is_none_or(|earliest| write.began < earliest)
        });
        assert!(right, "seed {seed}: byte {at} came later than another that was acknowledged");
    }
}

/// One message at most, and of the upload only what tells how it ended.
async fn check_left(plan: &Plan, client: &Client, verdict: Verdict) {
    let seed = plan.seed;
    let messages = list(client, &format!("outbox/upload-{}", client.id)).await;
    let told = messages.len() == usize::from(verdict != Verdict::Cancelled);
    assert!(told, "seed {seed}: {messages:?} after {verdict:?}");
    let prefix = format!("uploads/{}/", client.id);
    let known = ["task", "c/end", "c/done", "c/publish"];
    let left = list(client, &prefix).await;
    let strays: Vec<_> = left.iter().filter(|key| !known.contains(&&key[prefix.len()..])).collect();
    assert!(strays.is_empty(), "seed {seed}: {strays:?} are left");
    // So that one schedule's message is not another's, whose upload has a longer number.
    for key in messages {
        client.storage.main.delete(&Key::Listed(&key)).await.unwrap();
    }
}

async fn object(client: &Client, key: &str) -> Option<bytes::Bytes> {
    let fetched = client.storage.main.get(&Key::Listed(key), Fetch::default()).await.ok()?;
    Some(fetched.bytes().await.unwrap())
}

async fn list(client: &Client, prefix: &str) -> Vec<String> {
    let mut pages = client.storage.main.list(&Key::Listed(prefix));
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        keys.extend(page.into_iter().map(|object| object.key));
    }
    keys
}
