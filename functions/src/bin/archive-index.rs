//! `GET /archive/{hash}/index.json`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::archive::INDEX)
}
