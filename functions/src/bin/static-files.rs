//! `GET /static/{name}`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::STATIC_FILES)
}
