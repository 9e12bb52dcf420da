//! The deploy guide: every command in it is run, as far as it goes without an account.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::require::tool;
use tests::stack::{Backend, Door, Stack};

use super::document::{root, translated};
use super::lint::{deploy_tool, offline, told};

/// What is run in place of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Instead {
    /// `sam SUBCOMMAND... --help`: it has to know every option of the command.
    Help,
    /// Itself, in the tree.
    InTree,
    /// Itself, in a folder of its own, with `$URL` the local program's.
    Here,
    /// Its packages are there, in these versions.
    Installed,
    /// Nothing: it names the address whose place the local program takes.
    Address,
}

/// Every command of the guide, by its beginning.
const COMMANDS: [(&str, Instead); 13] = [
    ("KEY=$(openssl rand -hex 32)", Instead::Here),
    ("URL=https://", Instead::Address),
    ("curl ", Instead::Here),
    ("export AWS_DEFAULT_REGION=", Instead::Here),
    ("mkdir -p config && cp pannier.toml config/", Instead::Here),
    ("pip install ", Instead::Installed),
    ("printf %s \"$KEY\" | sha256sum", Instead::Here),
    ("sam build", Instead::Help),
    ("sam delete", Instead::Help),
    ("sam deploy", Instead::Help),
    ("sam list stack-outputs", Instead::Help),
    ("sam logs", Instead::Help),
    ("sam validate", Instead::InTree),
];

/// What the guide says of outputs.
const OUTPUTS: [&str; 4] = ["CdnName", "ImportUrl", "Logs", "Url"];

/// The lines in the blocks of a page that begin with `fence`.
fn lines<'a>(page: &'a str, fence: &str) -> Vec<&'a str> {
    let blocks = page.split(fence).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The commands in the `sh` blocks of a page.
fn commands(page: &str) -> Vec<&str> {
    lines(page, "```sh\n")
}

/// The parameters that examples give a value: in commands, and in lines of `samconfig.toml`.
fn given(page: &str) -> Vec<(&str, &str)> {
    let examples = commands(page).into_iter().chain(lines(page, "```toml\n"));
    let pairs = examples.flat_map(|line| line.split(' ')).filter_map(|word| word.split_once('='));
    // Variables of a shell have no small letters.
    let pairs = pairs.filter(|(name, _)| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase));
    pairs.map(|(name, value)| (name, value.trim_matches(['\\', '"']))).collect()
}

/// What stands for a command; `None` if nobody has said.
fn instead(command: &str) -> Option<Instead> {
    COMMANDS.iter().find(|(begins, _)| command.starts_with(begins)).map(|(_, instead)| *instead)
}

fn guide() -> String {
    std::fs::read_to_string(root().join("docs/DEPLOY.md")).expect("docs/DEPLOY.md")
}

/// The commands of the guide for which this stands, in order.
fn those(guide: &str, of: Instead) -> Vec<&str> {
    commands(guide).into_iter().filter(|command| instead(command) == Some(of)).collect()
}

#[test]
fn every_command_of_the_guide_has_its_equivalent() {
    let guide = guide();
    let commands_there = commands(&guide);
    let unknown: Vec<_> = commands_there.iter().filter(|command| instead(command).is_none()).collect();
    assert!(unknown.is_empty(), "they have no entry in COMMANDS: {unknown:?}");
    let is_there = |begins: &str| commands_there.iter().any(|command| command.starts_with(begins));
    let unused: Vec<_> = COMMANDS.iter().filter(|(begins, _)| !is_there(begins)).collect();
    assert!(unused.is_empty(), "the guide no longer has them: {unused:?}");
    assert_eq!(instead("rm -rf /"), None);
    assert_eq!(commands("x\n```sh\na\n# b\n\nc\n```\n```\nd\n```"), ["a", "c"]);
    let page = "```sh\nKEY=a sam --of Bc=d\n```\n```toml\nx = \"... Ef=\\\"g\\\" ...\"\n```\n";
    assert_eq!(given(page), [("Bc", "d"), ("Ef", "g")]);
}

#[test]
fn sam_knows_the_options_of_the_guide() {
    let Some(sam) = deploy_tool("sam") else { return };
    let guide = guide();
    let mut used = BTreeMap::<Vec<&str>, BTreeSet<&str>>::new();
    for command in those(&guide, Instead::Help) {
        let words: Vec<_> = command.split(' ').skip(1).collect();
        let (subcommand, options) = words.split_at(words.iter().take_while(|word| !word.starts_with("--")).count());
        let options = options.iter().filter(|word| word.starts_with("--"));
        used.entry(subcommand.to_vec()).or_default().extend(options);
    }
    for (subcommand, options) in used {
        let output = offline(sam.clone()).args(&subcommand).arg("--help").output().expect("sam runs");
        let known = told(&output);
        assert!(output.status.success(), "{subcommand:?}: {known}");
        let unknown: Vec<_> = options.into_iter().filter(|option| !known.contains(option)).collect();
        assert!(unknown.is_empty(), "{subcommand:?} knows no {unknown:?}");
    }
}

#[test]
fn the_packages_of_the_guide_are_those_that_are_installed() {
    let Some(python) = deploy_tool("python") else { return };
    let guide = guide();
    let command = those(&guide, Instead::Installed).join(" ");
    let wanted: BTreeSet<&str> = command.split(' ').filter(|word| word.contains("==")).collect();
    let output = offline(python).args(["-m", "pip", "freeze"]).output().expect("pip runs");
    let there = String::from_utf8_lossy(&output.stdout);
    let there: BTreeSet<&str> = there.lines().collect();
    assert!(!wanted.is_empty() && wanted.is_subset(&there), "{wanted:?} are not all in {there:?}");
    let cargo_lambda = deploy_tool("cargo-lambda").expect("as it is installed");
    let help = told(&offline(cargo_lambda).args(["lambda", "build", "--help"]).output().expect("it runs"));
    // What SAM calls it with.
    assert!(["--bin", "--release", "--arm64"].iter().all(|option| help.contains(option)), "{help}");
}

#[test]
fn sam_does_in_the_tree_what_the_guide_says() {
    let Some(sam) = deploy_tool("sam") else { return };
    for command in those(&guide(), Instead::InTree) {
        let output = offline(sam.clone()).args(command.split(' ').skip(1)).output().expect("sam runs");
        let told = told(&output);
        // samconfig.toml asks for the linter; without it SAM says that it looked at the basics only.
        let looked = told.contains("is a valid SAM Template") && !told.contains("basic");
        assert!(output.status.success() && looked, "{command}: {told}");
    }
}

/// The first test, and the rest that needs no AWS: in one shell, as somebody would type it.
#[tokio::test]
async fn the_first_test_of_the_guide_passes_on_the_local_program() {
    let (Some(_), Some(shell)) = (tool("curl"), tool("sh")) else { return };
    if tool("openssl").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // Its store is reached when it starts: a guide's reader types more slowly than a shell.
    let Some(stack) = Stack::start(Door::Program, Backend::Embedded).await else { return };
    files_at_hand(folder.path());
    let guide = guide();
    let script = those(&guide, Instead::Here).join("\n");
    let mut command = Command::new(shell);
    command.args(["-euxc", &script]).env("URL", stack.program().url()).current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().expect("a shell runs")).await.expect("it ends");
    assert!(output.status.success(), "{}", told(&output));
    let said = String::from_utf8_lossy(&output.stdout);
    let healthy = said.contains(r#""store":{"state":"ok"}"#);
    assert!(healthy && said.contains("delete_token") && said.contains(r#"{"msg":"OK"}"#), "{said}");
    let sound = std::fs::read(folder.path().join("hello.mp3")).expect("hello.mp3");
    assert!(sound.len() > 1000, "{} bytes of sound", sound.len());
    assert!(folder.path().join("config/pannier.toml").is_file());
}

/// What the commands find where they are typed.
fn files_at_hand(folder: &Path) {
    let picture = image::RgbImage::from_fn(32, 32, |x, y| {
        image::Rgb([u8::try_from(x * 8).unwrap_or(0), u8::try_from(y * 8).unwrap_or(0), 90])
    });
    picture.save(folder.join("beach.jpg")).expect("a picture");
    std::fs::write(folder.join("pannier.toml"), "").expect("a configuration");
}

#[test]
fn the_guide_knows_the_parameters_and_outputs_of_the_template() {
    let Some(document) = translated() else { return };
    let (guide, parameters) = (guide(), document.0["Parameters"].as_object().expect("parameters"));
    let unnamed: Vec<_> = parameters.keys().filter(|name| !guide.contains(&format!("`{name}`"))).collect();
    assert!(unnamed.is_empty(), "the guide does not name {unnamed:?}");
    let given = given(&guide);
    assert!(!given.is_empty());
    for (name, value) in given {
        // Whoever has copied it would have another bucket, and nothing of what is in theirs.
        assert_ne!(name, "BucketName", "no example may change it");
        let parameter = parameters.get(name).unwrap_or_else(|| panic!("{name} is no parameter"));
        let taken = parameter["AllowedValues"].as_array().is_none_or(|values| values.contains(&Value::from(value)));
        assert!(taken, "{name} cannot be {value}");
    }
    for output in OUTPUTS {
        assert!(document.0["Outputs"].get(output).is_some() && guide.contains(&format!("`{output}`")), "{output}");
    }
}
