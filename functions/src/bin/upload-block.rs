//! `POST /api/upload/files/block`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::block::STORE_BLOCK)
}
