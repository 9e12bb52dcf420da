//! `POST /api/upload`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::images::UPLOAD)
}
