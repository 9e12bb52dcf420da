//! `POST /redis`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::CREATE_REDIS)
}
