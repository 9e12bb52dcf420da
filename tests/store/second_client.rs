//! A second opinion on the API: the SDK of another language.

use std::process::Stdio;

use tokio::process::Command;

use super::{ACCESS_KEY, SECRET_KEY, Served};

/// Which Python to use, when not `python3`.
const PYTHON: &str = "PROBE_PYTHON";

/// Needs a Python with boto3; without one there is nothing to ask, and the run says so.
#[tokio::test(flavor = "multi_thread")]
async fn boto3_agrees() {
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| "python3".into());
    let has_boto3 = Command::new(&python).args(["-c", "import boto3"]).stderr(Stdio::null()).status().await;
    if !has_boto3.is_ok_and(|status| status.success()) {
        tracing::warn!("no Python with boto3 here; set {PYTHON}");
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let served = Served::open(data.path()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/probe/second_client.py");
    let output =
        Command::new(&python).arg(script).args([&served.endpoint, ACCESS_KEY, SECRET_KEY]).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    served.close().await;
}
