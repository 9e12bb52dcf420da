//! The deployment by Terraform: it deploys what there is, as template.yaml does, and tools find nothing in it.
//!
//! No plan is run: that needs an account. See infra/terraform/README.md.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use shared::endpoints::{ALL, WORKERS};
use shared::http::Verb;
use shared::pages;
use tests::require::{cache, find, missing, python_tool};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What a deployment says of each function, by its name; `None` after saying what is missing.
fn functions(deployment: &str) -> Option<Value> {
    let python = python_tool("python")?;
    let output =
        Command::new(python).args(["tests/terraform/read.py", deployment]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{deployment}: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn names(functions: &Value) -> BTreeSet<&str> {
    functions.as_object().unwrap().keys().map(String::as_str).collect()
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_function_is_there_with_its_routes() {
    let Some(deployed) = functions("infra/terraform") else { return };
    let endpoints = ALL.iter().chain([&&pages::FALLBACK]).map(|endpoint| endpoint.name);
    assert_eq!(names(&deployed), endpoints.chain(WORKERS.iter().map(|worker| worker.name)).collect());
    for endpoint in ALL {
        let word = |verb: &Verb| verb.allowed()[0];
        let calls = endpoint.paths.iter().flat_map(|path| {
            endpoint.methods.iter().map(move |verb| format!("{} {}", word(verb), path.replace("...}", "+}")))
        });
        assert_eq!(texts(&deployed[endpoint.name]["routes"]), calls.collect(), "{}", endpoint.name);
    }
    for worker in WORKERS {
        let said = &deployed[worker.name];
        let asked = said["queues"].as_array().unwrap().len() + said["every"].as_array().unwrap().len();
        assert!(asked > 0, "{} is run by nothing", worker.name);
        assert_eq!(said["routes"], json!([]), "{}", worker.name);
    }
}

#[test]
fn every_function_is_as_the_template_has_it() {
    let (Some(deployed), Some(template)) = (functions("infra/terraform"), functions("template.yaml")) else { return };
    assert_eq!(names(&deployed), names(&template));
    for (name, theirs) in template.as_object().unwrap() {
        let ours = &deployed[name];
        for (what, value) in theirs.as_object().unwrap().iter().filter(|(what, _)| *what != "routes") {
            assert_eq!(&ours[what], value, "{what} of {name}, ours and the template's");
        }
        // The template has HEAD beside GET, and no routes for what has a URL of its own.
        if theirs["door"] == "api" {
            let mut routes = texts(&ours["routes"]);
            let heads: Vec<_> = routes
                .iter()
                .filter_map(|route| route.strip_prefix("GET "))
                .map(|path| format!("HEAD {path}"))
                .collect();
            routes.extend(heads);
            assert_eq!(routes, texts(&theirs["routes"]), "the routes of {name}");
        }
    }
}

/// Two lists that are both empty agree as well.
#[test]
fn the_reader_of_deployments_reads() {
    let Some(deployed) = functions("infra/terraform") else { return };
    let download = &deployed["archive-download"];
    assert_eq!(
        (&download["door"], &download["memory"], &download["timeout"]),
        (&json!("stream"), &json!(1024), &json!(900))
    );
    let recorder = &deployed["record-crc32"];
    assert_eq!(recorder["queues"], json!([["${archive_prefix}", "", 10]]));
    let rights = recorder["rights"].as_array().unwrap();
    assert!(rights.contains(&json!(["s3:PutObject", "bucket/crc32/*", ""])), "{rights:?}");
    assert!(rights.contains(&json!(["s3:ListBucket", "bucket", "StringLikeIfExists s3:prefix crc32/*"])), "{rights:?}");
    let delete = deployed["instance-delete"]["rights"].as_array().unwrap();
    let database = "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:db:${instances_prefix}-*";
    assert!(delete.contains(&json!(["rds:DeleteDBInstance", database, ""])), "{delete:?}");
}

/// Formats a folder of Terraform files with whichever formatter there is, and tells whether nothing changed.
fn is_formatted(folder: &Path) -> Option<bool> {
    if let Some(terraform) = find("terraform") {
        let arguments = ["fmt", "-check", "-recursive", "-diff"];
        let output = Command::new(terraform).args(arguments).current_dir(folder).output().unwrap();
        return Some(output.status.success());
    }
    // What `terraform fmt` is built on, without the few things that it does beyond.
    let formatter = cache().join("hcl/bin/hclfmt");
    if !formatter.is_file() {
        missing("terraform, or hclfmt");
        return None;
    }
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    Some(files.all(|file| {
        let same = |output: Output| output.status.success() && output.stdout == std::fs::read(&file).unwrap();
        file.extension().is_none_or(|extension| extension != "tf")
            || same(Command::new(&formatter).arg(&file).output().unwrap())
    }))
}

#[test]
fn it_is_formatted() {
    let Some(formatted) = is_formatted(&root().join("infra/terraform")) else { return };
    assert!(formatted, "terraform fmt -recursive infra/terraform");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.tf"), "locals {\n  a = 1\n  longer=2\n}\n").unwrap();
    assert_eq!(is_formatted(folder.path()), Some(false));
}

/// What checkov finds in a folder, with the exceptions that infra/terraform lists.
fn findings(folder: &Path) -> Option<Output> {
    let checkov = cache().join("checkov/bin/checkov");
    if !checkov.is_file() {
        missing("checkov");
        return None;
    }
    let mut command = Command::new(checkov);
    // It would ask its makers for descriptions of what it checks.
    command.env("BC_SKIP_MAPPING", "TRUE").arg("--skip-download").arg("--directory").arg(folder);
    Some(command.arg("--config-file").arg(root().join("infra/terraform/.checkov.yaml")).output().unwrap())
}

#[test]
fn checkov_finds_nothing() {
    let Some(output) = findings(&root().join("infra/terraform")) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let passed = said.split("Passed checks: ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("0");
    assert!(passed.parse::<u32>().unwrap() >= 100, "it looked at everything: {said}");

    let folder = tempfile::tempdir().unwrap();
    let open = "resource \"aws_sqs_queue\" \"plain\" {\n  name                    = \"plain\"\n  sqs_managed_sse_enabled = false\n}\n";
    std::fs::write(folder.path().join("main.tf"), open).unwrap();
    let output = findings(folder.path()).unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
