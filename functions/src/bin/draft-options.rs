//! `OPTIONS /resumable/`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::draft::OPTIONS)
}
