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
use shared::pages;

use tests::binaries::{GLIBC, newest_glibc};

use crate::figures::{line, median, row, spread, table};

/// Starts of each function.
const STARTS: usize = 30;

/// What a function may be at most: the median until its first request for an event, in milliseconds; memory at that moment, in
/// MB; the stripped binary and what of it is sent to the cloud, in MB.
const TARGETS: [f64; 4] = [10.0, 20.0, 12.0, 6.0];

/// Functions that miss the targets for sizes, what they are held to instead, and what makes them large.
const LARGER: &[(&[&str], [f64; 2], &str)] = &[
    (
        &["image-confirm", "image-download", "image-upload", "upload-form"],
        [12.6, 6.0],
        "resizing, compiled for each precision",
    ),
    (
        &[
            "instance-create-mysql",
            "instance-create-redis",
            "instance-delete",
            "instance-restart",
            "instance-rotate-password",
            "instances-form",
            "reconcile-instances",
        ],
        [14.8, 6.2],
        "clients of MySQL, Redis and Docker",
    ),
    (&["render-speech", "speech-speak"], [18.0, 9.5], "a voice"),
];

/// What a function's sizes are held to.
fn ceilings(name: &str) -> [f64; 2] {
    let larger = LARGER.iter().find(|(names, ..)| names.contains(&name));
    larger.map_or([TARGETS[2], TARGETS[3]], |(_, ceilings, _)| *ceilings)
}

/// Runs all parts, or those named.
///
/// # Panics
/// If a function is larger than it is held to, or asks for a newer C library than there is.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("all") {
        all().await;
    }
    if wanted("first-byte") {
        first_byte::run().await;
    }
}

/// Every function: its size, what it asks of the C library, its start. Those that `cargo lambda build` made, if it was here, for
/// they are what is deployed.
async fn all() {
    let deployed = profile().with_file_name("lambda");
    let folder = if deployed.is_dir() { deployed } else { built(&[]) };
    line(&format!("Those in `{}`.", folder.file_name().unwrap_or_default().display()));
    table(
        &format!("Functions: {STARTS} starts each"),
        &["function", "first `/next`, ms (median)", "slowest", "memory then, MB", "stripped, MB", "gzip, MB", "glibc"],
    );
    let endpoints = ALL.iter().chain([&&pages::FALLBACK]).map(|endpoint| endpoint.name);
    let names = endpoints.chain(WORKERS.iter().map(|worker| worker.name));
    let (mut worst, mut newest, mut grown, mut missed) = ([0_f64; 4], GLIBC, Vec::new(), [0; 2]);
    for name in names {
        let path = if folder.ends_with("lambda") { folder.join(name).join("bootstrap") } else { folder.join(name) };
        let stripped = stripped(&path);
        let (size, packed) = (stripped.len() as f64 / 1e6, packed(&stripped) as f64 / 1e6);
        let sizes = [size, packed];
        for (index, size) in sizes.iter().enumerate() {
            missed[index] += usize::from(*size > TARGETS[2 + index]);
            if *size > ceilings(name)[index] {
                grown.push(format!("{name}: {size:.2} MB"));
            }
        }
        let glibc = newest_glibc(&path);
        newest = newest.max(glibc);
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
    line(&format!("- glibc: {}.{} (target {}.{})", newest.0, newest.1, GLIBC.0, GLIBC.1));
    for (index, what) in ["first `/next`, ms", "memory, MB", "stripped, MB", "gzip, MB"].iter().enumerate() {
        line(&format!("- {what}: at most {:.1} (target {}): {}", worst[index], TARGETS[index], verdict(index)));
    }
    line(&format!("- missed by {} and {} functions", missed[0], missed[1]));
    for (names, ceilings, why) in LARGER {
        line(&format!("- {}: held to {} and {} MB ({why})", names.join(", "), ceilings[0], ceilings[1]));
    }
    // Times and memory are the machine's, too; these are the program's alone.
    assert!(newest <= GLIBC, "a function wants a newer C library than there is");
    assert!(grown.is_empty(), "larger than they are held to: {}", grown.join(", "));
}

/// The folder that this program is in, named as its profile.
fn profile() -> PathBuf {
    let own = std::env::current_exe().expect("a program has a path");
    own.parent().expect("in a folder").to_owned()
}

/// The folder of the function binaries of this program's own build; all of them, or those named, are built now if they were not.
pub(crate) fn built(names: &[&str]) -> PathBuf {
    let folder = profile();
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
