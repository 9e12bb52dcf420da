//! `GET /audio/{name}`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::SERVE)
}
