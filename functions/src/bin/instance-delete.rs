//! `DELETE /detail/{dockerId}`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::DELETE)
}
