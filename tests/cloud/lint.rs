//! What others look for in a template: cfn-lint, checkov, and SAM's own command.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tests::require::{cache, missing, python_tool};

use super::document::{root, script, translated_file};

/// A program of those that deploy, which have a Python of their own; `None` after saying that it is missing.
pub(super) fn deploy_tool(name: &str) -> Option<PathBuf> {
    let path = cache().join("deploy/bin").join(name);
    if !path.is_file() {
        missing(&format!("{name} in the pinned Python packages for deployment"));
        return None;
    }
    Some(path)
}

/// In the tree, without a network's worth of settings: no credentials that open anything, no telemetry.
pub(super) fn offline(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command.env("AWS_DEFAULT_REGION", "us-east-1").env("SAM_CLI_TELEMETRY", "0");
    // Or checkov waits for a server of its makers.
    command.env("BC_SKIP_MAPPING", "TRUE");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    command
}

pub(super) fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn cfn_lint_finds_nothing_in_the_result() {
    let (Some(lint), Some(file)) = (python_tool("cfn-lint"), translated_file()) else { return };
    let output = offline(lint).arg(file.path()).output().expect("cfn-lint runs");
    assert!(output.status.success(), "{}", told(&output));
    // It reads what it is given: a document with a fault is one for it too.
    std::fs::write(file.path(), r#"{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Nme": 1}}}}"#)
        .expect("a file");
    let output = offline(python_tool("cfn-lint").expect("as before")).arg(file.path()).output().expect("it runs");
    assert!(!output.status.success() && told(&output).contains("Nme"), "{}", told(&output));
}

/// Of a hundred routes `sam deploy --guided` would ask one by one whether anybody may call them.
#[test]
fn sam_asks_about_two_functions_alone() {
    let Some(python) = deploy_tool("python") else { return };
    let output = offline(python).arg(script("asks.py")).arg("template.yaml").output().expect("Python runs");
    assert!(output.status.success(), "{}", told(&output));
    let asked: Vec<String> = serde_json::from_slice(&output.stdout).expect("a list");
    assert_eq!(asked, ["ArchiveImport Function Url", "SpeechSpeak Function Url"]);
}

#[test]
fn cfn_lint_finds_nothing_in_the_sources() {
    let Some(lint) = python_tool("cfn-lint") else { return };
    let output = offline(lint).args(["template.yaml", "infra/config-layer.yaml"]).output().expect("cfn-lint runs");
    assert!(output.status.success(), "{}", told(&output));
}

/// What checkov finds is what `.checkov.yaml` gives reasons for, no more and no less.
#[test]
fn checkov_finds_what_is_meant_to_be() {
    let (Some(checkov), Some(file)) = (deploy_tool("checkov"), translated_file()) else { return };
    let config = std::fs::read_to_string(root().join(".checkov.yaml")).expect(".checkov.yaml");
    let meant: BTreeSet<_> = config.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    // Elsewhere, or it would read that list by itself.
    let output = offline(checkov)
        .current_dir(std::env::temp_dir())
        .args(["--framework", "cloudformation", "--compact", "--quiet", "--skip-download", "--output", "json"])
        .arg("--file")
        .args([&root().join("template.yaml"), file.path()])
        .output()
        .expect("checkov runs");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
    assert_eq!(report["summary"]["parsing_errors"], 0);
    // More than a thousand things are as it wants them.
    assert!(report["summary"]["passed"].as_u64().is_some_and(|passed| passed > 1000), "{}", report["summary"]);
    let failed = report["results"]["failed_checks"].as_array().expect("a list");
    let found: BTreeSet<_> = failed.iter().filter_map(|check| check["check_id"].as_str()).collect();
    assert_eq!(found, meant, "{}", told(&output));
}
