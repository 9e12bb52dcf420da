//! `GET /api/upload/files/presign`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::block::PRESIGN)
}
