//! `POST /string_to_audio`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::STRING_TO_AUDIO)
}
