//! `POST /detail/{dockerId}/rotate-password`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::ROTATE_PASSWORD)
}
