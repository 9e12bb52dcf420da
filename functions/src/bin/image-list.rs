//! `GET /api/images`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::images::LIST)
}
