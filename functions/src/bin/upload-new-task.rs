//! `POST /api/upload/new/task`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::block::NEW_TASK)
}
