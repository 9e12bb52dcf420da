//! `POST /v1/audio/speech`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::SPEAK)
}
