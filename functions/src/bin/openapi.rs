//! `GET /openapi.json`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::OPENAPI)
}
