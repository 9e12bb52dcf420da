//! `GET /api/upload/files/blocks/info`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::block::INFO)
}
