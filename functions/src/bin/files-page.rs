//! `GET /files`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::FILES_PAGE)
}
