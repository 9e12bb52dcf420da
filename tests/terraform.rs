//! The deployment by Terraform: it deploys what there is, as template.yaml does, and tools find nothing in it.
//!
//! It is planned with mocks, not against an account: see infra/terraform/README.md.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Terraform, or OpenTofu where there is none; `None` after saying that it is missing.
fn terraform() -> Option<Command> {
    let tofu = Some(cache().join("opentofu/bin/tofu")).filter(|path| path.is_file());
    let found = find("terraform").or(tofu).or_else(|| find("tofu"));
    if found.is_none() {
        missing("terraform, or tofu");
    }
    found.map(Command::new)
}

fn is_formatted(folder: &Path) -> Option<bool> {
    let output = terraform()?.args(["fmt", "-check", "-recursive", "-diff"]).current_dir(folder).output().unwrap();
    Some(output.status.success())
}

#[test]
fn it_is_formatted() {
    let Some(formatted) = is_formatted(&root().join("infra/terraform")) else { return };
    assert!(formatted, "terraform fmt -recursive infra/terraform");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.tf"), "locals {\n  a = 1\n  longer=2\n}\n").unwrap();
    assert_eq!(is_formatted(folder.path()), Some(false));
}

/// A copy of the deployment with packages, and a provider that knows arguments and does nothing.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// `None` after saying what is missing.
    fn new() -> Option<Self> {
        let provider = cache().join("terraform/provider");
        let bindings = std::fs::read_dir(cache().join("terraform")).into_iter().flatten().filter_map(Result::ok);
        let bindings =
            bindings.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ext| ext == "json"));
        if !provider.join("terraform-provider-aws").is_file() || bindings.is_none() {
            missing("the provider of tests/terraform");
            return None;
        }
        let stage = Self { folder: tempfile::tempdir().unwrap() };
        let infra = stage.folder.path().join("infra");
        let copied = Command::new("cp").args(["-R", "infra"]).arg(&infra).current_dir(root()).status().unwrap();
        assert!(copied.success());
        for name in names(&functions("infra/terraform")?) {
            let package = stage.folder.path().join("target/lambda").join(name);
            std::fs::create_dir_all(&package).unwrap();
            std::fs::write(package.join("bootstrap.zip"), name).unwrap();
        }
        let schema = Command::new(python_tool("python")?)
            .arg(root().join("tests/terraform/schema.py"))
            .args([bindings.unwrap(), infra.join("terraform")])
            .output()
            .unwrap();
        assert!(schema.status.success(), "{}", String::from_utf8_lossy(&schema.stderr));
        std::fs::write(stage.folder.path().join("schema.json"), schema.stdout).unwrap();
        let own = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"hashicorp/aws\" = \"{}\"\n  }}\n  direct {{}}\n}}\n",
            provider.display()
        );
        std::fs::write(stage.folder.path().join("settings"), own).unwrap();
        Some(stage)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("infra/terraform").join(name)
    }

    /// Runs Terraform there: whether it was content, and what it said.
    fn run(&self, arguments: &[&str]) -> Option<(bool, String)> {
        let output = terraform()?
            .args(arguments)
            .arg("-no-color")
            .current_dir(self.file(""))
            .env("PROVIDER_SCHEMA", self.folder.path().join("schema.json"))
            .env("TF_CLI_CONFIG_FILE", self.folder.path().join("settings"))
            .env("CHECKPOINT_DISABLE", "1")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }
}

#[test]
fn it_is_valid_and_can_be_planned() {
    let Some(stage) = Stage::new() else { return };
    let Some((valid, said)) = stage.run(&["validate"]) else { return };
    assert!(valid, "{said}");
    let (passed, said) = stage.run(&["test"]).unwrap();
    assert!(passed && said.contains("2 passed, 0 failed"), "{said}");

    // An argument that there is not, and a function that nobody is told of.
    let text = std::fs::read_to_string(stage.file("functions.tf")).unwrap();
    std::fs::write(stage.file("functions.tf"), text.replace("memory_size ", "memory_sizes ")).unwrap();
    let (valid, said) = stage.run(&["validate"]).unwrap();
    assert!(!valid && said.contains("memory_sizes"), "{said}");
    std::fs::write(stage.file("functions.tf"), text).unwrap();
    let text = std::fs::read_to_string(stage.file("watch.tf")).unwrap();
    std::fs::write(stage.file("watch.tf"), text.replace("    speech    = local.speech\n", "")).unwrap();
    let (passed, said) = stage.run(&["test"]).unwrap();
    assert!(!passed && said.contains("Nobody hears of the errors"), "{said}");
}

/// What checkov finds is what `.checkov.yaml` gives reasons for, no more and no less.
#[test]
fn checkov_finds_what_is_meant_to_be() {
    let checkov = cache().join("deploy/bin/checkov");
    if !checkov.is_file() {
        return missing("checkov in the pinned Python packages for deployment");
    }
    // Without that list, which it would take from beside the files.
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(root().join("infra/terraform")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "tf") {
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
    }
    let output = Command::new(checkov)
        .args(["--framework", "terraform", "--quiet", "--skip-download", "--output", "json", "--directory", "."])
        .current_dir(folder.path())
        // It would ask its makers for descriptions of what it checks.
        .env("BC_SKIP_MAPPING", "TRUE")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let summary = &report["summary"];
    assert_eq!(summary["parsing_errors"], 0);
    assert!(summary["passed"].as_u64().is_some_and(|passed| passed > 100), "{summary}");
    let failed = report["results"]["failed_checks"].as_array().unwrap();
    let found: BTreeSet<_> = failed.iter().filter_map(|check| check["check_id"].as_str()).collect();
    let list = std::fs::read_to_string(root().join("infra/terraform/.checkov.yaml")).unwrap();
    let meant: BTreeSet<_> = list.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    assert_eq!(found, meant, "what was found, and what has a reason");
}
