//! `POST /upload`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::UPLOAD_FORM)
}
