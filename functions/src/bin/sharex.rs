//! `GET /sharex.sxcu`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::images::SHAREX)
}
