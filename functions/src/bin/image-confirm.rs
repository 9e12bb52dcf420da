//! `POST /api/images/confirm`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::images::CONFIRM)
}
