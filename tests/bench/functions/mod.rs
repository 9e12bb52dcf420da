//! The function binaries: how large they are, how soon they ask for their first event, and how soon what a handler sends leaves,
//! beside the loop that comes with `lambda_http`.

mod first_byte;
mod start;

pub(crate) use first_byte::serve;

use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use shared::endpoints::{ALL, WORKERS};

use crate::figures::{line, median, row, spread, table};

/// Starts of each function.
const STARTS: usize = 30;

/// What a function may be at most: the median until its first request for an event, in milliseconds; memory at that moment, in
/// MB; the stripped binary and what of it is sent to the cloud, in MB.
const TARGETS: [f64; 4] = [10.0, 20.0, 12.0, 6.0];

/// The newest C library that a function may ask for: that of Amazon Linux 2023.
const GLIBC: (u32, u32) = (2, 34);

/// Runs all parts, or those named.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("all") {
        all(&built(&[])).await;
    }
    if wanted("first-byte") {
        first_byte::run().await;
    }
}

/// Every function: its size, what it asks of the C library, its start.
async fn all(folder: &Path) {
    table(
        &format!("Functions: {STARTS} starts each"),
        &["function", "first `/next`, ms (median)", "slowest", "memory then, MB", "stripped, MB", "gzip, MB", "glibc"],
    );
    let names = ALL.iter().map(|one| one.name).chain(WORKERS.iter().map(|one| one.name));
    let mut worst = [0_f64; 4];
    for name in names {
        let path = folder.join(name);
        let stripped = stripped(&path);
        let (size, packed) = (stripped.len() as f64 / 1e6, packed(&stripped) as f64 / 1e6);
        let glibc = newest_glibc(&path);
        let starts = start::measure(&path, STARTS).await;
        let times: Vec<f64> = starts.iter().map(|start| start.milliseconds).collect();
        let (time, memory) = (median(times.iter().copied()), median(starts.iter().map(|start| start.megabytes)));
        for (worst, figure) in worst.iter_mut().zip([time, memory, size, packed]) {
            *worst = worst.max(figure);
        }
        row(&[
            name.to_owned(),
            format!("{time:.1}"),
            format!("{:.1}", spread(&times).1),
            format!("{memory:.1}"),
            format!("{size:.1}"),
            format!("{packed:.1}"),
            format!("{}.{}{}", glibc.0, glibc.1, if glibc > GLIBC { " **too new**" } else { "" }),
        ]);
    }
    let verdict = |index: usize| if worst[index] <= TARGETS[index] { "reached" } else { "**missed**" };
    line("");
    for (index, what) in ["first `/next`, ms", "memory, MB", "stripped, MB", "gzip, MB"].iter().enumerate() {
        line(&format!("- {what}: at most {:.1} (target {}): {}", worst[index], TARGETS[index], verdict(index)));
    }
}

/// The folder of the function binaries of this program's own build; all of them, or those named, are built now if they were not.
pub(crate) fn built(names: &[&str]) -> PathBuf {
    let own = std::env::current_exe().expect("a program has a path");
    let folder = own.parent().expect("in a folder").to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    // With the features of the whole workspace: nothing is compiled a second time.
    cargo.args(["build", "--quiet", "--workspace"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(names.iter().flat_map(|name| ["--bin", *name]));
    if names.is_empty() {
        cargo.arg("--bins");
    }
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success(), "the workspace does not build");
    folder
}

/// The binary as it is sent to the cloud.
fn stripped(path: &Path) -> Vec<u8> {
    let copy = tempfile::NamedTempFile::new().unwrap();
    let status = Command::new("strip").arg("-o").arg(copy.path()).arg(path).status().expect("binutils are there");
    assert!(status.success(), "{} is stripped", path.display());
    std::fs::read(copy.path()).unwrap()
}

/// Bytes of it after deflate, as in a ZIP.
fn packed(binary: &[u8]) -> usize {
    use std::io::Write;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(binary).unwrap();
    encoder.finish().unwrap().len()
}

/// The newest version of glibc whose symbols it asks for.
pub(crate) fn newest_glibc(path: &Path) -> (u32, u32) {
    let output = Command::new("objdump").arg("-T").arg(path).output().expect("binutils are there");
    let symbols = String::from_utf8_lossy(&output.stdout).into_owned();
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let mut parts = version.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    });
    versions.max().unwrap_or_else(|| panic!("{} asks for no glibc", path.display()))
}
