//! `POST /detail/{dockerId}/restart`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::RESTART)
}
