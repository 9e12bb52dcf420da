//! Keeps the house tidy: the lists of what there is agree, and the rules that no compiler checks hold.
//!
//! Left to clippy, which runs with `-D warnings`: the length of a function (`too_many_lines`), `unwrap`,
//! printing, locks held across an await. That those lints are on is checked here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use shared::endpoints::{ALL, WORKERS};
use shared::http::Verb;
use shared::pages;

/// The most lines of a file that a person writes.
const FILE_LINES: usize = 500;

/// The most lines of a function's binary, which only names its endpoint.
const BINARY_LINES: usize = 20;

/// Not written by a person, or not to be read from top to bottom.
const LONG: [&str; 6] = [
    "Cargo.lock",
    "package-lock.json",
    "shared/src/pages/assets/tus.min.js",
    "shared/src/pages/openapi.json",
    // One deployment is one document.
    "template.yaml",
    "tests/golden/",
];

/// Words that may stand in some files only.
struct Rule {
    words: &'static [&'static str],
    /// Where they are looked for.
    within: fn(&str) -> bool,
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        words: &["aws_sdk_s3", "aws-sdk-s3"],
        within: |path| is_code(path) && path.starts_with("shared/") && !path.starts_with("shared/src/storage/"),
        why: "only storage knows S3",
    },
    Rule {
        words: &["aws_sdk_polly", "aws-sdk-polly"],
        within: |path| is_code(path) && !path.starts_with("shared/src/speech/engine/polly/"),
        why: "only one engine knows Polly",
    },
    Rule {
        words: &["aws_sdk_rds", "aws_sdk_elasticache", "aws_sdk_ecs", "aws_sdk_secretsmanager", "aws_config"],
        within: |path| is_code(path) && path.starts_with("shared/"),
        why: "too large for functions: engine/aws/service.rs asks, cloud.rs knows credentials",
    },
    Rule {
        words: &["bollard"],
        within: |path| {
            is_code(path) && path.starts_with("shared/") && !path.starts_with("shared/src/instances/engine/docker/")
        },
        why: "only one engine knows Docker",
    },
    Rule {
        words: &["env::var"],
        within: |path| is_code(path) && !path.starts_with("tests/") && path != "shared/src/config.rs",
        why: "only config.rs reads the environment",
    },
    Rule {
        words: &["todo!", "unimplemented!", "dbg!", "FIXME", "XXX", "allow(dead_code)", "unsafe {", "unsafe fn"],
        within: is_code,
        why: "unfinished, or not our way",
    },
    Rule { words: &["/work/", "/tmp/wt", "/root/"], within: |_| true, why: "a path of one machine" },
    Rule {
        words: &["async_trait"],
        within: |path| is_code(path) && path != "local/src/store/api.rs",
        why: "only the trait of the S3 framework asks for it",
    },
];

fn is_code(path: &str) -> bool {
    path.ends_with(".rs")
}

struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// Every text file that is tracked or is about to be.
fn files() -> Vec<File> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(arguments).current_dir(root()).output().expect("git lists the files");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let texts = listed.lines().filter_map(|path| {
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(File { path: path.to_owned(), text })
    });
    texts.collect()
}

/// Every line of `files` that breaks a rule, and every file that is too long.
fn offences(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    // This file has to name what it forbids.
    for File { path, text } in files.iter().filter(|file| file.path != "tests/tidy.rs") {
        let rules: Vec<&Rule> = RULES.iter().filter(|rule| (rule.within)(path)).collect();
        for (index, line) in text.lines().enumerate() {
            for rule in rules.iter().filter(|rule| rule.words.iter().any(|word| line.contains(word))) {
                found.push(format!("{path}:{}: {}: {}", index + 1, rule.why, line.trim()));
            }
        }
        if text.lines().count() > FILE_LINES && !LONG.iter().any(|long| path.contains(long)) {
            found.push(format!("{path}: more than {FILE_LINES} lines"));
        }
    }
    found
}

/// The words after `before` on the lines that start with it.
fn after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| Some(line.trim().strip_prefix(before)?.trim().trim_matches('"')))
}

/// The functions there are: endpoints, and what answers where there is none.
fn functions() -> BTreeSet<String> {
    let endpoints = ALL.iter().chain([&&pages::FALLBACK]).map(|endpoint| endpoint.name);
    endpoints.chain(WORKERS.iter().map(|worker| worker.name)).map(str::to_owned).collect()
}

/// Method and path of everything that an endpoint answers, without the HEAD that comes with a GET.
fn calls<'a>(endpoints: impl IntoIterator<Item = &'a &'static shared::http::Endpoint>) -> BTreeSet<(String, String)> {
    let word = |verb: &Verb| verb.allowed()[0].to_owned();
    let calls = endpoints.into_iter().flat_map(|endpoint| {
        endpoint
            .paths
            .iter()
            .flat_map(move |path| endpoint.methods.iter().map(move |verb| (word(verb), (*path).to_owned())))
    });
    calls.collect()
}

#[test]
fn every_function_has_its_binary() {
    let folder = std::fs::read_dir(root().join("functions/src/bin")).expect("functions/src/bin");
    let sources: BTreeSet<String> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(sources, functions().iter().map(|name| format!("{name}.rs")).collect());
    for source in &sources {
        let text = read(&format!("functions/src/bin/{source}"));
        assert!(text.lines().count() <= BINARY_LINES, "{source} does more than name its endpoint");
    }
    let manifest = read("functions/Cargo.toml");
    let binaries = manifest.split("[[bin]]").skip(1).filter_map(|entry| after(entry, "name =").next());
    assert_eq!(binaries.map(str::to_owned).collect::<BTreeSet<_>>(), functions());
}

#[test]
fn the_template_deploys_every_function_with_its_routes() {
    let template = read("template.yaml");
    let binaries: BTreeSet<String> = after(&template, "Binary:").map(str::to_owned).collect();
    assert_eq!(binaries, functions());
    for block in template.split("Type: AWS::Serverless::Function\n").skip(1) {
        let name = after(block, "Binary:").next().expect("a function names its binary");
        let Some(endpoint) = ALL.iter().find(|endpoint| endpoint.name == name) else { continue };
        if block.contains("FunctionUrlConfig:") {
            continue; // Its own address, which takes every method and path.
        }
        let routes: BTreeSet<(String, String)> = block
            .lines()
            .filter_map(|line| {
                let (_, rest) = line.split_once("Method: ")?;
                let (method, rest) = rest.split_once(", Path: ")?;
                Some((method.to_owned(), rest.trim().trim_end_matches('}').trim_matches('"').to_owned()))
            })
            .collect();
        let mut expected = calls([endpoint]);
        // A gateway does not add HEAD to GET of itself.
        expected.extend(
            calls([endpoint])
                .into_iter()
                .filter(|(method, _)| method == "GET")
                .map(|(_, path)| ("HEAD".to_owned(), path)),
        );
        let expected = expected.into_iter().map(|(method, path)| (method, path.replace("...}", "+}"))).collect();
        assert_eq!(routes, expected, "the routes of {name}");
    }
}

#[test]
fn the_openapi_document_lists_what_there_is() {
    let document: Value = serde_json::from_str(&read("shared/src/pages/openapi.json")).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let call = (method.to_uppercase(), path.clone());
            if method == "head" && !calls(ALL).contains(&call) {
                assert!(item.get("get").is_some(), "{path}: HEAD comes with GET");
                continue;
            }
            let id = item[method]["operationId"].as_str().unwrap();
            let owner = ALL.iter().find(|endpoint| calls([*endpoint]).contains(&call));
            described.insert(call);
            assert!(owner.is_none_or(|endpoint| id.starts_with(endpoint.name)), "{id} is named after its function");
        }
    }
    assert_eq!(described, calls(ALL));
}

#[test]
fn names_are_unique() {
    assert_eq!(ALL.len() + WORKERS.len() + 1, functions().len());
    let count: usize = ALL.iter().map(|endpoint| endpoint.methods.len() * endpoint.paths.len()).sum();
    assert_eq!(count, calls(ALL).len(), "two endpoints share a method and a path");
}

#[test]
fn the_house_rules_hold() {
    let files = files();
    assert!(files.iter().any(|file| file.path == "shared/src/lib.rs"), "the files were found");
    let found = offences(&files);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_house_rule_can_be_broken() {
    let broken = |path: &str, text: &str| {
        let count = offences(&[File { path: path.to_owned(), text: text.to_owned() }]).len();
        assert_eq!(count, 1, "{text:?} in {path}");
    };
    broken("shared/src/archive/mod.rs", "use aws_sdk_s3::Client;");
    broken("shared/src/speech/engine/mod.rs", "use aws_sdk_polly::Client;");
    broken("shared/src/log.rs", "let x = std::env::var(\"X\");");
    broken("local/src/main.rs", "let x = env::vars();");
    broken("shared/src/instances/engine/aws/rds.rs", "use aws_sdk_rds::Client;");
    broken("shared/src/instances/drive.rs", "use bollard::Docker;");
    for word in RULES[5].words {
        broken("tests/support.rs", &format!("  {word}"));
    }
    for word in RULES[6].words {
        broken("README.md", &format!("see {word}somewhere"));
    }
    broken("tests/support.rs", "use async_trait::async_trait;");
    broken("infra/run.sh", &"x\n".repeat(FILE_LINES + 1));
    let fine = [
        ("shared/src/storage/bucket.rs", "use aws_sdk_s3::Client;"),
        ("shared/src/speech/engine/polly/mod.rs", "use aws_sdk_polly::Client;"),
        ("shared/src/config.rs", "std::env::var(name)"),
        ("tests/support.rs", "use aws_sdk_s3::Client; use aws_sdk_rds::Client; std::env::var(name)"),
        ("local/src/cloud.rs", "use aws_config::SdkConfig;"),
        ("local/src/store/api.rs", "use async_trait::async_trait;"),
        ("Cargo.lock", &"x\n".repeat(FILE_LINES + 1)),
    ];
    for (path, text) in fine {
        assert_eq!(offences(&[File { path: path.to_owned(), text: text.to_owned() }]), [""; 0], "{path}");
    }
}

#[test]
fn the_lints_that_rules_rest_on_are_on() {
    let manifest = read("Cargo.toml");
    for lint in ["unsafe_code", "missing_docs", "dbg_macro", "todo", "print_stdout", "too_many_lines", "unwrap_used"] {
        assert!(after(&manifest, lint).next().is_some(), "{lint}");
    }
    assert!(read("clippy.toml").contains("too-many-lines-threshold = 70"));
    for package in ["functions", "local", "shared", "tests"] {
        assert!(read(&format!("{package}/Cargo.toml")).contains("[lints]\nworkspace = true"), "{package}");
    }
}

#[test]
fn the_readme_is_a_page_with_two_commands() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 100, "README.md has at most 100 lines");
    let first = readme.split("```").nth(1).expect("a block of commands");
    let commands: Vec<&str> = first.lines().skip(1).filter(|line| !line.trim().is_empty()).collect();
    assert!(
        matches!(commands[..], [run, test] if run.starts_with("cargo run --release ") && test.starts_with("cargo test --workspace ")),
        "the first block is the two commands that set everything up: {commands:?}"
    );
    assert!(read("ARCHITECTURE.md").lines().count() <= 150, "ARCHITECTURE.md has at most 150 lines");
}
