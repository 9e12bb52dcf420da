//! A second opinion on the API: the SDK of another language.

use std::process::Stdio;

use tests::require;
use tokio::process::Command;

use super::{ACCESS_KEY, SECRET_KEY, Served};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_agrees() {
    let Some(python) = require::python_tool("python3") else { return };
    let has_boto3 = Command::new(&python).args(["-c", "import boto3"]).stderr(Stdio::null()).status().await.unwrap();
    if !has_boto3.success() {
        return require::missing("boto3");
    }
    let data = tempfile::tempdir().unwrap();
    let served = Served::open(data.path()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/probe/second_client.py");
    let output =
        Command::new(&python).arg(script).args([&served.endpoint, ACCESS_KEY, SECRET_KEY]).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    served.close().await;
}
