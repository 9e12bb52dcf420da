//! `OPTIONS /files/`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::tus::OPTIONS)
}
