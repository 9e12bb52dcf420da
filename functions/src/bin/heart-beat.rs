//! `GET` and `POST /heart_beat`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::HEART_BEAT)
}
