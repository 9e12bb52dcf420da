//! What people use: `curl`, which follows and resumes, and programs that unpack.

use std::path::Path;
use std::process::Output;

use tests::require;
use tests::stack::{Backend, Door, Settings, Stack};
use tokio::process::Command;

use super::{ASSEMBLE, contents, fill, streamed};

async fn run(program: &Path, arguments: &[&str], folder: &Path) -> Output {
    Command::new(program).args(arguments).current_dir(folder).env("LC_ALL", "C.UTF-8").output().await.unwrap()
}

async fn curl_follows_and_resumes(backend: Backend) {
    let Some(curl) = require::tool("curl") else { return };
    let settings = Settings { variables: ASSEMBLE, ..Settings::default() };
    let Some(stack) = Stack::configured(Door::Program, backend, settings).await else { return };
    fill(&stack).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/archive/trip/", stack.program().url());
    let got = run(&curl, &["-fsSLOJ", &url], folder.path()).await;
    assert!(got.status.success(), "{got:?}");
    let file = folder.path().join("trip.zip");
    let whole = streamed(&stack).await.body;
    assert!(std::fs::read(&file).unwrap() == whole);
    unpacks(folder.path()).await;
    // A download that broke: curl asks our server again, and is led to the rest.
    for kept in [1, 6_000_000, whole.len() - 1] {
        std::fs::write(&file, &whole[..kept]).unwrap();
        let got = run(&curl, &["-fsSL", "-C", "-", "-o", "trip.zip", &url], folder.path()).await;
        assert!(got.status.success(), "{got:?}");
        assert!(std::fs::read(&file).unwrap() == whole, "resumed at {kept}");
    }
}

/// As two independent programs read it, with every CRC-32.
async fn unpacks(folder: &Path) {
    if let Some(unzip) = require::tool("unzip") {
        let tested = run(&unzip, &["-tq", "trip.zip"], folder).await;
        assert!(tested.status.success(), "{tested:?}");
    }
    if let Some(python) = require::tool("python3") {
        let script = "import zipfile\nz = zipfile.ZipFile('trip.zip')\nassert z.testzip() is None\n\
                      print(*[f'{i.file_size} {i.filename}' for i in z.infolist()], sep='\\n')";
        let listed = run(&python, &["-c", script], folder).await;
        assert!(listed.status.success(), "{listed:?}");
        let expected: String = contents().iter().map(|(name, content)| format!("{} {name}\n", content.len())).collect();
        assert_eq!(String::from_utf8(listed.stdout).unwrap(), expected);
    }
}

#[tokio::test]
async fn curl_follows_and_resumes_from_the_embedded_store() {
    curl_follows_and_resumes(Backend::Embedded).await;
}

#[tokio::test]
async fn curl_follows_and_resumes_from_minio() {
    curl_follows_and_resumes(Backend::Minio).await;
}
