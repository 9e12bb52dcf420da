//! `GET /api/speech`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::LIST)
}
