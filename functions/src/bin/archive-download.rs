//! `GET /archive/{hash}/`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::archive::DOWNLOAD)
}
