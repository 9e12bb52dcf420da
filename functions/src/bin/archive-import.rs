//! `POST /api/archive/import`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::archive::IMPORT)
}
