//! Where the programs are: beside the tests, of the same build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program of that name (a function's, or `pannier`), built now if it was not yet.
///
/// # Panics
/// If the workspace does not build, or has no such program.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let path = BUILT.get_or_init(build).join(name);
    assert!(path.is_file(), "no program {name} in {}", path.display());
    path
}

/// Builds every program once a test process, in the test's own profile; returns their folder.
fn build() -> PathBuf {
    let own = std::env::current_exe().expect("a program has a path");
    // Tests are in target/{profile}/deps, the benchmark in target/{profile}.
    let folder = own.ancestors().find(|folder| folder.join("deps").is_dir()).expect("it is in a target folder");
    // All of them with one command and the features of the whole workspace, as the test itself was built:
    // nothing is compiled a second time.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    // A benchmark asks the local program alone, and optimising every function takes minutes.
    cargo.args(if folder.ends_with("release") { ["--release", "--bin=pannier"].iter() } else { ["--bins"].iter() });
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "the workspace does not build");
    folder.to_owned()
}

/// The newest version of glibc that a function may ask for: that of Amazon Linux 2023.
pub const GLIBC: (u32, u32) = (2, 34);

/// The newest version of glibc whose symbols a program asks for.
///
/// # Panics
/// If it asks for none, or `objdump` is not there.
pub fn newest_glibc(path: &Path) -> (u32, u32) {
    let output = Command::new("objdump").arg("-T").arg(path).output().expect("binutils are there");
    let symbols = String::from_utf8_lossy(&output.stdout).into_owned();
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let mut parts = version.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    });
    versions.max().unwrap_or_else(|| panic!("{} asks for no glibc", path.display()))
}
