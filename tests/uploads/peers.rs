//! Unmodified clients upload to the program, and what they uploaded is there.

use tests::stack::{Backend, Door, Stack};

use super::clients::{Client, Installed, MODES, Protocol, SIZES};

#[tokio::test]
async fn tus_js_client() {
    uploads(Client::TusJs, Backend::Embedded).await;
}

#[tokio::test]
async fn tus_js_client_on_minio() {
    uploads(Client::TusJs, Backend::Minio).await;
}

#[tokio::test]
async fn tuspy() {
    uploads(Client::Tuspy, Backend::Embedded).await;
}

#[tokio::test]
async fn tuspy_on_minio() {
    uploads(Client::Tuspy, Backend::Minio).await;
}

async fn uploads(client: Client, backend: Backend) {
    let Some(installed) = Installed::find(client).await else { return };
    let Some(stack) = Stack::start(Door::Program, backend).await else { return };
    let base = stack.program().url();
    for mode in MODES.iter().filter(|mode| mode.client == client) {
        let endpoint = match mode.protocol {
            Protocol::Tus | Protocol::TusInFull => format!("{base}/files/"),
            Protocol::Draft => format!("{base}/resumable/"),
        };
        for size in SIZES {
            let upload = installed.upload(mode, &endpoint, size).await;
            let path = upload.url.strip_prefix(&base).unwrap_or_else(|| panic!("{} is not ours", upload.url));
            let answer = stack.get_patiently(path).await;
            let case = format!("{mode:?}, {size} bytes: {}", answer.status);
            if mode.terminates() {
                assert!(matches!(answer.status.as_u16(), 404 | 410), "{case}");
            } else {
                assert_eq!(answer.status, 200, "{case}");
                assert!(answer.whole && answer.body == upload.content, "{case}");
            }
        }
    }
}
