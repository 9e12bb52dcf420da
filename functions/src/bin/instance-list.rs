//! `GET /list/{kind}`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::LIST)
}
