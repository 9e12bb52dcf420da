//! `DELETE /images/{name}`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::images::DELETE)
}
