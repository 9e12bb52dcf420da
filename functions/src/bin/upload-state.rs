//! `POST /api/upload/files/state`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::block::STATE)
}
