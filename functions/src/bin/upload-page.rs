//! `GET /upload`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::UPLOAD)
}
