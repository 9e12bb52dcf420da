//! `GET /images/{name}/delete`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::DELETE)
}
