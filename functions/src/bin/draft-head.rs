//! `HEAD /resumable/{id}`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::draft::HEAD)
}
