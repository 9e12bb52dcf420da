//! `POST /mysql`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::CREATE_MYSQL)
}
