//! `POST /api/images/presign`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::images::PRESIGN)
}
