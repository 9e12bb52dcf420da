//! Readers that are programs.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tests::require;

use super::{Found, Sum, Verdict};

/// A command whose output does not depend on the settings of whoever runs the tests.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").env_remove("UNZIP").env_remove("ZIPOPT").stdin(Stdio::null());
    command
}

/// What a successful run says, in text; otherwise how it failed.
fn run(command: &mut Command) -> Result<String, Verdict> {
    let Output { status, stdout, stderr } = command.output().expect("a program that was found can be run");
    if status.success() {
        return Ok(String::from_utf8(stdout).expect("a reader prints text"));
    }
    let said = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    Err(Verdict::Refused(format!("{status}: {said}")))
}

fn verdict(entries: Result<Vec<Found>, Verdict>) -> Verdict {
    entries.map_or_else(|refused| refused, Verdict::Entries)
}

/// Tests all contents, then lists names, sizes and CRC-32s.
pub(super) fn unzip(archive: &Path) -> Verdict {
    let Some(program) = require::tool("unzip") else { return Verdict::Missing };
    let tested = run(command(&program).arg("-tq").arg(archive));
    let listed = tested.and_then(|_| run(command(&program).arg("-v").arg(archive)));
    verdict(listed.map(|text| {
        // Between a head of three lines and a line of totals.
        text.lines().skip(3).take_while(|line| !line.starts_with("--------")).map(unzip_line).collect()
    }))
}

/// Length, method, size, ratio, date, time, CRC-32, name.
fn unzip_line(line: &str) -> Found {
    let (mut rest, mut fields) = (line, Vec::new());
    while fields.len() < 7 {
        let (field, after) = rest.trim_start_matches(' ').split_once(' ').expect("a line has eight fields");
        fields.push(field);
        rest = after;
    }
    let name = rest.strip_prefix(' ').expect("two spaces come before the name");
    Found::parse(fields[0], fields[6], name)
}

/// Lets its own reader look, then `unzip`.
pub(super) fn zip(archive: &Path) -> Verdict {
    let Some(program) = require::tool("zip").and_then(|program| require::tool("unzip").and(Some(program))) else {
        return Verdict::Missing;
    };
    run(command(&program).arg("-T").arg(archive)).map_or_else(|refused| refused, |_| Verdict::Sound)
}

/// Tests all contents, then lists names, sizes and CRC-32s.
pub(super) fn seven_zip(archive: &Path) -> Verdict {
    let Some(program) = require::tool("7z") else { return Verdict::Missing };
    let tested = run(command(&program).args(["t", "-bsp0"]).arg(archive));
    let listed = tested.and_then(|_| run(command(&program).args(["l", "-slt", "-ba"]).arg(archive)));
    verdict(
        listed.map(|text| text.split("\n\n").filter(|entry| entry.contains("Path = ")).map(seven_zip_entry).collect()),
    )
}

/// A line for each property. A directory's name ends without a slash, and its CRC-32 is left out.
fn seven_zip_entry(text: &str) -> Found {
    let property = |name: &str| {
        let mut properties = text.lines().filter_map(|line| line.split_once(" = "));
        properties.find(|(own, _)| *own == name).map_or("", |(_, value)| value)
    };
    let slash = if property("Folder") == "+" { "/" } else { "" };
    let crc32 = Some(property("CRC")).filter(|crc32| !crc32.is_empty()).unwrap_or("0");
    Found::parse(property("Size"), crc32, &format!("{}{slash}", property("Path")))
}

pub(super) fn bsdtar_file(archive: &Path) -> Verdict {
    let Some(program) = require::tool("bsdtar") else { return Verdict::Missing };
    extract(command(&program).arg("-xvOf").arg(archive))
}

/// From a pipe, in which it cannot seek.
pub(super) fn bsdtar_pipe(archive: &Path) -> Verdict {
    let Some(program) = require::tool("bsdtar") else { return Verdict::Missing };
    extract(command(Path::new("sh")).args(["-c", "cat -- \"$0\" | \"$1\" -xvOf -"]).arg(archive).arg(program))
}

/// Names are on standard error as `x NAME`, the contents of all files on standard output.
fn extract(command: &mut Command) -> Verdict {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bsdtar can be run");
    let (stdout, mut stderr) = (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
    let names = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let sum = Sum::of(stdout).expect("a pipe can be read");
    let said = names.join().expect("the thread ends").expect("names are text");
    let status = child.wait().expect("it ends");
    let names: Option<Vec<String>> = said.lines().map(|line| line.strip_prefix("x ").map(str::to_owned)).collect();
    match names {
        Some(names) if status.success() => Verdict::Contents(names, sum),
        _ => Verdict::Refused(format!("{status}: {said}")),
    }
}

pub(super) fn python(archive: &Path) -> Verdict {
    let Some(program) = require::tool("python3") else { return Verdict::Missing };
    verdict(run(command(&program).arg(own("read.py")).arg(archive)).map(|text| lines(&text)))
}

pub(super) fn java_file(archive: &Path) -> Verdict {
    java("file", archive)
}

pub(super) fn java_stream(archive: &Path) -> Verdict {
    java("stream", archive)
}

fn java(how: &str, archive: &Path) -> Verdict {
    let (Some(program), Some(compiler)) = (require::tool("java"), require::tool("javac")) else {
        return Verdict::Missing;
    };
    static CLASSES: OnceLock<PathBuf> = OnceLock::new();
    let classes = CLASSES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers");
        let compiled = run(command(&compiler).arg("-d").arg(&folder).arg(own("Read.java")));
        assert!(compiled.is_ok(), "{compiled:?}");
        folder
    });
    verdict(run(command(&program).arg("-cp").arg(classes).args(["Read", how]).arg(archive)).map(|text| lines(&text)))
}

/// A reader of ours.
fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("readers").join(name)
}

/// What our readers print: size, CRC-32, name.
fn lines(text: &str) -> Vec<Found> {
    let parse = |line: &str| {
        let mut fields = line.splitn(3, ' ');
        let mut field = || fields.next().expect("a line has three fields");
        Found::parse(field(), field(), field())
    };
    text.lines().map(parse).collect()
}
