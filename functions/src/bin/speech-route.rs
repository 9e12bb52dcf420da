//! `POST /route_to_audio`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::ROUTE_TO_AUDIO)
}
